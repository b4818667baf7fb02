package call

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/bits"
)

// MaxPages bounds the pages of a list.
const MaxPages = 5000

// ErrEndless is that of a list that comes to no end.
var ErrEndless = errors.New("the list gives the same pages again and again, or has too many")

// Trail follows the tokens of a list's pages, and notices where it comes to no end. It is kept where the list is read on later.
type Trail struct {
	Pages int    `json:"pages,omitempty"`
	Mark  string `json:"mark,omitempty"` // the digest of a token that was given
}

// Next takes the token after a page: ErrEndless where tokens are those of before, or the pages more than MaxPages. Of the tokens
// one is kept, the one of page 1, 2, 4, 8 and so on: a round is noticed within three times the pages
// to its end.
func (t *Trail) Next(token string) error {
	sum := sha256.Sum256([]byte(token))
	mark := hex.EncodeToString(sum[:8])
	t.Pages++
	if mark == t.Mark || t.Pages >= MaxPages {
		return ErrEndless
	}
	if bits.OnesCount(uint(t.Pages)) == 1 {
		t.Mark = mark
	}
	return nil
}
