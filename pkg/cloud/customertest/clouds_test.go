package customertest_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
)

// take takes a role with an ExternalId, "" for none.
func take(t *testing.T, c *customertest.Clouds, role, externalID string) (aws.Config, error) {
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("test")}
	if externalID != "" {
		in.ExternalId = &externalID
	}
	cfg := c.Config()
	out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), in)
	if err != nil {
		return cfg, err
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return cfg, nil
}

// both runs a test on accounts with roles alone, and on moto's.
func both(t *testing.T, test func(t *testing.T, c *customertest.Clouds)) {
	t.Run("roles alone", func(t *testing.T) { test(t, customertest.Start(t)) })
	t.Run("moto", func(t *testing.T) { test(t, customertest.Over(t, mototest.Start(t))) })
}

func TestTrustPoliciesCount(t *testing.T) {
	const account = "333300000001"
	both(t, func(t *testing.T, c *customertest.Clouds) {
		for name, test := range map[string]struct {
			trust             string
			without, with, of bool // taken without an ExternalId, with the right one, and with another
		}{
			"with the ExternalId":     {customertest.Trust(customertest.Platform, "right"), false, true, false},
			"without one":             {customertest.Trust(customertest.Platform, ""), true, true, true},
			"of anybody":              {customertest.Trust("*", ""), true, true, true},
			"of another account":      {customertest.Trust("arn:aws:iam::999999999999:root", "right"), false, false, false},
			"of another role":         {customertest.Trust("arn:aws:iam::123456789012:role/other", "right"), false, false, false},
			"of the platform's role":  {customertest.Trust("arn:aws:iam::123456789012:role/platform", "right"), false, true, false},
			"of nobody":               {`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`, false, false, false},
			"that nobody understands": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01"}}}]}`, false, false, false},
		} {
			t.Run(name, func(t *testing.T) {
				role := c.Role(t, account, "r", test.trust)
				require.Equal(t, "arn:aws:iam::"+account+":role/tenantry/r", role)
				for externalID, want := range map[string]bool{"": test.without, "right": test.with, "wrong": test.of} {
					_, err := take(t, c, role, externalID)
					require.Equal(t, want, err == nil, "%q: %v", externalID, err)
				}
			})
		}
		role := c.Role(t, account, "gone", customertest.Trust("*", ""))
		_, err := take(t, c, role, "")
		require.NoError(t, err)
		c.RemoveRole(t, account, "gone")
		_, err = take(t, c, role, "")
		require.ErrorContains(t, err, "AccessDenied")
		_, err = take(t, c, "arn:aws:iam::"+account+":role/other/r", "right")
		require.ErrorContains(t, err, "AccessDenied", "a path is part of the name")
	})
}

func TestSessionsEndAndFail(t *testing.T) {
	both(t, func(t *testing.T, c *customertest.Clouds) {
		role := c.Role(t, "333300000002", "r", customertest.Trust(customertest.Platform, "right"))
		cfg, err := take(t, c, role, "right")
		require.NoError(t, err)
		is, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		require.NoError(t, err)
		require.Equal(t, "333300000002", *is.Account)
		require.Equal(t, "arn:aws:sts::333300000002:assumed-role/r/test", *is.Arn)
		require.Equal(t, []customertest.Call{{Action: "sts:GetCallerIdentity", Account: "333300000002", Role: role, Session: "test"}}, c.Calls())
		c.End()
		_, err = sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		require.ErrorContains(t, err, "ExpiredToken")
		c.Fail("InternalFailure")
		_, err = take(t, c, role, "right")
		require.ErrorContains(t, err, "InternalFailure")
		c.Fail("")
		_, err = take(t, c, role, "right")
		require.NoError(t, err)
	})
}

// A session does what its role's policies allow, and is noted for what they do not.
func TestASessionMayDoWhatItsRoleMay(t *testing.T) {
	c := customertest.Over(t, mototest.Start(t))
	const account = "333300000003"
	role := c.Role(t, account, "r", customertest.Trust(customertest.Platform, "right"))
	cfg, err := take(t, c, role, "right")
	require.NoError(t, err)
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	_, err = client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	c.Allow(t, account, "r", "s3:GetBucketLocation")
	_, err = client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.ErrorContains(t, err, "AccessDenied")
	require.Equal(t, []customertest.Call{{Action: "s3:ListAllMyBuckets", Account: account, Role: role, Session: "test"}}, c.Refused())
}
