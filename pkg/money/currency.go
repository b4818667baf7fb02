package money

import (
	"fmt"
	"strings"
)

// Currency is an active ISO 4217 code of three capital letters.
type Currency string

// codes are the active alphabetic codes of ISO 4217 (list one, 2026), funds and metals left out.
const codes = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP " +
	"CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS " +
	"INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU " +
	"MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK " +
	"SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF " +
	"XCD XCG XOF XPF YER ZAR ZMW ZWG "

// ParseCurrency reads an ISO 4217 code; lower case is refused.
func ParseCurrency[T ~string | ~[]byte](code T) (Currency, error) {
	c := string(code)
	if len(c) != 3 || strings.ContainsRune(c, ' ') || !strings.Contains(codes, " "+c+" ") {
		return "", fmt.Errorf("%q is no ISO 4217 currency code", clip(c))
	}
	return Currency(c), nil
}

func clip(s string) string {
	if len(s) > 16 {
		return s[:16] + "..."
	}
	return s
}
