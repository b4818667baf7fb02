package folder_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/blob/folder"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func (s *site) address(t testing.TB, of *tenant.Scope, name string, size int64) string {
	u, err := s.UploadURL(context.Background(), of, name, size, time.Hour)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(u, folder.Path))
	return u
}

// put sends a body of known length and gives the status; a failure must be a problem.
func (s *site) put(t testing.TB, address, body string) int {
	return s.send(t, address, strings.NewReader(body), nil)
}

func (s *site) send(t testing.TB, address string, body io.Reader, header http.Header) int {
	r, err := http.NewRequest(http.MethodPut, s.url+address, body)
	require.NoError(t, err)
	r.Header = header
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	if answer.StatusCode >= 400 {
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
		var problem struct{ Detail string }
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&problem))
		require.NotEmpty(t, problem.Detail)
		require.NotContains(t, problem.Detail, s.root)
	}
	return answer.StatusCode
}

func (s *site) read(t testing.TB, of *tenant.Scope, name string) string {
	f, err := s.Open(context.Background(), of, name)
	require.NoError(t, err)
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	require.NoError(t, err)
	return string(b)
}

// chunked hides a body's length.
func chunked(body string) io.Reader { return io.MultiReader(strings.NewReader(body)) }

func TestUpload(t *testing.T) {
	tests := map[string]struct {
		body   io.Reader
		header http.Header
		status int
	}{
		"of the declared size is kept":             {strings.NewReader("12345"), nil, 200},
		"in chunks is kept":                        {chunked("12345"), nil, 200},
		"of any type and encoding is kept as sent": {strings.NewReader("12345"), http.Header{"Content-Type": {"x/y; z"}, "Content-Encoding": {"gzip"}}, 200},
		"with an Authorization is kept":            {strings.NewReader("12345"), http.Header{"Authorization": {"Bearer x"}}, 200},
		"that is too long is refused":              {strings.NewReader("123456"), nil, 413},
		"that is too long in chunks is refused":    {chunked(strings.Repeat("1", 1<<20)), nil, 413},
		"that is too short is refused":             {strings.NewReader("1234"), nil, 422},
		"that is too short in chunks is refused":   {chunked("1234"), nil, 422},
		"that is empty is refused":                 {http.NoBody, nil, 422},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, a := open(t, t.TempDir()), scope(t, 1)
			require.Equal(t, test.status, s.send(t, s.address(t, a, "deliveries/d/0", 5), test.body, test.header))
			if test.status != 200 {
				require.Empty(t, s.kept(t))
				require.Empty(t, s.events)
				return
			}
			key := "tenants/" + string(a.Tenant()) + "/deliveries/d/0"
			require.Equal(t, []string{key}, s.kept(t))
			require.Equal(t, []string{key}, s.events)
			require.Equal(t, "12345", s.read(t, a, "deliveries/d/0"))
		})
	}
}

func TestUploadThatIsNotAPut(t *testing.T) {
	s := open(t, t.TempDir())
	answer, err := http.Post(s.url+s.address(t, scope(t, 1), "deliveries/d/0", 1), "", strings.NewReader("1"))
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 405, answer.StatusCode)
	require.Equal(t, "PUT", answer.Header.Get("Allow"))
	require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
}

func TestUploadToAnAddress(t *testing.T) {
	s, a := open(t, t.TempDir()), scope(t, 1)
	good := s.address(t, a, "deliveries/d/0", 1)
	other := open(t, t.TempDir()).address(t, a, "deliveries/d/0", 1)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(good, folder.Path))
	require.NoError(t, err)
	forged := func(key string) string {
		return folder.Path + base64.RawURLEncoding.EncodeToString(append(bytes.Clone(raw[:48]), key...))
	}
	refused := map[string]string{
		"of another server":     other,
		"without a token":       folder.Path,
		"that is a path":        folder.Path + "../secret",
		"that is an escape":     folder.Path + url.PathEscape("../../etc/passwd"),
		"with another key":      forged("tenants/ten_x/deliveries/d/0"),
		"with a path for a key": forged("../../../etc/cron.d/x"),
		"with no key":           forged(""),
		"with more behind it":   good + "AAAA",
		"with a slash behind":   good + "/",
		"with padding":          good + "=",
		"that is far too long":  folder.Path + strings.Repeat("A", 100_000),
	}
	for name, address := range refused {
		t.Run(name+" is refused", func(t *testing.T) {
			require.Equal(t, 403, s.put(t, address, "1"))
			require.Empty(t, s.kept(t))
		})
	}
	t.Run("with any bit turned is refused", func(t *testing.T) {
		for i := range raw {
			turned := bytes.Clone(raw)
			turned[i] ^= 1
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest("PUT", folder.Path+base64.RawURLEncoding.EncodeToString(turned), strings.NewReader("1")))
			require.Equal(t, 403, w.Code)
		}
		require.Empty(t, s.kept(t))
	})
	t.Run("that is good is taken until it expires", func(t *testing.T) {
		require.Equal(t, 200, s.put(t, good, "1"))
		s.mu.Lock()
		s.now = noon.Add(time.Hour)
		s.mu.Unlock()
		require.Equal(t, 403, s.put(t, good, "2"))
		require.Equal(t, "1", s.read(t, a, "deliveries/d/0"))
	})
}

