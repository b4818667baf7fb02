// Package secret writes random bits as the texts that people hand over, after a prefix by which people and scanners for
// secrets know one: in base32 of a to z and 2 to 7, so that a double click takes the whole and none is misread.
package secret

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
)

var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

var errNone = errors.New("it is no secret of this kind")

// Fill fills bits with random ones, all or an error.
func Fill(bits []byte, random io.Reader) error {
	if _, err := io.ReadFull(random, bits); err != nil {
		return fmt.Errorf("make a secret: %w", err)
	}
	return nil
}

// Text writes bits, a multiple of 5 bytes, after a prefix.
func Text(prefix string, bits []byte) string { return prefix + alphabet.EncodeToString(bits) }

// Parse reads as many bits as there is room for from a text in its one spelling. An error says nothing of the text, and
// leaves bits undefined.
func Parse(prefix, text string, bits []byte) error {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != alphabet.EncodedLen(len(bits)) {
		return errNone
	}
	if _, err := alphabet.Decode(bits, []byte(rest)); err != nil || Text(prefix, bits) != text { // base32 passes over line ends and takes 0xff
		return errNone
	}
	return nil
}
