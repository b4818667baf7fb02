package aws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func scopeOf(t testing.TB, n int) *tenant.Scope {
	s, err := tenant.Work(tenant.ID(fmt.Sprintf("ten_%026d", n)), "test")
	require.NoError(t, err)
	return s
}

// open gives accounts, with a clock of their own.
func open(t testing.TB, c *customertest.Clouds, now *time.Time) *aws.Accounts {
	a, err := aws.NewAccounts(func() (sdk.Config, error) { return c.Config(), nil }, aws.Options{Clock: func() time.Time { return *now }})
	require.NoError(t, err)
	return a
}

// connected makes a connection and its role.
func connected(t testing.TB, c *customertest.Clouds, account string) connection.Connection {
	out := connection.Connection{ID: tenant.ConnectionID("con_" + account), AccountID: account, Partition: "aws", ExternalID: "tne_" + account}
	out.RoleARN = c.Role(t, account, "r"+account, customertest.Trust(customertest.Platform, out.ExternalID))
	return out
}

// whose asks AWS whose a configuration is.
func whose(t testing.TB, c sdk.Config) (string, error) {
	out, err := sts.NewFromConfig(c, func(o *sts.Options) { o.RetryMaxAttempts = 1 }).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return *out.Account, nil
}

// Two customers with two accounts each: every call goes through the role of the right account, for the right tenant.
func TestEveryCallIsInItsAccount(t *testing.T) {
	clouds := customertest.Over(t, mototest.Start(t))
	now := time.Now()
	a := open(t, clouds, &now)
	accounts := []string{"222200000001", "222200000002", "222200000003", "222200000004"}
	for i, account := range accounts {
		bucket := "of-" + account
		_, err := s3.NewFromConfig(clouds.Account(t, account), func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
		require.NoError(t, err)
		c := connected(t, clouds, account)
		require.NoError(t, a.Verify(t.Context(), scopeOf(t, i/2), c))
	}
	for i, account := range accounts {
		c := connected(t, clouds, account)
		cfg, err := a.Config(t.Context(), scopeOf(t, i/2), c)
		require.NoError(t, err)
		out, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(t.Context(), &s3.ListBucketsInput{})
		require.NoError(t, err)
		require.Len(t, out.Buckets, 1)
		require.Equal(t, "of-"+account, *out.Buckets[0].Name)
		calls := clouds.Calls()
		require.Equal(t, customertest.Call{Action: "s3:ListAllMyBuckets", Account: account, Role: c.RoleARN, Session: "tenantry-" + string(scopeOf(t, i/2).Tenant())},
			calls[len(calls)-1])
	}
	require.Empty(t, clouds.Refused())
}

// regions notes the regions that requests are signed for.
type regions map[string]bool

func (r regions) Do(req *http.Request) (*http.Response, error) {
	if _, scope, signed := strings.Cut(req.Header.Get("Authorization"), "Credential="); signed {
		r[strings.Split(scope, "/")[2]] = true
	}
	return http.DefaultClient.Do(req)
}

func TestAConnectionIsVerifiedInThePlatformsRegion(t *testing.T) {
	clouds := customertest.Start(t)
	called, c := regions{}, connected(t, clouds, "111122223333")
	c.Regions = []string{"eu-wset-1"}
	a, err := aws.NewAccounts(func() (sdk.Config, error) {
		config := clouds.Config()
		config.HTTPClient = called
		return config, nil
	}, aws.Options{})
	require.NoError(t, err)
	require.NoError(t, a.Verify(t.Context(), scopeOf(t, 1), c))
	require.Equal(t, regions{clouds.Config().Region: true}, called)
}

func TestASessionIsKeptAndRenewedAndNeverGivenAfterItsEnd(t *testing.T) {
	clouds := customertest.Start(t)
	now := time.Now()
	a, c := open(t, clouds, &now), connected(t, clouds, "111122223333")
	cfg, err := a.Config(t.Context(), scopeOf(t, 1), c)
	require.NoError(t, err)
	first, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	again, err := a.Config(t.Context(), scopeOf(t, 1), c)
	require.NoError(t, err)
	second, err := again.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.AccessKeyID, second.AccessKeyID, "kept")

	clouds.Fail("InternalFailure")
	_, err = cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err, "it lasts")
	now = now.Add(61 * time.Minute)
	_, err = cfg.Credentials.Retrieve(t.Context())
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)

	clouds.Fail("")
	clouds.RemoveRole(t, "111122223333", "r111122223333")
	_, err = whose(t, cfg)
	refusal, refused := errors.AsType[*connection.Refusal](err)
	require.True(t, refused, "calls in the middle fail with the refusal: %v", err)
	require.Contains(t, refusal.Reason, "cannot be taken")
	_, err = a.Config(t.Context(), scopeOf(t, 1), c)
	require.ErrorAs(t, err, &refusal)
}

