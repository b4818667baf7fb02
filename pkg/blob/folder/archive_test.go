package folder_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/blob/blobtest"
)

// downloads serves a site's downloads.
func (s *site) downloads(t *testing.T) string {
	server := httptest.NewServer(s.Downloads())
	t.Cleanup(server.Close)
	return server.URL
}

func TestArchives(t *testing.T) {
	s := open(t, t.TempDir())
	blobtest.Archives(t, s, scope(t, 1), scope(t, 2), s.downloads(t))
}

func TestADownloadAddress(t *testing.T) {
	s, a := open(t, t.TempDir()), scope(t, 1)
	base := s.downloads(t)
	require.NoError(t, s.Put(context.Background(), a, "exports/e/0.zip", []byte("secret")))
	address, err := s.DownloadURL(context.Background(), a, "exports/e/0.zip", "a.zip", time.Minute)
	require.NoError(t, err)
	status := func(method, path string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Equal(t, 200, status("GET", address))
	require.Equal(t, 200, status("HEAD", address))
	require.Equal(t, 405, status("PUT", address))
	t.Run("that is changed is none", func(t *testing.T) {
		token := strings.TrimPrefix(address, "/downloads/")
		for i := range token {
			other := "A"
			if token[i] == 'A' {
				other = "B"
			}
			changed := token[:i] + other + token[i+1:]
			require.Equal(t, 403, status("GET", "/downloads/"+changed), changed)
		}
		require.Equal(t, 403, status("GET", "/downloads/"))
		require.Equal(t, 403, status("GET", "/downloads/"+strings.Repeat("A", 5000)))
	})
	t.Run("takes no upload, and one for an upload serves nothing", func(t *testing.T) {
		require.Equal(t, 403, s.put(t, "/uploads/"+strings.TrimPrefix(address, "/downloads/"), "x"))
		upload := s.address(t, a, "exports/e/0.zip", 6)
		require.Equal(t, 403, status("GET", "/downloads/"+strings.TrimPrefix(upload, "/uploads/")))
	})
	t.Run("of what is erased says so", func(t *testing.T) {
		require.NoError(t, s.Remove(context.Background(), a, "exports/e/0.zip"))
		require.Equal(t, 404, status("GET", address))
	})
	t.Run("ends", func(t *testing.T) {
		s.mu.Lock()
		s.now = s.now.Add(time.Minute)
		s.mu.Unlock()
		require.Equal(t, 403, status("GET", address))
	})
}
