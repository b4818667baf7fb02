package identity_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/identity"
)

const letters = "abcdefghijklmnopqrstuvwxyz234567"

func secretOf(t require.TestingT, random []byte) identity.Secret {
	s, err := identity.NewSecret(bytes.NewReader(random))
	require.NoError(t, err)
	return s
}

func TestSecrets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := secretOf(t, rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "random"))
		text := s.Text()
		require.Regexp(t, `^tnt_[a-z2-7]{40}$`, text)
		require.Equal(t, sha256.Sum256([]byte(text)), s.Sum())
		read, err := identity.ParseSecret(text)
		require.NoError(t, err)
		require.Equal(t, s, read)
		at := rapid.IntRange(len(identity.SecretPrefix), len(text)-1).Draw(t, "at")
		if other := rapid.SampledFrom([]byte(letters)).Draw(t, "letter"); other != text[at] {
			_, err = identity.ParseSecret(text[:at] + string(other) + text[at+1:])
			require.Error(t, err, "one letter is another")
		}
	})
	_, err := identity.NewSecret(bytes.NewReader(make([]byte, 19)))
	require.Error(t, err, "less random bits make no secret")
}

// What is read as a secret has one spelling, and a checksum that fits.
func FuzzSecret(f *testing.F) {
	good := secretOf(f, []byte("01234567890123456789")).Text()
	for _, seed := range []string{"", good, identity.SecretPrefix, good + "a", good[:43], good + "\n", strings.ToUpper(good), "tni_" + good[4:],
		good[:42] + "\r\n", identity.SecretPrefix + strings.Repeat("a", 40), good[:43] + "=", "\xff" + good[1:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := identity.ParseSecret(text)
		if err != nil {
			require.Zero(t, s)
			return
		}
		require.Equal(t, text, s.Text())
		require.Equal(t, s, secretOf(t, s[:20]))
	})
}