func TestASessionThatAWSHasEndedBeforeItsTimeIsRenewedOnce(t *testing.T) {
	clouds := customertest.Start(t)
	now := time.Now()
	a, c := open(t, clouds, &now), connected(t, clouds, "111122223333")
	cfg, err := a.Config(t.Context(), scopeOf(t, 1), c)
	require.NoError(t, err)
	first, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	clouds.End()
	account, err := whose(t, cfg)
	require.NoError(t, err)
	require.Equal(t, "111122223333", account)
	second, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, first.AccessKeyID, second.AccessKeyID, "what was refused is not given again")
	account, err = whose(t, cfg)
	require.NoError(t, err)
	require.Equal(t, "111122223333", account)
	kept, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	require.Equal(t, second.AccessKeyID, kept.AccessKeyID)

	clouds.End()
	clouds.Fail("InternalFailure")
	_, err = whose(t, cfg)
	require.True(t, fault.Is(err, fault.Unavailable), "no session can be had: %v", err)
	clouds.Fail("")
	clouds.RemoveRole(t, "111122223333", "r111122223333")
	_, err = whose(t, cfg)
	_, refused := errors.AsType[*connection.Refusal](err)
	require.True(t, refused, "%v", err)
}

func TestASessionThatIsRefusedEachTimeIsRenewedOnce(t *testing.T) {
	clouds := customertest.Start(t)
	now, asked := time.Now(), 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "AKIDTEST") { // the platform's own, which takes the role
			clouds.ServeHTTP(w, r)
			return
		}
		asked++
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>ended</Message></Error></ErrorResponse>")
	}))
	t.Cleanup(front.Close)
	a, err := aws.NewAccounts(func() (sdk.Config, error) { return mototest.Config(front.URL), nil }, aws.Options{Clock: func() time.Time { return now }})
	require.NoError(t, err)
	cfg, err := a.Config(t.Context(), scopeOf(t, 1), connected(t, clouds, "111122223333"))
	require.NoError(t, err)
	_, err = whose(t, cfg)
	require.ErrorContains(t, err, "ExpiredToken")
	require.Equal(t, 2, asked)
}

func TestASessionIsOfOneTenantAndConnection(t *testing.T) {
	clouds := customertest.Start(t)
	now := time.Now()
	a, c := open(t, clouds, &now), connected(t, clouds, "111122223333")
	keys := map[string]bool{}
	other, renamed := c, c
	other.ID = "con_other"
	renamed.RoleARN = clouds.Role(t, "111122223333", "new", customertest.Trust(customertest.Platform, c.ExternalID))
	for n, one := range map[int]connection.Connection{1: c, 2: c, 3: other, 4: renamed} {
		cfg, err := a.Config(t.Context(), scopeOf(t, min(n, 2)), one)
		require.NoError(t, err)
		k, err := cfg.Credentials.Retrieve(t.Context())
		require.NoError(t, err)
		keys[k.AccessKeyID] = true
	}
	require.Len(t, keys, 4)
	stolen := c
	stolen.ExternalID = "tne_another"
	_, err := a.Config(t.Context(), scopeOf(t, 1), stolen)
	require.ErrorContains(t, err, "cannot be taken", "nobody gets what another ExternalId has opened")
}

