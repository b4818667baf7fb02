package folder_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/blob/folder"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// site is a folder behind a server, with a clock that tests move.
type site struct {
	*folder.Files
	url, root string

	mu     sync.Mutex
	now    time.Time
	events []string // keys that Uploaded was told of
	broken error    // what Uploaded gives
}

func open(t testing.TB, root string) *site {
	s := &site{root: root, now: noon}
	var err error
	s.Files, err = folder.Open(folder.Options{
		Root: root, Clock: s.clock, Random: rand.Reader, Stall: 200 * time.Millisecond, Uploaded: s.uploaded,
		Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	server := httptest.NewServer(s.Files)
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	return s
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) uploaded(_ context.Context, key string, _ int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, key)
	return s.broken
}

// kept lists the files below the root that are no secret.
func (s *site) kept(t testing.TB) (all []string) {
	require.NoError(t, filepath.WalkDir(s.root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "secret" {
			rel, err := filepath.Rel(s.root, p)
			all = append(all, filepath.ToSlash(rel))
			return err
		}
		return err
	}))
	return all
}

func scope(t testing.TB, n byte) *tenant.Scope {
	id, err := tenant.NewID(noon, bytes.NewReader(bytes.Repeat([]byte{n}, 10)))
	require.NoError(t, err)
	s, err := tenant.Work(id, "test")
	require.NoError(t, err)
	return s
}

func TestFilesOf(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	a, b := scope(t, 1), scope(t, 2)
	require.Equal(t, 200, s.put(t, s.address(t, a, "deliveries/d/0", 5), "first"))

	t.Run("one tenant are read by it", func(t *testing.T) {
		f, err := s.Open(ctx, a, "deliveries/d/0")
		require.NoError(t, err)
		defer f.Close()
		require.EqualValues(t, 5, f.Size())
		got := make([]byte, 3)
		_, err = f.ReadAt(got, 2)
		require.NoError(t, err)
		require.Equal(t, "rst", string(got))
	})
	t.Run("one tenant are not found by another", func(t *testing.T) {
		_, err := s.Open(ctx, b, "deliveries/d/0")
		require.True(t, fault.Is(err, fault.NotFound))
		require.NoError(t, s.Remove(ctx, b, "deliveries/d/0"))
	})
	t.Run("nobody are refused", func(t *testing.T) {
		for _, none := range []*tenant.Scope{nil, {}} {
			_, err := s.Open(ctx, none, "deliveries/d/0")
			require.True(t, fault.Is(err, fault.Forbidden))
			_, err = s.UploadURL(ctx, none, "deliveries/d/0", 1, time.Hour)
			require.True(t, fault.Is(err, fault.Forbidden))
			require.True(t, fault.Is(s.Remove(ctx, none, "deliveries/d/0"), fault.Forbidden))
		}
	})
	t.Run("names that leave the tenant are not found", func(t *testing.T) {
		for _, name := range []string{"", ".", "..", "../" + string(a.Tenant()) + "/deliveries/d/0", "/etc/passwd", "a/../../b", "a//b", "../../secret"} {
			_, err := s.Open(ctx, b, name)
			require.True(t, fault.Is(err, fault.NotFound), name)
			_, err = s.UploadURL(ctx, b, name, 1, time.Hour)
			require.True(t, fault.Is(err, fault.NotFound), name)
			require.True(t, fault.Is(s.Remove(ctx, b, name), fault.NotFound), name)
		}
	})
	t.Run("sizes out of bounds are refused", func(t *testing.T) {
		for _, size := range []int64{-1, 0, delivery.MaxFile + 1} {
			_, err := s.UploadURL(ctx, a, "deliveries/d/1", size, time.Hour)
			require.True(t, fault.Is(err, fault.Invalid))
		}
	})
	t.Run("a folder are none", func(t *testing.T) {
		_, err := s.Open(ctx, a, "deliveries/d")
		require.True(t, fault.Is(err, fault.NotFound))
	})
	t.Run("removed ones are gone, once more is no error", func(t *testing.T) {
		require.NoError(t, s.Remove(ctx, a, "deliveries/d/0"))
		require.NoError(t, s.Remove(ctx, a, "deliveries/d/0"))
		_, err := s.Open(ctx, a, "deliveries/d/0")
		require.True(t, fault.Is(err, fault.NotFound))
		require.Empty(t, s.kept(t))
	})
}

func TestAFolderOpenedAgain(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	address := s.address(t, scope(t, 1), "deliveries/d/0", 3)
	info, err := os.Stat(filepath.Join(root, "secret"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.WriteFile(filepath.Join(root, "incoming", "1"), []byte("left by a killed process"), 0o600))

	again := open(t, root)
	require.Empty(t, again.kept(t), "what an upload left unfinished is removed")
	require.Equal(t, 200, again.put(t, address, "abc"), "addresses given out before still hold")

	require.NoError(t, os.WriteFile(filepath.Join(root, "secret"), []byte("torn"), 0o600))
	require.Equal(t, 403, open(t, root).put(t, address, "abc"), "another secret, other addresses")
}

func TestAnOpenFileOutlivesItsReplacement(t *testing.T) {
	s, a := open(t, t.TempDir()), scope(t, 1)
	address := s.address(t, a, "deliveries/d/0", 3)
	require.Equal(t, 200, s.put(t, address, "old"))
	f, err := s.Open(context.Background(), a, "deliveries/d/0")
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, 200, s.put(t, address, "new"))
	got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
	require.Equal(t, "new", s.read(t, a, "deliveries/d/0"))
}

func TestAFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := folder.Open(folder.Options{Root: file, Random: rand.Reader})
	require.Error(t, err)
	_, err = folder.Open(folder.Options{Root: t.TempDir(), Random: bytes.NewReader(nil)})
	require.True(t, errors.Is(err, io.EOF))
}
