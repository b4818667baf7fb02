package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/blob/s3"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

var ctx = context.Background()

// bucket is Files on a bucket of its own, with a client that counts GETs, keeps who signs, and can break bodies off and
// deny as S3 does.
type bucket struct {
	*s3.Files
	name   string
	gets   atomic.Int64
	broken atomic.Int64 // so many bodies to come break off
	denies atomic.Int32 // 1: files that are not there; 2: all files; 3: lists too
	signed sync.Map     // method -> Authorization
}

// credentials of a tenant are named after it and last for an hour.
func credentials(_ context.Context, id tenant.ID, _ time.Duration) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKID" + string(id), SecretAccessKey: "test", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
}

func open(t testing.TB) *bucket {
	b := &bucket{name: strings.ToLower(rand.Text())}
	client := awss3.NewFromConfig(mototest.Config(mototest.Start(t)), func(o *awss3.Options) {
		o.UsePathStyle = true
		o.HTTPClient = b
	})
	_, err := client.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String(b.name)})
	require.NoError(t, err)
	o := client.Options()
	o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		t.Error("the client's own credentials were asked for")
		return aws.Credentials{}, errors.New("none")
	})
	b.Files = s3.New(awss3.New(o), b.name, credentials)
	return b
}

// Do sends a request of the client.
func (b *bucket) Do(r *http.Request) (*http.Response, error) {
	b.signed.Store(r.Method, r.Header.Get("Authorization"))
	answer, err := http.DefaultClient.Do(r)
	if err == nil && answer.StatusCode == 500 && r.Method != http.MethodGet && r.URL.Query().Has("uploadId") {
		_ = answer.Body.Close() // S3 knows no such upload, which moto fails at
		answer.StatusCode = http.StatusNotFound
		answer.Body = io.NopCloser(strings.NewReader(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchUpload</Code><Message>none</Message></Error>`))
	}
	if err == nil {
		list := r.URL.Query().Has("list-type")
		switch denies := b.denies.Load(); {
		case denies == 1 && r.Method == http.MethodHead && answer.StatusCode == 404, denies >= 2 && r.Method == http.MethodHead, denies == 3 && list:
			answer.StatusCode = http.StatusForbidden
		}
	}
	if err != nil || r.Method != http.MethodGet {
		return answer, err
	}
	b.gets.Add(1)
	if b.broken.Add(-1) >= 0 {
		answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, 10), iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	return answer, nil
}

func (b *bucket) put(t testing.TB, s *tenant.Scope, name string, body []byte) {
	address, err := b.UploadURL(ctx, s, name, int64(len(body)), time.Hour)
	require.NoError(t, err)
	r, err := http.NewRequest(http.MethodPut, address, bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/anything")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
}

func (b *bucket) file(t testing.TB, s *tenant.Scope, name string) delivery.File {
	f, err := b.Open(ctx, s, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func scope(t testing.TB, n byte) *tenant.Scope {
	id, err := tenant.NewID(time.Now(), bytes.NewReader(bytes.Repeat([]byte{n}, 10)))
	require.NoError(t, err)
	s, err := tenant.Work(id, "test")
	require.NoError(t, err)
	return s
}

// pattern is n bytes that differ from place to place.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func TestFilesOf(t *testing.T) {
	b := open(t)
	one, other := scope(t, 1), scope(t, 2)
	b.put(t, one, "deliveries/d/0", []byte("first"))

	t.Run("one tenant are read by it", func(t *testing.T) {
		f := b.file(t, one, "deliveries/d/0")
		require.EqualValues(t, 5, f.Size())
		require.NoError(t, iotest.TestReader(io.NewSectionReader(f, 0, 5), []byte("first")))
		_, err := f.ReadAt(make([]byte, 1), -1)
		require.Error(t, err)
	})
	t.Run("one tenant are not found by another", func(t *testing.T) {
		_, err := b.Open(ctx, other, "deliveries/d/0")
		require.True(t, fault.Is(err, fault.NotFound))
		require.NoError(t, b.Remove(ctx, other, "deliveries/d/0"))
	})
	t.Run("nobody are refused", func(t *testing.T) {
		_, err := b.Open(ctx, &tenant.Scope{}, "deliveries/d/0")
		require.True(t, fault.Is(err, fault.Forbidden))
	})
	t.Run("names that leave the tenant are not found", func(t *testing.T) {
		for _, name := range []string{"", ".", "..", "../" + string(one.Tenant()) + "/deliveries/d/0", "/a", "a//b"} {
			_, err := b.Open(ctx, other, name)
			require.True(t, fault.Is(err, fault.NotFound), name)
			_, err = b.UploadURL(ctx, other, name, 1, time.Hour)
			require.True(t, fault.Is(err, fault.NotFound), name)
			require.True(t, fault.Is(b.Remove(ctx, other, name), fault.NotFound), name)
		}
	})
	t.Run("sizes out of bounds are refused", func(t *testing.T) {
		for _, size := range []int64{-1, 0, delivery.MaxFile + 1} {
			_, err := b.UploadURL(ctx, one, "deliveries/d/1", size, time.Hour)
			require.True(t, fault.Is(err, fault.Invalid))
		}
	})
	t.Run("removed ones are gone, once more is no error", func(t *testing.T) {
		require.NoError(t, b.Remove(ctx, one, "deliveries/d/0"))
		require.NoError(t, b.Remove(ctx, one, "deliveries/d/0"))
		_, err := b.Open(ctx, one, "deliveries/d/0")
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestEveryCallIsTheTenants(t *testing.T) {
	b := open(t)
	for n := range byte(2) {
		s := scope(t, n+1)
		b.put(t, s, "deliveries/d/0", []byte("x"))
		_, err := b.file(t, s, "deliveries/d/0").ReadAt(make([]byte, 1), 0)
		require.NoError(t, err)
		require.NoError(t, b.Remove(ctx, s, "deliveries/d/0"))
		for _, method := range []string{"HEAD", "GET", "DELETE"} {
			signed, _ := b.signed.Load(method)
			require.Contains(t, signed, "Credential=AKID"+string(s.Tenant())+"/", method)
		}
		address, err := b.UploadURL(ctx, s, "deliveries/d/0", 1, time.Minute)
		require.NoError(t, err)
		require.Contains(t, address, "X-Amz-Credential=AKID"+string(s.Tenant())+"%2F")
	}
}

func TestTenantsReadAtTheSameTime(t *testing.T) {
	b := open(t)
	var all sync.WaitGroup
	for n := range byte(4) {
		s := scope(t, n+1)
		b.put(t, s, "deliveries/d/0", []byte{n})
		all.Go(func() {
			for range 5 {
				f, err := b.Open(ctx, s, "deliveries/d/0")
				if err != nil {
					t.Error(err)
					return
				}
				got := make([]byte, 1)
				if _, err := f.ReadAt(got, 0); err != nil || got[0] != n {
					t.Error(n, got, err)
				}
				_ = f.Close()
			}
		})
	}
	all.Wait()
}

func TestAnAddressPromisesNoMoreThanItsCredentials(t *testing.T) {
	for name, test := range map[string]struct {
		left, want time.Duration
	}{
		"that last":            {time.Hour, 45 * time.Minute},
		"that end before":      {20 * time.Minute, 20 * time.Minute},
		"that end with it":     {45 * time.Minute, 45 * time.Minute},
		"that have ended":      {-time.Minute, 0},
		"that end this second": {time.Second / 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			client := awss3.NewFromConfig(mototest.Config("http://127.0.0.1:1"))
			f := s3.New(client, "bucket", func(_ context.Context, _ tenant.ID, least time.Duration) (aws.Credentials, error) {
				require.Equal(t, 45*time.Minute, least)
				return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "test", CanExpire: true, Expires: time.Now().Add(test.left)}, nil
			})
			address, err := f.UploadURL(ctx, scope(t, 1), "deliveries/d/0", 1, 45*time.Minute)
			if test.want == 0 {
				require.True(t, fault.Is(err, fault.Unavailable))
				return
			}
			require.NoError(t, err)
			u, err := url.Parse(address)
			require.NoError(t, err)
			promised, err := time.ParseDuration(u.Query().Get("X-Amz-Expires") + "s")
			require.NoError(t, err)
			require.LessOrEqual(t, promised, test.want)
			require.Greater(t, promised, test.want-time.Minute)
		})
	}
}

func TestWithoutCredentialsNothingIsDone(t *testing.T) {
	b := open(t)
	f := s3.New(awss3.NewFromConfig(mototest.Config(mototest.Start(t))), b.name, func(context.Context, tenant.ID, time.Duration) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("STS gives none")
	})
	s := scope(t, 1)
	b.put(t, s, "deliveries/d/0", []byte("x"))
	_, err := f.UploadURL(ctx, s, "deliveries/d/0", 1, time.Minute)
	require.True(t, fault.Is(err, fault.Unavailable))
	_, err = f.Open(ctx, s, "deliveries/d/0")
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.True(t, fault.Is(f.Remove(ctx, s, "deliveries/d/0"), fault.Unavailable))
	require.NoError(t, b.file(t, s, "deliveries/d/0").Close(), "it is still there")
}

// S3 answers 403 for a file that is not there to those who may not list the whole bucket.
func TestAFileThatIsDeniedBecauseThereIsNone(t *testing.T) {
	b, s := open(t), scope(t, 1)
	b.put(t, s, "deliveries/d/0", []byte("x"))
	b.put(t, s, "deliveries/d/10", []byte("x"))
	b.denies.Store(1)
	for _, name := range []string{"deliveries/d/1", "deliveries/d/2"} {
		_, err := b.Open(ctx, s, name)
		require.True(t, fault.Is(err, fault.NotFound), name)
	}
	require.EqualValues(t, 1, b.file(t, s, "deliveries/d/0").Size())
	for _, denies := range []int32{2, 3} {
		b.denies.Store(denies)
		_, err := b.Open(ctx, s, "deliveries/d/0")
		require.True(t, fault.Is(err, fault.Internal), "%v", err)
	}
}

func TestAnAddressSignsTheSizeAndNothingAClientCannotKnow(t *testing.T) {
	b, s := open(t), scope(t, 1)
	address, err := b.UploadURL(ctx, s, "deliveries/d/0", 7, 10*time.Minute)
	require.NoError(t, err)
	u, err := url.Parse(address)
	require.NoError(t, err)
	require.Equal(t, "/"+b.name+"/tenants/"+string(s.Tenant())+"/deliveries/d/0", u.Path)
	q := u.Query()
	require.Equal(t, "content-length;host", q.Get("X-Amz-SignedHeaders"))
	require.Equal(t, "600", q.Get("X-Amz-Expires"))
	for name := range q {
		require.NotContains(t, strings.ToLower(name), "checksum")
	}
}

func TestAMissingBucketIsNoMissingFile(t *testing.T) {
	b := open(t)
	client := awss3.NewFromConfig(mototest.Config(mototest.Start(t)), func(o *awss3.Options) { o.UsePathStyle = true })
	_, err := client.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String(b.name)})
	require.NoError(t, err)
	require.False(t, fault.Is(b.Remove(ctx, scope(t, 1), "deliveries/d/0"), fault.NotFound))
}

func TestReading(t *testing.T) {
	b, s := open(t), scope(t, 1)
	body := pattern(40<<20 + 12345)
	b.put(t, s, "deliveries/d/0", body)

	t.Run("from end to end takes few requests", func(t *testing.T) {
		b.gets.Store(0)
		f := b.file(t, s, "deliveries/d/0")
		got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, got))
		require.LessOrEqual(t, b.gets.Load(), int64(5+5+1), "windows double to 8 MiB")
	})
	t.Run("in many streams at once fetches little twice", func(t *testing.T) {
		b.gets.Store(0)
		f := b.file(t, s, "deliveries/d/0")
		const streams, step = 20, 64 << 10
		part := len(body) / streams
		got := make([]byte, step)
		for off := 0; off+step <= part; off += step {
			for i := range streams {
				at := i*part + off
				_, err := f.ReadAt(got, int64(at))
				require.NoError(t, err)
				require.True(t, bytes.Equal(body[at:at+step], got))
			}
		}
		require.LessOrEqual(t, b.gets.Load(), int64(streams*6))
	})
	t.Run("by many at once gives everybody the right bytes", func(t *testing.T) {
		f := b.file(t, s, "deliveries/d/0")
		var all errgroup.Group
		for i := range 8 {
			all.Go(func() error {
				got := make([]byte, 100_000)
				for off := i * 1000; off+len(got) <= len(body); off += 3_000_000 {
					if _, err := f.ReadAt(got, int64(off)); err != nil || !bytes.Equal(body[off:off+len(got)], got) {
						return errors.Join(err, errors.New("wrong bytes"))
					}
				}
				return nil
			})
		}
		require.NoError(t, all.Wait())
	})
}

func TestReadingWhatBreaksOff(t *testing.T) {
	b, s := open(t), scope(t, 1)
	body := pattern(40<<20 + 12345)
	b.put(t, s, "deliveries/d/0", body)

	t.Run("goes on where bodies break off", func(t *testing.T) {
		b.broken.Store(2)
		f := b.file(t, s, "deliveries/d/0")
		got := make([]byte, 1000)
		_, err := f.ReadAt(got, 5)
		require.NoError(t, err)
		require.Equal(t, body[5:1005], got)
	})
	t.Run("fails where they always do, and the next read tries again", func(t *testing.T) {
		b.broken.Store(3)
		f := b.file(t, s, "deliveries/d/0")
		got := make([]byte, 1000)
		_, err := f.ReadAt(got, 5)
		require.True(t, fault.Is(err, fault.Unavailable))
		b.broken.Store(0)
		_, err = f.ReadAt(got, 5)
		require.NoError(t, err)
	})
	t.Run("ends with the file", func(t *testing.T) {
		f, err := b.Open(ctx, s, "deliveries/d/0")
		require.NoError(t, err)
		require.NoError(t, f.Close())
		_, err = f.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("never mixes a file with the one that replaced it", func(t *testing.T) {
		f := b.file(t, s, "deliveries/d/0")
		b.put(t, s, "deliveries/d/0", body[1:])
		_, err := f.ReadAt(make([]byte, 1), 30<<20)
		require.True(t, fault.Is(err, fault.Unavailable))
		require.EqualValues(t, len(body)-1, b.file(t, s, "deliveries/d/0").Size())
	})
}

func TestAnyReadsGiveTheBytesThere(t *testing.T) {
	b, s := open(t), scope(t, 1)
	body := pattern(3<<20 + 17)
	b.put(t, s, "deliveries/d/0", body)
	rapid.Check(t, func(r *rapid.T) {
		f, err := b.Open(ctx, s, "deliveries/d/0")
		require.NoError(t, err)
		defer f.Close()
		off := 0
		for range rapid.IntRange(1, 12).Draw(r, "reads") {
			if rapid.Bool().Draw(r, "jump") {
				off = rapid.IntRange(0, len(body)).Draw(r, "offset")
			}
			got := make([]byte, rapid.OneOf(rapid.IntRange(0, 5000), rapid.IntRange(0, 2<<20)).Draw(r, "bytes"))
			n, err := f.ReadAt(got, int64(off))
			require.Equal(t, min(len(got), len(body)-off), n)
			require.Equal(t, n < len(got), err == io.EOF)
			require.True(t, bytes.Equal(body[off:off+n], got[:n]))
			off += n
		}
	})
}