// dial opens a connection that has sent the head of an upload of size bytes and a part of its body.
func (s *site) dial(t *testing.T, address string, size int, part string) net.Conn {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", address, size, part)
	require.NoError(t, err)
	return conn
}

func TestUploadThatStops(t *testing.T) {
	t.Run("by a broken connection leaves nothing", func(t *testing.T) {
		s := open(t, t.TempDir())
		conn := s.dial(t, s.address(t, scope(t, 1), "deliveries/d/0", 100), 100, "half")
		require.Eventually(t, func() bool { return len(s.kept(t)) == 1 }, time.Second, time.Millisecond)
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool { return len(s.kept(t)) == 0 }, 2*time.Second, time.Millisecond)
		require.Empty(t, s.events)
	})
	t.Run("by silence is given up and leaves nothing", func(t *testing.T) {
		s := open(t, t.TempDir())
		conn := s.dial(t, s.address(t, scope(t, 1), "deliveries/d/0", 100), 100, "half")
		defer conn.Close()
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(answer), "400 Bad Request")
		require.Contains(t, string(answer), "nothing arrived")
		require.Empty(t, s.kept(t))
	})
	t.Run("a little each time is taken however long it takes", func(t *testing.T) {
		s := open(t, t.TempDir())
		conn := s.dial(t, s.address(t, scope(t, 1), "deliveries/d/0", 10), 10, "")
		defer conn.Close()
		for range 10 { // in all over the stall of the site
			time.Sleep(40 * time.Millisecond)
			_, err := conn.Write([]byte("x"))
			require.NoError(t, err)
		}
		require.Eventually(t, func() bool { return len(s.kept(t)) == 1 && s.told() == 1 }, 2*time.Second, time.Millisecond)
	})
}

func (s *site) told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

func TestUploadsAtOnceLeaveOneWhole(t *testing.T) {
	s, a := open(t, t.TempDir()), scope(t, 1)
	const size, uploads = 1 << 20, 8
	address := s.address(t, a, "deliveries/d/0", size)
	var all sync.WaitGroup
	for i := range uploads {
		all.Go(func() { s.put(t, address, strings.Repeat(string(rune('a'+i)), size)) })
	}
	all.Wait()
	got := s.read(t, a, "deliveries/d/0")
	require.Equal(t, strings.Repeat(got[:1], size), got)
	require.Len(t, s.kept(t), 1)
	require.Equal(t, uploads, s.told())
}

func TestUploadThatCannotBeQueuedIsSentAgain(t *testing.T) {
	s, a := open(t, t.TempDir()), scope(t, 1)
	address := s.address(t, a, "deliveries/d/0", 1)
	s.broken = errors.New("queue is gone")
	require.Equal(t, 503, s.put(t, address, "1"))
	s.broken = nil
	require.Equal(t, 200, s.put(t, address, "1"))
}

func TestAnAddressIsForItsKeyAndSize(t *testing.T) {
	s := open(t, t.TempDir())
	rapid.Check(t, func(r *rapid.T) {
		of := scope(t, rapid.Byte().Draw(r, "tenant"))
		name := fmt.Sprintf("deliveries/%d/%d", rapid.IntRange(0, 5).Draw(r, "delivery"), rapid.IntRange(0, 5).Draw(r, "file"))
		body := rapid.StringMatching(`.{1,50}`).Draw(r, "body")
		address := s.address(t, of, name, int64(len(body)))
		require.NotEqual(t, 200, s.put(t, address, body+"x"))
		require.Equal(t, 200, s.put(t, address, body))
		require.Equal(t, body, s.read(t, of, name))
		require.Equal(t, "tenants/"+string(of.Tenant())+"/"+name, s.events[len(s.events)-1])
	})
}

func FuzzToken(f *testing.F) {
	s := open(f, f.TempDir())
	good := strings.TrimPrefix(s.address(f, scope(f, 1), "deliveries/d/0", 1), folder.Path)
	f.Add(good[:len(good)-1])
	f.Add("")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		r := httptest.NewRequest(http.MethodPut, folder.Path, strings.NewReader("1"))
		r.URL.Path = folder.Path + token
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		require.Equal(t, token == good, w.Code == http.StatusOK)
	})
}