func TestWhatCannotBeTaken(t *testing.T) {
	clouds := customertest.Start(t)
	now := time.Now()
	a, c := open(t, clouds, &now), connected(t, clouds, "111122223333")
	for name, test := range map[string]struct {
		change func(*connection.Connection)
		says   string
	}{
		"no role":                   {func(c *connection.Connection) { c.RoleARN = "" }, "The connection has no role yet."},
		"no ExternalId":             {func(c *connection.Connection) { c.ExternalID = "" }, "The connection has no role yet."},
		"a profile":                 {func(c *connection.Connection) { c.Profile = "default" }, "A profile is of the machine that the platform runs on"},
		"a role of another account": {func(c *connection.Connection) { c.AccountID = "444455556666" }, "is of the account 111122223333, and this connection is to 444455556666"},
		"another ExternalId":        {func(c *connection.Connection) { c.ExternalID = "tne_x" }, "cannot be taken with the ExternalId"},
		"a role that is not there":  {func(c *connection.Connection) { c.RoleARN += "x" }, "cannot be taken with the ExternalId"},
	} {
		t.Run(name, func(t *testing.T) {
			other := c
			test.change(&other)
			cfg, err := a.Config(t.Context(), scopeOf(t, 1), other)
			require.ErrorContains(t, err, test.says)
			require.Nil(t, cfg.Credentials)
			require.ErrorContains(t, a.Verify(t.Context(), scopeOf(t, 1), other), test.says)
		})
	}
	_, err := a.Config(t.Context(), nil, c)
	require.True(t, fault.Is(err, fault.Forbidden))
	require.True(t, fault.Is(a.Verify(t.Context(), &tenant.Scope{}, c), fault.Forbidden))
}

// A profile of the machine stands for a role, where the platform runs on the machine.
func TestAProfileOfTheMachine(t *testing.T) {
	moto := mototest.Start(t)
	clouds := customertest.Over(t, moto)
	owner, err := clouds.Account(t, "222200000009").Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	require.NoError(t, os.WriteFile(file, []byte(fmt.Sprintf("[profile finance]\nregion = eu-west-1\nendpoint_url = %s\naws_access_key_id = %s\n"+
		"aws_secret_access_key = %s\naws_session_token = %s\n[profile empty]\nregion = eu-west-1\n", moto, owner.AccessKeyID, owner.SecretAccessKey, owner.SessionToken)), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	now := time.Now()
	m := aws.Machine{Accounts: open(t, clouds, &now), Region: "us-east-1", Profile: func(ctx context.Context, name string) (sdk.Config, error) {
		return config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(name))
	}}
	c := connection.Connection{ID: "con_1", AccountID: "222200000009", Partition: "aws", ExternalID: "tne_x", Profile: "finance"}
	require.NoError(t, m.Verify(t.Context(), scopeOf(t, 1), c))
	cfg, err := m.Config(t.Context(), scopeOf(t, 1), c)
	require.NoError(t, err)
	require.Equal(t, "eu-west-1", cfg.Region)
	is, err := whose(t, cfg)
	require.NoError(t, err)
	require.Equal(t, "222200000009", is)
	for name, test := range map[string]struct {
		change func(*connection.Connection)
		says   string
	}{
		"a profile that is not there":    {func(c *connection.Connection) { c.Profile = "none" }, "The profile none of this machine gives no access to AWS. See that `aws sts get-caller-identity --profile none` works"},
		"a profile without credentials":  {func(c *connection.Connection) { c.Profile = "empty" }, "The profile empty of this machine gives no access to AWS."},
		"a profile of another account":   {func(c *connection.Connection) { c.AccountID = "111122223333" }, "The profile finance is of the account 222200000009, and this connection is to 111122223333."},
		"a profile in another partition": {func(c *connection.Connection) { c.Partition = "aws-cn" }, "The profile finance is in the partition aws of AWS, and this connection is to an account in aws-cn."},
	} {
		t.Run(name, func(t *testing.T) {
			other := c
			test.change(&other)
			require.ErrorContains(t, m.Verify(t.Context(), scopeOf(t, 1), other), test.says)
			_, err := m.Config(t.Context(), scopeOf(t, 1), other)
			require.ErrorContains(t, err, test.says)
		})
	}
	role := connected(t, clouds, "222200000010")
	require.NoError(t, m.Verify(t.Context(), scopeOf(t, 1), role), "roles work there too")
	_, err = m.Config(t.Context(), nil, c)
	require.True(t, fault.Is(err, fault.Forbidden))
}
