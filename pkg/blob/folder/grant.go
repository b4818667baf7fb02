package folder

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
)

// grant lets whoever holds its token put one file of exactly size bytes at key until it expires.
type grant struct {
	key     string
	size    int64
	expires time.Time
}

const maxToken = 4096 // characters

var encoding = base64.RawURLEncoding.Strict()

// sign gives the token: the MAC, then expiry and size as 8 bytes each, then the key, in base64url.
func (g grant) sign(secret []byte) string {
	body := binary.BigEndian.AppendUint64(nil, uint64(g.expires.Unix()))
	body = binary.BigEndian.AppendUint64(body, uint64(g.size))
	body = append(body, g.key...)
	return encoding.EncodeToString(append(mac(secret, body), body...))
}

// verify reads a token that sign made with the same secret and that has not expired; else fault.Forbidden.
func verify(secret []byte, token string, now time.Time) (grant, error) {
	if len(token) > maxToken {
		return grant{}, errBadToken()
	}
	raw, err := encoding.DecodeString(token)
	if err != nil || len(raw) <= sha256.Size+16 {
		return grant{}, errBadToken()
	}
	sum, body := raw[:sha256.Size], raw[sha256.Size:]
	if !hmac.Equal(sum, mac(secret, body)) {
		return grant{}, errBadToken()
	}
	g := grant{
		expires: time.Unix(int64(binary.BigEndian.Uint64(body)), 0),
		size:    int64(binary.BigEndian.Uint64(body[8:])),
		key:     string(body[16:]),
	}
	if !now.Before(g.expires) {
		return grant{}, fault.New(fault.Forbidden, "This upload address has expired. Begin a new import.")
	}
	return g, nil
}

func errBadToken() error {
	return fault.New(fault.Forbidden, "This upload address is not one of ours. Use the import's uploadUrl as it was given.")
}

func mac(secret, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(body)
	return h.Sum(nil)
}
