package member

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
)

// TokenPrefix begins every invitation token, so that people and scanners for secrets know one.
const TokenPrefix = "tni_"

// Token is the secret of an invitation: 160 random bits. Its text is TokenPrefix and 32 characters of a to z and 2 to 7. Only
// its Sum is kept.
type Token [20]byte

var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewToken makes a token of 160 random bits.
func NewToken(random io.Reader) (t Token, err error) {
	if _, err := io.ReadFull(random, t[:]); err != nil {
		return Token{}, fmt.Errorf("make a token: %w", err)
	}
	return t, nil
}

// ParseToken reads a token in its one spelling.
func ParseToken(s string) (t Token, err error) {
	rest, ok := strings.CutPrefix(s, TokenPrefix)
	if !ok || len(rest) != alphabet.EncodedLen(len(t)) {
		return Token{}, errNoToken
	}
	if _, err := alphabet.Decode(t[:], []byte(rest)); err != nil || t.Text() != s { // base32 passes over line ends and takes 0xff
		return Token{}, errNoToken
	}
	return t, nil
}

var errNoToken = errors.New("it is no token of an invitation")

// Text is the token as it is handed over.
func (t Token) Text() string { return TokenPrefix + alphabet.EncodeToString(t[:]) }

// Sum is what is kept of the token.
func (t Token) Sum() [sha256.Size]byte { return sha256.Sum256(t[:]) }
