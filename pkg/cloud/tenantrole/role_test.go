package tenantrole_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/cloud/tenantrole"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const arn = "arn:aws:iam::123456789012:role/tenant-data"

var ctx = context.Background()

// front is the way to STS. It keeps what was asked for, and answers by itself unless it has moto's address.
type front struct {
	moto  string
	now   atomic.Int64 // seconds
	mode  atomic.Value // answer
	life  time.Duration
	slow  chan struct{} // where given, answers wait for it
	mu    sync.Mutex
	asked []url.Values
}

type answer string

const (
	grants answer = ""
	denies answer = "AccessDenied"
	fails  answer = "InternalFailure"
)

func (f *front) clock() time.Time { return time.Unix(f.now.Load(), 0).UTC() }

func (f *front) advance(d time.Duration) { f.now.Add(int64(d / time.Second)) }

func (f *front) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

func (f *front) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.asked = append(f.asked, form)
	n := len(f.asked)
	f.mu.Unlock()
	if f.slow != nil {
		select {
		case <-f.slow:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if f.moto != "" {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		return http.DefaultClient.Do(r)
	}
	status, text := 200, fmt.Sprintf(`<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%s%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
		`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		form.Get("RoleSessionName"), n, f.clock().Add(f.life).Format(time.RFC3339))
	switch mode, _ := f.mode.Load().(answer); mode {
	case denies, fails:
		status = map[answer]int{denies: 403, fails: 500}[mode]
		text = fmt.Sprintf(`<ErrorResponse><Error><Code>%s</Code><Message>no</Message></Error></ErrorResponse>`, mode)
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

// open gives a role whose STS is f.
func (f *front) open(t testing.TB, kept int) *tenantrole.Role {
	t.Helper()
	if f.now.Load() == 0 {
		f.now.Store(time.Now().Unix())
	}
	if f.life == 0 {
		f.life = tenantrole.Life
	}
	address := f.moto
	if address == "" {
		address = "http://127.0.0.1:1"
	}
	client := sts.NewFromConfig(mototest.Config(address), func(o *sts.Options) { o.HTTPClient, o.RetryMaxAttempts = f, 1 })
	r, err := tenantrole.New(client, tenantrole.Options{ARN: arn, Clock: f.clock, Kept: kept})
	require.NoError(t, err)
	return r
}

func tenantOf(n int) tenant.ID { return tenant.ID(fmt.Sprintf("ten_%026d", n)) }

func key(t testing.TB, r *tenantrole.Role, id tenant.ID) string {
	t.Helper()
	c, err := r.Of(id).Retrieve(ctx)
	require.NoError(t, err)
	return c.AccessKeyID
}

func TestASessionIsTheTenants(t *testing.T) {
	f := &front{moto: mototest.Start(t)}
	r := f.open(t, 0)
	require.Zero(t, f.calls(), "made without a call")
	provider := r.Of(tenantOf(1))
	require.Zero(t, f.calls(), "made without a call")
	c, err := provider.Retrieve(ctx)
	require.NoError(t, err)
	require.True(t, c.HasKeys())
	require.NotEqual(t, "AKIDTEST", c.AccessKeyID)
	require.NotEmpty(t, c.SessionToken)
	require.True(t, c.CanExpire)
	require.WithinDuration(t, time.Now().Add(59*time.Minute), c.Expires, 10*time.Second)
	asked := f.asked[0]
	for name, want := range map[string]string{
		"Action": "AssumeRole", "RoleArn": arn, "RoleSessionName": string(tenantOf(1)), "DurationSeconds": "3600",
		"Tags.member.1.Key": "tenant", "Tags.member.1.Value": string(tenantOf(1)), "Tags.member.2.Key": "", "TransitiveTagKeys.member.1": "", "Policy": "",
	} {
		require.Equal(t, want, asked.Get(name), name)
	}
	require.NotEqual(t, c.AccessKeyID, key(t, r, tenantOf(2)))
	require.Equal(t, string(tenantOf(2)), f.asked[1].Get("Tags.member.1.Value"))
}

func TestWarmNothingIsCalled(t *testing.T) {
	f := &front{}
	r := f.open(t, 0)
	for range 3 {
		for n := range 20 {
			require.Contains(t, key(t, r, tenantOf(n)), string(tenantOf(n)))
		}
		f.advance(15 * time.Minute)
	}
	require.Equal(t, 20, f.calls())
}

func TestASessionIsRenewedBeforeItsEndAndNeverGivenAfter(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration
		then  answer
		calls int // of STS in all, with two after that time
		want  string
	}{
		"early enough": {49 * time.Minute, fails, 1, "old"},
		"near its end": {55 * time.Minute, grants, 2, "new"},
		"near its end, while STS fails, asked once": {55 * time.Minute, fails, 2, "old"},
		"a minute before its end, while STS fails":  {59 * time.Minute, fails, 3, "none"},
		"at its end":                                   {60 * time.Minute, grants, 2, "new"},
		"at its end, while STS fails":                  {60 * time.Minute, fails, 3, "none"},
		"near its end, denied":                         {55 * time.Minute, denies, 3, "none"},
		"at its end, denied":                           {61 * time.Minute, denies, 3, "none"},
		"before it need be renewed, whatever STS says": {10 * time.Minute, denies, 1, "old"},
		"days after, as where the function was frozen": {72 * time.Hour, grants, 2, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &front{}
			r := f.open(t, 0)
			old := key(t, r, tenantOf(1))
			f.advance(test.after)
			f.mode.Store(test.then)
			for range 2 {
				c, err := r.Of(tenantOf(1)).Retrieve(ctx)
				if test.want == "none" {
					require.ErrorContains(t, err, "tenant role: STS gives no session")
					require.Zero(t, c)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, test.want == "old", c.AccessKeyID == old)
				require.True(t, f.clock().Before(c.Expires))
			}
			require.Equal(t, test.calls, f.calls())
		})
	}
}

func TestRenewal(t *testing.T) {
	t.Run("a failure is asked about again after a pause", func(t *testing.T) {
		f := &front{}
		r := f.open(t, 0)
		old := key(t, r, tenantOf(1))
		f.advance(55 * time.Minute)
		f.mode.Store(fails)
		require.Equal(t, old, key(t, r, tenantOf(1)))
		f.mode.Store(grants)
		require.Equal(t, old, key(t, r, tenantOf(1)))
		f.advance(time.Minute)
		require.NotEqual(t, old, key(t, r, tenantOf(1)))
		require.Equal(t, 3, f.calls())
	})
	t.Run("one that has ended already is not given", func(t *testing.T) {
		for _, life := range []time.Duration{-time.Hour, 0, time.Minute} {
			f := &front{}
			r := f.open(t, 0)
			f.life = life
			_, err := r.Of(tenantOf(1)).Retrieve(ctx)
			require.ErrorContains(t, err, "has ended")
		}
	})
	t.Run("not all are renewed at once", func(t *testing.T) {
		f := &front{}
		r := f.open(t, 0)
		for n := range 200 {
			key(t, r, tenantOf(n))
		}
		f.advance(52*time.Minute + 30*time.Second)
		for n := range 200 {
			key(t, r, tenantOf(n))
		}
		require.Greater(t, f.calls(), 250)
		require.Less(t, f.calls(), 350)
	})
}

func TestLasting(t *testing.T) {
	f := &front{}
	r := f.open(t, 0)
	first, err := r.Lasting(ctx, tenantOf(1), 45*time.Minute)
	require.NoError(t, err)
	f.advance(10 * time.Minute)
	again, err := r.Lasting(ctx, tenantOf(1), 45*time.Minute)
	require.NoError(t, err)
	require.Equal(t, first, again)
	f.advance(10 * time.Minute)
	f.mode.Store(fails)
	less, err := r.Lasting(ctx, tenantOf(1), 45*time.Minute)
	require.NoError(t, err)
	require.Equal(t, first, less, "what is left, where no other can be had")
	f.mode.Store(grants)
	f.advance(time.Minute)
	other, err := r.Lasting(ctx, tenantOf(1), 45*time.Minute)
	require.NoError(t, err)
	require.NotEqual(t, first, other)
	require.Equal(t, f.clock().Add(59*time.Minute), other.Expires)
	require.Equal(t, other.AccessKeyID, key(t, r, tenantOf(1)))
}

func TestItFailsClosed(t *testing.T) {
	t.Run("nothing that is no tenant is asked for", func(t *testing.T) {
		f := &front{}
		r := f.open(t, 0)
		for _, id := range []tenant.ID{"", "*", "ten_*", "ten_", tenantOf(1) + "0", "ten_0000000000000000000000000#"} {
			c, err := r.Of(id).Retrieve(ctx)
			require.Error(t, err, id)
			require.Zero(t, c)
		}
		require.Zero(t, f.calls())
	})
	t.Run("a role that is not named is none", func(t *testing.T) {
		_, err := tenantrole.New(sts.New(sts.Options{}), tenantrole.Options{})
		require.Error(t, err)
	})
	t.Run("denied, nothing is given until STS gives again", func(t *testing.T) {
		f := &front{}
		f.mode.Store(denies)
		r := f.open(t, 0)
		for range 2 {
			c, err := r.Of(tenantOf(1)).Retrieve(ctx)
			require.ErrorContains(t, err, "access is denied")
			require.Zero(t, c)
		}
		f.mode.Store(grants)
		require.NotEmpty(t, key(t, r, tenantOf(1)))
	})
	t.Run("an STS that is not there gives nothing", func(t *testing.T) {
		client := sts.NewFromConfig(mototest.Config("http://127.0.0.1:1"), func(o *sts.Options) { o.RetryMaxAttempts = 1 })
		r, err := tenantrole.New(client, tenantrole.Options{ARN: arn})
		require.NoError(t, err)
		c, err := r.Of(tenantOf(1)).Retrieve(ctx)
		require.ErrorContains(t, err, "cannot be asked")
		require.Zero(t, c)
	})
	t.Run("what STS says is not taken for the answer of another service", func(t *testing.T) {
		f := &front{}
		f.mode.Store(denies)
		_, err := f.open(t, 0).Of(tenantOf(1)).Retrieve(ctx)
		var code interface{ ErrorCode() string }
		require.False(t, errors.As(err, &code))
	})
}

func TestASmallCacheServesManyTenants(t *testing.T) {
	f := &front{}
	r := f.open(t, 50)
	for range 2 {
		for n := range 1000 {
			require.Contains(t, key(t, r, tenantOf(n)), string(tenantOf(n)))
		}
	}
	require.Equal(t, 2000, f.calls())
	for n := 950; n < 1000; n++ {
		key(t, r, tenantOf(n))
	}
	require.Equal(t, 2000, f.calls(), "those used last are kept")
}

func TestConcurrently(t *testing.T) {
	t.Run("many calls of a tenant are one of STS, and of others one each", func(t *testing.T) {
		f := &front{slow: make(chan struct{})}
		r := f.open(t, 1000)
		var all sync.WaitGroup
		for n := range 20 {
			for range 50 {
				all.Go(func() {
					c, err := r.Of(tenantOf(n)).Retrieve(ctx)
					if err != nil || !strings.Contains(c.AccessKeyID, string(tenantOf(n))) {
						t.Errorf("tenant %d: %v, %v", n, c.AccessKeyID, err)
					}
				})
			}
		}
		close(f.slow)
		all.Wait()
		require.Equal(t, 20, f.calls())
	})
	t.Run("none gets another's, however few are kept", func(t *testing.T) {
		f := &front{}
		r := f.open(t, 10)
		var all sync.WaitGroup
		for g := range 16 {
			all.Go(func() {
				for n := range 300 {
					id := tenantOf((n*7 + g) % 40)
					c, err := r.Of(id).Retrieve(ctx)
					if err != nil || !strings.Contains(c.AccessKeyID, string(id)) {
						t.Errorf("%s: %v, %v", id, c.AccessKeyID, err)
					}
				}
			})
		}
		all.Wait()
	})
	t.Run("who gives up does not end it for others, and does not wait", func(t *testing.T) {
		f := &front{slow: make(chan struct{})}
		r := f.open(t, 0)
		impatient, stop := context.WithCancel(ctx)
		ended := make(chan error)
		go func() {
			_, err := r.Of(tenantOf(1)).Retrieve(impatient)
			ended <- err
		}()
		require.Eventually(t, func() bool { return f.calls() == 1 }, 5*time.Second, time.Millisecond)
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
		close(f.slow)
		require.NotEmpty(t, key(t, r, tenantOf(1)))
		require.Equal(t, 1, f.calls())
	})
}

func BenchmarkWarm(b *testing.B) {
	f := &front{}
	provider := f.open(b, 0).Of(tenantOf(1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := provider.Retrieve(ctx); err != nil {
			b.Fatal(err)
		}
	}
	require.Equal(b, 1, f.calls())
}

var _ aws.HTTPClient = (*front)(nil)
