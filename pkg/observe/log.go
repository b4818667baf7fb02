package observe

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
)

// Text gives a handler that writes lines for people.
func Text(w io.Writer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: scrub})
}

// JSON gives a handler that writes lines as JSON.
func JSON(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: scrub})
}

// scrub takes out of texts what looks like a secret or an address. Nothing logs any; but the texts of errors are made far away, and
// those of dependencies by others.
func scrub(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		if s := a.Value.String(); suspect(s) {
			a.Value = slog.StringValue(Clean(s))
		}
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(Clean(err.Error()))
		}
	}
	return a
}

// marks are in every text that has a secret in it: most have none, and are not searched.
var marks = []string{"@", "eyJ", "tnt_", "tni_", "tne_", "AKIA", "ASIA", "earer", "X-Amz-", "SecretAccessKey", "SessionToken", "token="}

func suspect(s string) bool {
	for _, mark := range marks {
		if strings.Contains(s, mark) {
			return true
		}
	}
	return false
}

var secrets = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(strings.Join([]string{
		`eyJ[\w-]{5,}(\.[\w-]*){0,4}`, // tokens
		`\b(tnt|tni|tne)_[a-zA-Z0-9]{8,}`,
		`\b(AKIA|ASIA)[A-Z0-9]{4,}`,
		`[Bb]earer\s+\S+`,
		`X-Amz-(Signature|Credential|Security-Token)=[^&\s"]+`,
		`(SecretAccessKey|SessionToken)\W{1,5}[\w/+=]+`,
		`\btoken=[^&\s"]+`,
		`[\w.+%-]+@[\w-]+(\.[\w-]+)+`, // addresses
	}, "|"))
})

// Clean writes [removed] for what looks like a token, a key, another secret or an e-mail address.
func Clean(s string) string {
	if !suspect(s) {
		return s
	}
	return secrets().ReplaceAllString(s, "[removed]")
}
