package connection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// template gives the template of a new connection, with or without a bucket of exports.
func template(t testing.TB, a *apptest.App, query string) (connection.Connection, string) {
	c := connecting(t, a.Alice, account)
	answer := a.Alice.Get(t, path(a.Alice, c)+"/template"+query).Is(t, 200)
	require.Equal(t, "text/yaml; charset=utf-8", answer.Header.Get("Content-Type"))
	require.Equal(t, "attachment; filename=tenantry-"+account+".yaml", answer.Header.Get("Content-Disposition"), "a browser keeps it")
	var asJSON connection.Template
	a.Alice.Do(t, "GET", path(a.Alice, c)+"/template"+query, nil, "Accept: application/json").Is(t, 200).Into(t, &asJSON)
	require.Equal(t, string(answer.Body), asJSON.Template)
	return c, string(answer.Body)
}

// statements are those of a policy as IAM takes it.
type statements struct {
	Statement []struct {
		Sid       string
		Action    any
		Resource  any
		Principal map[string]any
		Condition any
	}
}

func actionsOf(t testing.TB, policy string) (all []string) {
	var p statements
	require.NoError(t, json.Unmarshal([]byte(policy), &p), policy)
	for _, s := range p.Statement {
		switch a := s.Action.(type) {
		case string:
			all = append(all, a)
		case []any:
			for _, one := range a {
				all = append(all, one.(string))
			}
		}
	}
	return all
}

func TestActionsAreNamedAndExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range connection.Actions() {
		require.Regexp(t, `^[a-z0-9]+:[A-Z][A-Za-z]+$`, a.Name, "no wildcards")
		require.Regexp(t, `:(Get|List|Describe)`, a.Name, "what reads alone")
		require.NotEmpty(t, a.Reason)
		require.NotEmpty(t, a.On)
		require.False(t, seen[a.Name], a.Name)
		seen[a.Name] = true
		require.Equal(t, a.Use == connection.Exports, !strings.HasPrefix(a.On, "*: "))
	}
}

// The page that people read has every action with its reason, and no other.
func TestThePageOnConnectingHasEveryAction(t *testing.T) {
	page, err := os.ReadFile("../../docs/connect.md")
	require.NoError(t, err)
	for _, a := range connection.Actions() {
		require.Contains(t, string(page), fmt.Sprintf("| `%s` | %s | %s | %s |\n", a.Name, a.Use, a.Reason, a.On))
	}
	require.Len(t, regexp.MustCompile("(?m)^\\| `[a-z0-9]+:[A-Z]").FindAll(page, -1), len(connection.Actions()))
}

func TestSetup(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	for _, bucket := range []string{"", "abc-data-exports"} {
		var s connection.Setup
		a.Alice.Get(t, path(a.Alice, c)+"/setup?exportBucket="+bucket).Is(t, 200).Into(t, &s)
		require.Equal(t, []string{c.ExternalID, customertest.Platform, account, "/tenantry/"}, []string{s.ExternalID, s.Principal, s.AccountID, s.RolePath})
		require.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Sid":"TenantryWithExternalId","Effect":"Allow","Principal":{"AWS":"`+customertest.Platform+
			`"},"Action":["sts:AssumeRole"],"Condition":{"StringEquals":{"sts:ExternalId":"`+c.ExternalID+`"}}}]}`, s.TrustPolicy)
		var names []string
		for _, action := range s.Actions {
			names = append(names, action.Name)
		}
		require.ElementsMatch(t, names, actionsOf(t, s.Permissions))
		require.Equal(t, bucket != "", slices.Contains(names, "s3:GetObject"))
		require.Equal(t, bucket != "", strings.Contains(s.Permissions, `"arn:aws:s3:::abc-data-exports/*"`))
		require.Empty(t, s.QuickCreateURL, "CloudFormation cannot read from this machine")
	}
	a.Alice.Get(t, path(a.Alice, c)+"/setup?exportBucket=My_Bucket").Fails(t, 422, "This is no name of an S3 bucket.")

	// By a platform that has not said who it is nothing can be set up.
	require.Contains(t, string(ask(t, a, c, withoutVerifier)), "TENANTRY_PRINCIPAL_ARN")
}

// elsewhere are files whose addresses are of S3.
type elsewhere struct{ api.Files }

func (e elsewhere) DownloadURL(_ context.Context, _ *tenant.Scope, name, _ string, _ time.Duration) (string, error) {
	return "https://bucket.s3.amazonaws.com/" + name + "?X-Amz-Signature=a%2Fb&x=1", nil
}

