package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
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

// wellFormed checks that body is one JSON value in UTF-8 whose objects name nothing twice.
func wellFormed(body []byte) error {
	if !utf8.Valid(body) || bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return fault.New(fault.Malformed, "The body is not JSON in UTF-8 without a byte-order mark.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err := value(d, 0)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		err = errors.New("there is more after it")
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it ends too early")
	}
	return fault.New(fault.Malformed, "The body is not one JSON value: %v (near byte %d).", err, d.InputOffset())
}

const maxDepth = 64

// value reads one value.
func value(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errors.New("it is nested too deeply")
	}
	names := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if s, _ := name.(string); names[s] {
				return errors.New("an object names the same field twice")
			} else {
				names[s] = true
			}
		}
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
