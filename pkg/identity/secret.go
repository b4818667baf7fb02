package identity

import (
	"crypto/sha256"
	"errors"
	"io"

	"github.com/tenantry/tenantry/pkg/secret"
)

// SecretPrefix begins every API key, so that people and scanners for secrets know one.
const SecretPrefix = "tnt_"

const randomBytes = 20

// Secret is what an API key is handed over as: 160 random bits and a checksum of 40, by which what is no key is known
// without asking the directory. Its text is SecretPrefix and 40 characters of a to z and 2 to 7. Only its Sum is kept.
type Secret [randomBytes + 5]byte

// NewSecret makes a secret of 160 random bits.
func NewSecret(random io.Reader) (s Secret, err error) {
	if err := secret.Fill(s[:randomBytes], random); err != nil {
		return Secret{}, err
	}
	copy(s[randomBytes:], s.check())
	return s, nil
}

// ParseSecret reads a secret in its one spelling, and compares its checksum.
func ParseSecret(text string) (s Secret, err error) {
	if err := secret.Parse(SecretPrefix, text, s[:]); err != nil {
		return Secret{}, err
	}
	if string(s[randomBytes:]) != string(s.check()) {
		return Secret{}, errNoSecret
	}
	return s, nil
}

var errNoSecret = errors.New("it is no API key: its checksum is another")

// check is the beginning of the SHA-256 of prefix and random bits, as long as the checksum.
func (s Secret) check() []byte {
	sum := sha256.Sum256(append([]byte(SecretPrefix), s[:randomBytes]...))
	return sum[:len(s)-randomBytes]
}

// Text is the secret as it is handed over.
func (s Secret) Text() string { return secret.Text(SecretPrefix, s[:]) }

// Sum is what is kept of the secret: the SHA-256 of its text.
func (s Secret) Sum() [sha256.Size]byte { return sha256.Sum256([]byte(s.Text())) }