// ask asks another server for the setup.
func ask(t testing.TB, a *apptest.App, c connection.Connection, change func(*api.Deps)) []byte {
	r, err := http.NewRequestWithContext(t.Context(), "GET", a.URL+path(a.Alice, c)+"/setup?exportBucket=abc-data-exports", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+a.Alice.Token)
	answer := &recorder{header: http.Header{}}
	a.Another(t, change).ServeHTTP(answer, r)
	return []byte(answer.body.String())
}

func TestTheQuickCreateLink(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	var s connection.Setup
	require.NoError(t, json.Unmarshal(ask(t, a, c, func(d *api.Deps) { d.Files = elsewhere{d.Files} }), &s))
	link, err := url.Parse(s.QuickCreateURL)
	require.NoError(t, err)
	require.Equal(t, "https://console.aws.amazon.com/cloudformation/home?region=us-east-1", strings.TrimSuffix(s.QuickCreateURL, s.QuickCreateURL[strings.Index(s.QuickCreateURL, "#"):]))
	at, query, _ := strings.Cut(link.EscapedFragment(), "?")
	require.Equal(t, "/stacks/quickcreate", at)
	q, err := url.ParseQuery(query)
	require.NoError(t, err)
	require.Equal(t, url.Values{"templateURL": {"https://bucket.s3.amazonaws.com/connections/" + string(c.ID) + "/template.yaml?X-Amz-Signature=a%2Fb&x=1"},
		"stackName": {"tenantry"}, "param_ExternalId": {c.ExternalID}, "param_Principal": {customertest.Platform}}, q)
	require.Equal(t, a.Now().Add(time.Hour), *s.ValidUntil)
	_, text := template(t, a, "")
	require.Len(t, a.Files(t, "connections/"+string(c.ID)), 1)
	require.NotEmpty(t, text)
}

// CloudFormation makes of the template what setup shows, and the role works for the platform and for nobody else.
func TestTheTemplateMakesTheRole(t *testing.T) {
	clouds := customertest.Over(t, mototest.Start(t))
	a := apptest.New(t)
	for i, query := range []string{"", "?exportBucket=abc-data-exports"} {
		c, text := template(t, a, query)
		account := fmt.Sprintf("33330000%04d", i)
		stack := fmt.Sprint("tenantry", i)
		require.NoError(t, clouds.Ask(t.Context(), account, "cloudformation", url.Values{"Action": {"CreateStack"}, "Version": {"2010-05-15"},
			"StackName": {stack}, "TemplateBody": {text}, "Capabilities.member.1": {"CAPABILITY_IAM"}}, &struct{}{}))
		var made struct {
			Outputs []struct {
				OutputKey, OutputValue string
			} `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
		}
		require.NoError(t, clouds.Ask(t.Context(), account, "cloudformation", url.Values{"Action": {"DescribeStacks"}, "Version": {"2010-05-15"},
			"StackName": {stack}}, &made))
		require.Len(t, made.Outputs, 1)
		arn := made.Outputs[0].OutputValue
		require.Equal(t, "RoleArn", made.Outputs[0].OutputKey)
		require.Regexp(t, `^arn:aws:iam::`+account+`:role/tenantry/[\w-]+$`, arn)

		c.AccountID, c.RoleARN = account, arn
		scope, err := tenant.Work(a.Alice.Tenant, "test")
		require.NoError(t, err)
		accounts := accountsOf(t, clouds)
		require.NoError(t, accounts.Verify(t.Context(), scope, c))

		trust, policies := clouds.Documents(t, arn)
		var s connection.Setup
		a.Alice.Get(t, path(a.Alice, c)+"/setup"+query).Is(t, 200).Into(t, &s)
		require.Contains(t, trust, c.ExternalID)
		var allowed []string
		for _, p := range policies {
			allowed = append(allowed, actionsOf(t, p)...)
			require.Equal(t, strings.Contains(p, "s3:GetObject"), strings.Contains(p, "arn:aws:s3:::abc-data-exports/*"), p)
		}
		require.ElementsMatch(t, actionsOf(t, s.Permissions), allowed)
	}
}

func TestTheTemplateIsLinted(t *testing.T) {
	python := mototest.Python(t, "cfn-lint", "1.51.0")
	a := apptest.New(t)
	for i, query := range []string{"", "?exportBucket=abc-data-exports"} {
		_, text := template(t, a, query)
		file := filepath.Join(t.TempDir(), fmt.Sprint(i, ".yaml"))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		out, err := exec.CommandContext(t.Context(), python, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())", "--regions", "us-east-1", "--", file).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
