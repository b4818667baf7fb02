package focus

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go/format"

	"github.com/tenantry/tenantry/pkg/money"
)

const (
	wantText         = "expected a column of strings"
	wantNumberColumn = "expected a column of DECIMAL, DOUBLE, integers or strings"
	wantTimeColumn   = "expected a column of TIMESTAMP, DATE or strings"
)

func isNull(cell []byte) bool { return len(cell) == 0 || string(cell) == null }

// isText tells whether the column holds strings.
func isText(c *node) bool {
	if c.kind() != format.ByteArray {
		return false
	}
	switch c.logical.(type) {
	case nil, *format.StringType, *format.EnumType, *format.JsonType:
		return true
	}
	return false
}

func asIs(cell []byte) []byte { return cell }

// numberKind says how amounts of a type are read; nil where they cannot be.
func numberKind(c *node) *kind[number] {
	decimal, isDecimal := c.logical.(*format.DecimalType)
	integer, isInteger := c.logical.(*format.IntType)
	switch c.kind() {
	case format.Double, format.Float:
		return &kind[number]{readFloat, func(cell []byte) []byte { return appendFloat(nil, cell) }}
	case format.Int32, format.Int64:
		switch {
		case isDecimal:
			return decimalKind(signedInteger, decimal.Scale)
		case isInteger && !integer.IsSigned:
			return decimalKind(unsignedInteger, 0)
		case isInteger || c.logical == nil:
			return decimalKind(signedInteger, 0)
		}
	case format.ByteArray, format.FixedLenByteArray:
		if isDecimal {
			return decimalKind(bigEndian, decimal.Scale)
		}
		if isText(c) {
			return &kind[number]{readNumber, asIs}
		}
	}
	return nil
}

func readNumber(cell []byte) (number, string) {
	if isNull(cell) {
		return number{}, ""
	}
	return parseNumber(cell)
}

// appendFloat writes the shortest decimal that reads back as the DOUBLE or FLOAT. No amount is a float beyond here.
func appendFloat(b, cell []byte) []byte {
	v, size := 0.0, 8*len(cell)
	if size == 32 {
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(cell)))
	} else {
		v = math.Float64frombits(binary.LittleEndian.Uint64(cell))
	}
	verb := byte('g')
	if size := math.Abs(v); size > 1e-12 && size < 1e15 {
		verb = 'f' // the same digits, in the form that is parsed faster
	}
	return strconv.AppendFloat(b, v, verb, -1, size)
}

func readFloat(cell []byte) (number, string) {
	var buffer [40]byte
	return parseNumber(appendFloat(buffer[:0], cell))
}

// decimalKind reads integers that stand for numbers 10^scale times smaller. wide gives one as 128 bits, not ok where
// they are too few.
func decimalKind(wide func(cell []byte) (hi int64, lo uint64, ok bool), scale int32) *kind[number] {
	if scale < 0 || scale > 1000 {
		return nil
	}
	show := func(cell []byte) []byte {
		var n *big.Int
		if hi, lo, ok := wide(cell); ok {
			n = new(big.Int).Lsh(big.NewInt(hi), 64)
			n.Add(n, new(big.Int).SetUint64(lo))
		} else {
			n = bigInt(cell[:min(len(cell), 64)]) // of more, the size alone is wrong enough
		}
		text := n.Append(nil, 10)
		if scale > 0 {
			text = strconv.AppendInt(append(text, 'e'), int64(-scale), 10)
		}
		return text
	}
	read := func(cell []byte) (number, string) {
		if hi, lo, ok := wide(cell); ok && scale <= money.Scale {
			if amount, err := money.FromUnscaled(hi, lo, int(scale)); err == nil {
				return number{amount: amount, present: true}, ""
			}
		}
		return parseNumber(show(cell))
	}
	return &kind[number]{read, show}
}

func signedInteger(cell []byte) (hi int64, lo uint64, ok bool) {
	v := int64(0)
	if len(cell) == 4 {
		v = int64(int32(binary.LittleEndian.Uint32(cell)))
	} else {
		v = int64(binary.LittleEndian.Uint64(cell))
	}
	return v >> 63, uint64(v), true
}

func unsignedInteger(cell []byte) (hi int64, lo uint64, ok bool) {
	if len(cell) == 4 {
		return 0, uint64(binary.LittleEndian.Uint32(cell)), true
	}
	return 0, binary.LittleEndian.Uint64(cell), true
}

// bigEndian reads a two's complement integer, highest byte first.
func bigEndian(cell []byte) (hi int64, lo uint64, ok bool) {
	if len(cell) == 0 || len(cell) > 16 {
		return 0, 0, false
	}
	var wide [16]byte
	if cell[0] >= 0x80 {
		binary.BigEndian.PutUint64(wide[:], math.MaxUint64)
		binary.BigEndian.PutUint64(wide[8:], math.MaxUint64)
	}
	copy(wide[16-len(cell):], cell)
	return int64(binary.BigEndian.Uint64(wide[:])), binary.BigEndian.Uint64(wide[8:]), true
}

func bigInt(cell []byte) *big.Int {
	n := new(big.Int).SetBytes(cell)
	if len(cell) > 0 && cell[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(cell))))
	}
	return n
}

// instantKind says how instants of a type are read; nil where they cannot be.
func instantKind(c *node) *kind[instant] {
	switch c.kind() {
	case format.Int32:
		if _, ok := c.logical.(*format.DateType); ok {
			return timeKind(func(cell []byte) (int64, int64) {
				return int64(int32(binary.LittleEndian.Uint32(cell))) * 86400, 0
			})
		}
	case format.Int64:
		if stamp, ok := c.logical.(*format.TimestampType); ok && stamp.Unit.Value != nil {
			perSecond := int64(time.Second / stamp.Unit.Value.Duration())
			return timeKind(func(cell []byte) (int64, int64) {
				v := int64(binary.LittleEndian.Uint64(cell))
				seconds, rest := v/perSecond, v%perSecond
				if rest < 0 {
					seconds, rest = seconds-1, rest+perSecond
				}
				return seconds, rest * (int64(time.Second) / perSecond)
			})
		}
	case format.Int96: // nanoseconds of the day and the Julian day, as Spark and Impala wrote them
		return timeKind(func(cell []byte) (int64, int64) {
			nanos, day := int64(binary.LittleEndian.Uint64(cell)), int64(binary.LittleEndian.Uint32(cell[8:]))
			return (day-2440588)*86400 + nanos/int64(time.Second), nanos % int64(time.Second)
		})
	case format.ByteArray:
		if isText(c) {
			return &kind[instant]{readInstant, asIs}
		}
	}
	return nil
}

func readInstant(cell []byte) (instant, string) {
	if isNull(cell) {
		return 0, ""
	}
	return parseInstant(cell)
}

func timeKind(split func(cell []byte) (seconds, nanos int64)) *kind[instant] {
	return &kind[instant]{
		func(cell []byte) (instant, string) { return instantOf(split(cell)) },
		func(cell []byte) []byte {
			seconds, nanos := split(cell)
			return time.Unix(seconds, nanos).UTC().AppendFormat(nil, time.RFC3339Nano)
		},
	}
}
