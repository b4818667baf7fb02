package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tenantry/tenantry/pkg/fault"
)

// mediaType lets application/json in UTF-8 pass and nothing else.
func mediaType(headers []string) error {
	if len(headers) == 1 {
		t, params, err := mime.ParseMediaType(headers[0])
		charset, given := params["charset"]
		if err == nil && t == "application/json" && (!given || strings.EqualFold(charset, "utf-8")) {
			return nil
		}
	}
	return fault.New(fault.Unsupported, "Send the body as JSON, with the header Content-Type: application/json.")
}

// wellFormed checks that body is one JSON value in UTF-8 whose objects name nothing twice, whose texts are Unicode and which holds
// no null: that would be read as a field that is left out, and a limit of null as none.
func wellFormed(body []byte) error {
	if !utf8.Valid(body) || bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return fault.New(fault.Malformed, "The body is not JSON in UTF-8 without a byte-order mark.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err := value(d, 0, "body")
	if fault.Is(err, fault.Invalid) {
		return err
	}
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return paired(body)
		}
		err = errors.New("there is more after it")
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it ends too early")
	}
	return fault.New(fault.Malformed, "The body is not one JSON value: %v (near byte %d).", err, d.InputOffset())
}

const maxDepth = 64

// value reads one value, which is at a place as problems name it. A null is fault.Invalid.
func value(d *json.Decoder, depth int, at string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t == nil {
		return fault.New(fault.Invalid, "The body holds null at %s: leave out what you do not give.", at).At(at, "is null: leave it out", "")
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errors.New("it is nested too deeply")
	}
	names := map[string]bool{}
	for i := 0; d.More(); i++ {
		of := fmt.Sprintf("%s[%d]", at, i)
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			if names[name] {
				return errors.New("an object names the same field twice")
			}
			names[name], of = true, at+"."+name
		}
		if err := value(d, depth+1, of); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// paired refuses halves of surrogate pairs in the texts of well-formed JSON: no text has them, and each would be read as U+FFFD.
func paired(body []byte) error {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		if i++; body[i] != 'u' {
			continue
		}
		r := escaped(body[i+1:])
		i += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		if !bytes.HasPrefix(body[i+1:], []byte(`\u`)) || utf16.DecodeRune(r, escaped(body[i+3:])) == utf8.RuneError {
			return fault.New(fault.Malformed, "The body is not JSON in Unicode: half of a surrogate pair stands alone (near byte %d).", i)
		}
		i += 6
	}
	return nil
}

// escaped reads four hexadecimal digits; -1 where there are none.
func escaped(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	n, err := strconv.ParseUint(string(b[:4]), 16, 32)
	if err != nil {
		return -1
	}
	return rune(n)
}
