package focus_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/focus"
)

func TestTagsAreCanonical(t *testing.T) {
	for text, want := range map[string]string{
		``: ``, `NULL`: ``, `{}`: ``, ` { } `: ``,
		`{"a":"b"}`:                                        `{"a":"b"}`,
		` { "b" : "2" , "a" : "1" } `:                      `{"a":"1","b":"2"}`,
		"{\"a\":\t\"b\",\r\n\"c\":\"\"}":                   `{"a":"b","c":""}`,
		`{"a":"1","a":"2"}`:                                `{"a":"2"}`,
		`{"n":1.50e3,"t":true,"f":false,"z":null}`:         `{"f":"false","n":"1.50e3","t":"true","z":""}`,
		`{"o":{"x": [1, "y"]},"l":[ ]}`:                    `{"l":"[]","o":"{\"x\":[1,\"y\"]}"}`,
		`{"q\"":"\\ \/ \u00e9 \ud83d\ude00 é <&>"}`:        `{"q\"":"\\ / é 😀 é <&>"}`,
		`{"":"empty key"}`:                                 `{"":"empty key"}`,
		`{"a":"\ufffd"}`:                                   "{\"a\":\"\uFFFD\"}",
		`{"env": "prod", "org": "trey", " org": "spaced"}`: `{" org":"spaced","env":"prod","org":"trey"}`,
	} {
		t.Run(text, func(t *testing.T) {
			for range 2 { // the second time from what is kept
				l, s := readLine(t, cells{"Tags": text})
				require.Equal(t, want, s.Text(focus.Tags, l.Dims[focus.Tags]))
			}
		})
	}
}

func TestTagValues(t *testing.T) {
	into := make([]string, 1, 8)
	into[0] = "kept"
	got := focus.TagValues(`{"a":"1","b\"":"\\\"","c":""}`, []string{"c", `b"`, "none", "a", "a"}, into)
	require.Equal(t, []string{"kept", "", `\"`, "", "1", "1"}, got)
	require.Equal(t, []string{""}, focus.TagValues("", []string{"a"}, nil))
	require.Empty(t, focus.TagValues(`{"a":"1"}`, nil, nil))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		into = focus.TagValues(`{"application":"a","environment":"prod"}`, []string{"environment", "team"}, into[:0])
	}))
}

// text draws what a file may hold as a text: no control characters, and not the null text.
func text(longest int) *rapid.Generator[string] {
	runes := rapid.OneOf(rapid.RuneFrom([]rune(`ab",\ {}:'`)), rapid.RuneFrom([]rune("é界😀\u2028\uFFFD")), rapid.RuneFrom([]rune("xyz019-_/.")))
	return rapid.StringOfN(runes, 0, longest, -1).Filter(func(s string) bool { return s != "NULL" })
}

func TestTagsKeepKeysAndValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tags := rapid.MapOfN(text(8), text(12), 0, 6).Draw(t, "tags")
		raw, err := json.Marshal(tags)
		require.NoError(t, err)
		if rapid.Bool().Draw(t, "indented") {
			raw, _ = json.MarshalIndent(tags, "", "\t")
		}
		s := focus.NewSymbols()
		_, lines, err := read(file(cells{"Tags": string(raw)}), focus.Options{Symbols: s})
		require.NoError(t, err)
		checkTags(t, s.Text(focus.Tags, lines[0].Dims[focus.Tags]), tags)
	})
}

// checkTags tells that a canonical text holds the tags.
func checkTags(t require.TestingT, canonical string, tags map[string]string) {
	if len(tags) == 0 {
		require.Empty(t, canonical)
		return
	}
	got := map[string]string{}
	require.NoError(t, json.Unmarshal([]byte(canonical), &got))
	require.Equal(t, tags, got)
	keys, values := []string{"absent key"}, []string{""}
	for key, value := range tags {
		keys, values = append(keys, key), append(values, value)
	}
	require.Equal(t, values, focus.TagValues(canonical, keys, nil))
	require.False(t, strings.HasSuffix(canonical, " }"))
}
