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

// Archives holds files to export.Files. a and b are of two tenants; base is what addresses without a host are below.
func Archives(t *testing.T, files export.Files, a, b *tenant.Scope, base string) {
	ctx := t.Context()
	first, second := bytes.Repeat([]byte("first"), part/5), []byte("second")
	write := func(t *testing.T, s *tenant.Scope, parts ...[]byte) (writing string, tags []string) {
		writing, err := files.Begin(ctx, s, name)
		require.NoError(t, err)
		for i, p := range parts {
			tag, err := files.Part(ctx, s, name, writing, i+1, p)
			require.NoError(t, err)
			tags = append(tags, tag)
		}
		return writing, tags
	}
	t.Run("parts become a file when they are finished and not before", func(t *testing.T) {
		writing, tags := write(t, a, first, second)
		_, err := files.Get(ctx, a, name)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		require.NoError(t, files.Finish(ctx, a, name, writing, tags))
		whole, err := files.Get(ctx, a, name)
		require.NoError(t, err)
		require.True(t, bytes.Equal(append(first[:len(first):len(first)], second...), whole))
	})
	t.Run("what is finished cannot be gone on with", func(t *testing.T) {
		writing, tags := write(t, a, second)
		require.NoError(t, files.Finish(ctx, a, name, writing, tags))
		_, err := files.Part(ctx, a, name, writing, 2, second)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		require.NoError(t, files.Drop(ctx, a, name, writing))
	})
	t.Run("a part that is written again takes the place of the first", func(t *testing.T) {
		writing, tags := write(t, a, first)
		again, err := files.Part(ctx, a, name, writing, 1, second)
		require.NoError(t, err)
		require.NotEqual(t, tags[0], again)
		same, err := files.Part(ctx, a, name, writing, 1, second)
		require.NoError(t, err)
		require.Equal(t, again, same)
		require.True(t, fault.Is(files.Finish(ctx, a, name, writing, tags), fault.NotFound), "the part is another by now")
		require.NoError(t, files.Finish(ctx, a, name, writing, []string{again}))
		got, err := files.Get(ctx, a, name)
		require.NoError(t, err)
		require.Equal(t, second, got)
	})
	t.Run("what is dropped is gone", func(t *testing.T) {
		writing, tags := write(t, a, second)
		require.NoError(t, files.Drop(ctx, a, name, writing))
		require.NoError(t, files.Drop(ctx, a, name, writing))
		_, err := files.Part(ctx, a, name, writing, 2, second)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		require.True(t, fault.Is(files.Finish(ctx, a, name, writing, tags), fault.NotFound))
	})
	t.Run("small files are put, replaced, got and removed", func(t *testing.T) {
		for _, body := range []string{"one", "two", ""} {
			require.NoError(t, files.Put(ctx, a, "exports/e/rest", []byte(body)))
			got, err := files.Get(ctx, a, "exports/e/rest")
			require.NoError(t, err)
			require.Equal(t, body, string(got))
		}
		require.NoError(t, files.Remove(ctx, a, "exports/e/rest"))
		_, err := files.Get(ctx, a, "exports/e/rest")
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	})
	t.Run("an address serves the file and no other", func(t *testing.T) { testAddress(t, files, a, base, second) })
	t.Run("another tenant's are its own", func(t *testing.T) {
		_, err := files.Get(ctx, b, name)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		require.NoError(t, files.Remove(ctx, b, name))
		_, err = files.Get(ctx, a, name)
		require.NoError(t, err)
	})
	t.Run("nobody has any", func(t *testing.T) { testNobody(t, files) })
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
