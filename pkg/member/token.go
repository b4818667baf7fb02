package member

import (
	"crypto/sha256"
	"io"

	"github.com/tenantry/tenantry/pkg/secret"
)

// TokenPrefix begins every invitation token.
const TokenPrefix = "tni_"

// Token is the secret of an invitation: 160 random bits. Its text is TokenPrefix and 32 characters of a to z and 2 to 7. Only
// its Sum is kept.
type Token [20]byte

// NewToken makes a token of 160 random bits.
func NewToken(random io.Reader) (t Token, err error) {
	if err := secret.Fill(t[:], random); err != nil {
		return Token{}, err
	}
	return t, nil
}

// ParseToken reads a token in its one spelling.
func ParseToken(s string) (t Token, err error) {
	if err := secret.Parse(TokenPrefix, s, t[:]); err != nil {
		return Token{}, err
	}
	return t, nil
}

// Text is the token as it is handed over.
func (t Token) Text() string { return secret.Text(TokenPrefix, t[:]) }

// Sum is what is kept of the token.
func (t Token) Sum() [sha256.Size]byte { return sha256.Sum256(t[:]) }
