package member_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/member"
)

func TestTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "random")
		token, err := member.NewToken(bytes.NewReader(random))
		require.NoError(t, err)
		text := token.Text()
		require.Regexp(t, `^tni_[a-z2-7]{32}$`, text)
		read, err := member.ParseToken(text)
		require.NoError(t, err)
		require.Equal(t, token, read)
		i := rapid.IntRange(0, 19).Draw(t, "byte")
		other := token
		other[i]++
		require.NotEqual(t, token.Sum(), other.Sum())
		require.NotEqual(t, text, other.Text())
	})
	_, err := member.NewToken(bytes.NewReader(make([]byte, 19)))
	require.Error(t, err, "less random bits make no token")
}

const aToken = "tni_aaaabbbbccccddddeeeeffffgggghhhh"

func TestTokensThatAreNone(t *testing.T) {
	_, err := member.ParseToken(aToken)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"empty": "", "prefix alone": "tni_", "too short": aToken[:35], "too long": aToken + "a", "capitals": strings.ToUpper(aToken), "no prefix": aToken[4:],
		"another prefix": "tnt_" + aToken[4:], "padded": " " + aToken, "a line end": aToken[:35] + "\n", "line ends within": aToken[:34] + "\r\n",
		"a line end more": aToken + "\n", "a letter it lacks": aToken[:35] + "1", "not ASCII": aToken[:34] + "é",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := member.ParseToken(text)
			require.Error(t, err)
			if text != "" {
				require.NotContains(t, err.Error(), text)
			}
		})
	}
}

// What is read as a token has one spelling.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{"", aToken, aToken + "\n", "tni_", "tnt_" + aToken[4:], strings.ToUpper(aToken), aToken[:34] + "\r\n", aToken[:35] + "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := member.ParseToken(text)
		if err != nil {
			require.Zero(t, token)
			return
		}
		require.Equal(t, text, token.Text())
	})
}
