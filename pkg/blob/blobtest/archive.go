// Package blobtest is the one suite that whatever keeps archives must pass.
package blobtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/export"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	name = "exports/e/0.zip"
	part = 5 << 20 // the least that S3 takes
)

var first, second = bytes.Repeat([]byte("first"), part/5), []byte("second")

// Archives holds files to export.Files. a and b are of two tenants; base is what addresses without a host are below.
func Archives(t *testing.T, files export.Files, a, b *tenant.Scope, base string) {
	s := &suite{files, a}
	t.Run("parts become a file when they are finished and not before", s.testFinish)
	t.Run("what is finished cannot be gone on with", s.testFinished)
	t.Run("a part that is written again takes the place of the first", s.testPartAgain)
	t.Run("what is dropped is gone", s.testDrop)
	t.Run("small files are put, replaced, got and removed", s.testPut)
	t.Run("an address serves the file and no other", func(t *testing.T) { testAddress(t, files, a, base, second) })
	t.Run("another tenant's are its own", func(t *testing.T) {
		requireNone(t, files, b, name)
		require.NoError(t, files.Remove(t.Context(), b, name))
		requireFile(t, files, a, name, second)
	})
	t.Run("nobody has any", func(t *testing.T) { testNobody(t, files) })
}

// suite is what the tests of one tenant's files are of.
type suite struct {
	files export.Files
	of    *tenant.Scope
}

// write begins a file and writes parts of it.
func (s *suite) write(t *testing.T, parts ...[]byte) (writing string, tags []string) {
	writing, err := s.files.Begin(t.Context(), s.of, name)
	require.NoError(t, err)
	for i, p := range parts {
		tags = append(tags, s.part(t, writing, i+1, p))
	}
	return writing, tags
}

func (s *suite) part(t *testing.T, writing string, number int, p []byte) (tag string) {
	tag, err := s.files.Part(t.Context(), s.of, name, writing, number, p)
	require.NoError(t, err)
	return tag
}

func (s *suite) finish(t *testing.T, writing string, tags ...string) error {
	return s.files.Finish(t.Context(), s.of, name, writing, tags)
}

// requireOver checks that a writing takes no more parts.
func (s *suite) requireOver(t *testing.T, writing string) {
	_, err := s.files.Part(t.Context(), s.of, name, writing, 2, second)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func (s *suite) testFinish(t *testing.T) {
	writing, tags := s.write(t, first, second)
	requireNone(t, s.files, s.of, name)
	require.NoError(t, s.finish(t, writing, tags...))
	requireFile(t, s.files, s.of, name, append(first[:len(first):len(first)], second...))
}

func (s *suite) testFinished(t *testing.T) {
	writing, tags := s.write(t, second)
	require.NoError(t, s.finish(t, writing, tags...))
	s.requireOver(t, writing)
	require.NoError(t, s.files.Drop(t.Context(), s.of, name, writing))
}

func (s *suite) testPartAgain(t *testing.T) {
	writing, tags := s.write(t, first)
	again := s.part(t, writing, 1, second)
	require.NotEqual(t, tags[0], again)
	require.Equal(t, again, s.part(t, writing, 1, second))
	require.True(t, fault.Is(s.finish(t, writing, tags...), fault.NotFound), "the part is another by now")
	require.NoError(t, s.finish(t, writing, again))
	requireFile(t, s.files, s.of, name, second)
}

func (s *suite) testDrop(t *testing.T) {
	writing, tags := s.write(t, second)
	require.NoError(t, s.files.Drop(t.Context(), s.of, name, writing))
	require.NoError(t, s.files.Drop(t.Context(), s.of, name, writing))
	s.requireOver(t, writing)
	require.True(t, fault.Is(s.finish(t, writing, tags...), fault.NotFound))
}

func (s *suite) testPut(t *testing.T) {
	const small = "exports/e/rest"
	for _, body := range []string{"one", "two", ""} {
		require.NoError(t, s.files.Put(t.Context(), s.of, small, []byte(body)))
		requireFile(t, s.files, s.of, small, []byte(body))
	}
	require.NoError(t, s.files.Remove(t.Context(), s.of, small))
	requireNone(t, s.files, s.of, small)
}

func requireFile(t *testing.T, files export.Files, s *tenant.Scope, name string, want []byte) {
	got, err := files.Get(t.Context(), s, name)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "%d bytes and not %d", len(got), len(want))
}

func requireNone(t *testing.T, files export.Files, s *tenant.Scope, name string) {
	_, err := files.Get(t.Context(), s, name)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func testAddress(t *testing.T, files export.Files, s *tenant.Scope, base string, want []byte) {
	url, err := files.DownloadURL(t.Context(), s, name, "all of it.zip", time.Minute)
	require.NoError(t, err)
	if url[0] == '/' {
		url = base + url
	}
	answer, body := get(t, url, "")
	require.Equal(t, 200, answer.StatusCode, "%s", body)
	require.Equal(t, want, body)
	answer, body = get(t, url, "bytes=1-2")
	require.Equal(t, http.StatusPartialContent, answer.StatusCode)
	require.Equal(t, want[1:3], body)
}

func get(t *testing.T, url, ranged string) (*http.Response, []byte) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if ranged != "" {
		r.Header.Set("Range", ranged)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, body
}

func testNobody(t *testing.T, files export.Files) {
	ctx := context.Background()
	for _, s := range []*tenant.Scope{nil, {}} {
		_, begin := files.Begin(ctx, s, name)
		_, part := files.Part(ctx, s, name, "w", 1, nil)
		_, get := files.Get(ctx, s, name)
		_, url := files.DownloadURL(ctx, s, name, "x", time.Minute)
		for _, err := range []error{begin, part, get, url, files.Finish(ctx, s, name, "w", nil), files.Drop(ctx, s, name, "w"), files.Put(ctx, s, name, nil)} {
			require.True(t, fault.Is(err, fault.Forbidden), "%v", err)
		}
	}
}
