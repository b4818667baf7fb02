package customertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

// Path is what the roles of Role lie below.
const Path = "/tenantry/"

// Trust is a trust policy that lets a principal take the role with an ExternalId, or without one where it is "".
func Trust(principal, externalID string) string {
	condition := ""
	if externalID != "" {
		condition = fmt.Sprintf(`,"Condition":{"StringEquals":{"sts:ExternalId":%q}}`, externalID)
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"%s}]}`, principal, condition)
}

// Role makes a role below Path, or gives the one there is another trust policy, and gives its ARN. Where there is a moto it may
// do everything.
func (c *Clouds) Role(t testing.TB, account, name, trust string) string {
	t.Helper()
	arn := "arn:aws:iam::" + account + ":role" + Path + name
	if c.moto == "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.roles[arn] = trust
		return arn
	}
	ask := func(action string, more url.Values) error {
		form := url.Values{"Action": {action}, "Version": {iamVersion}, "RoleName": {name}}
		maps.Copy(form, more)
		return c.Ask(t.Context(), account, "iam", form, &struct{}{})
	}
	if ask("CreateRole", url.Values{"Path": {Path}, "AssumeRolePolicyDocument": {trust}}) != nil {
		require.NoError(t, ask("UpdateAssumeRolePolicy", url.Values{"PolicyDocument": {trust}}))
	}
	c.Allow(t, account, name, "*")
	return arn
}

// Allow has a role of Role do those actions from now on, and no others. There must be a moto.
func (c *Clouds) Allow(t testing.TB, account, name string, actions ...string) {
	t.Helper()
	b, err := json.Marshal(actions)
	require.NoError(t, err)
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + string(b) + `,"Resource":"*"}]}`
	require.NoError(t, c.Ask(t.Context(), account, "iam", url.Values{"Action": {"PutRolePolicy"}, "Version": {iamVersion}, "RoleName": {name},
		"PolicyName": {"all"}, "PolicyDocument": {document}}, &struct{}{}))
}

// RemoveRole takes a role of Role away.
func (c *Clouds) RemoveRole(t testing.TB, account, name string) {
	t.Helper()
	if c.moto == "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.roles, "arn:aws:iam::"+account+":role"+Path+name)
		return
	}
	for _, action := range []string{"DeleteRolePolicy", "DeleteRole"} {
		require.NoError(t, c.Ask(t.Context(), account, "iam", url.Values{"Action": {action}, "Version": {iamVersion}, "RoleName": {name},
			"PolicyName": {"all"}}, &struct{}{}))
	}
}

// trust is the trust policy of a role.
func (c *Clouds) trust(ctx context.Context, role string) (string, error) {
	if c.moto == "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		if document, ok := c.roles[role]; ok {
			return document, nil
		}
		return "", fmt.Errorf("there is no role %s", role)
	}
	parts := strings.Split(role, ":")
	if len(parts) != 6 {
		return "", fmt.Errorf("%s is no role", role)
	}
	var out struct {
		Arn      string `xml:"GetRoleResult>Role>Arn"`
		Document string `xml:"GetRoleResult>Role>AssumeRolePolicyDocument"`
	}
	form := url.Values{"Action": {"GetRole"}, "Version": {iamVersion}, "RoleName": {nameOf(role)}}
	if err := c.Ask(ctx, parts[4], "iam", form, &out); err != nil {
		return "", err
	}
	if out.Arn != role {
		return "", fmt.Errorf("there is no role %s", role)
	}
	return url.QueryUnescape(out.Document)
}

// may asks the role's inline policies.
func (c *Clouds) may(ctx context.Context, s session, request policytest.Request) bool {
	documents, err := c.policies(ctx, s.role)
	return err == nil && slices.ContainsFunc(documents, func(document string) bool {
		p, err := policytest.Parse([]byte(document))
		return err == nil && p.Allows(request)
	})
}

// Documents gives the trust policy and the inline policies of a role.
func (c *Clouds) Documents(t testing.TB, role string) (trust string, policies []string) {
	t.Helper()
	trust, err := c.trust(t.Context(), role)
	require.NoError(t, err)
	policies, err = c.policies(t.Context(), role)
	require.NoError(t, err)
	return trust, policies
}

// policies are the inline policies of a role.
func (c *Clouds) policies(ctx context.Context, role string) (all []string, err error) {
	var list struct {
		Names []string `xml:"ListRolePoliciesResult>PolicyNames>member"`
	}
	account := strings.Split(role, ":")[4]
	form := url.Values{"Action": {"ListRolePolicies"}, "Version": {iamVersion}, "RoleName": {nameOf(role)}}
	if err := c.Ask(ctx, account, "iam", form, &list); err != nil {
		return nil, err
	}
	form.Set("Action", "GetRolePolicy")
	for _, name := range list.Names {
		var out struct {
			Document string `xml:"GetRolePolicyResult>PolicyDocument"`
		}
		form.Set("PolicyName", name)
		if err := c.Ask(ctx, account, "iam", form, &out); err != nil {
			return nil, err
		}
		document, err := url.QueryUnescape(out.Document)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(document, "{'") { // moto keeps what its CloudFormation has made as Python writes it
			document = strings.ReplaceAll(document, "'", `"`)
		}
		all = append(all, document)
	}
	return all, nil
}

// nameOf is a role's name, without its path.
func nameOf(role string) string { return role[strings.LastIndexByte(role, '/')+1:] }

const iamVersion = "2010-05-08"

// rest are services whose requests name what is asked in the path: the path's pattern, and the action.
var rest = map[string][]struct{ path, action string }{
	"lambda": {{"/2015-03-31/functions/", "lambda:ListFunctions"}, {"/2015-03-31/functions", "lambda:ListFunctions"}},
	"eks":    {{"/clusters", "eks:ListClusters"}, {"/clusters/*", "eks:DescribeCluster"}},
}

// prefixes are what IAM calls services that sign by other names.
var prefixes = map[string]string{"monitoring": "cloudwatch", "tagging": "tag"}

// requestOf gives what IAM is asked about for a request.
func requestOf(service string, r *http.Request, body []byte) (policytest.Request, error) {
	out := policytest.Request{Resource: "*", Context: map[string][]string{}}
	prefix := service
	if other := prefixes[service]; other != "" {
		prefix = other
	}
	form, _ := url.ParseQuery(string(body))
	_, target, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	_, operation, _ := strings.Cut(r.URL.Path, "/operation/") // RPC v2
	for _, name := range []string{target, operation, form.Get("Action")} {
		if name != "" {
			out.Action = prefix + ":" + name
			return out, nil
		}
	}
	if service == "s3" {
		return s3(r), nil
	}
	for _, one := range rest[service] {
		head, wild := strings.CutSuffix(one.path, "*")
		if r.Method == http.MethodGet && (r.URL.Path == one.path || wild && strings.HasPrefix(r.URL.Path, head)) {
			out.Action = one.action
			return out, nil
		}
	}
	return out, fmt.Errorf("nothing is known of %s %s", r.Method, r.URL.Path)
}

// s3 takes addresses with the bucket in the path.
func s3(r *http.Request) policytest.Request {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	out := policytest.Request{Resource: policytest.Bucket(bucket), Context: map[string][]string{}}
	query := r.URL.Query()
	switch {
	case bucket == "":
		out.Action, out.Resource = "s3:ListAllMyBuckets", "*"
	case key != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		out.Action, out.Resource = "s3:GetObject", out.Resource+"/"+key
	case key != "":
		out.Action, out.Resource = "s3:"+r.Method+"Object", out.Resource+"/"+key
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		out.Action = "s3:" + r.Method + "Bucket"
	case query.Has("location"):
		out.Action = "s3:GetBucketLocation"
	case query.Has("tagging"):
		out.Action = "s3:GetBucketTagging"
	default:
		out.Action = "s3:ListBucket"
	}
	return out
}

// refuse answers as the service does.
func refuse(w http.ResponseWriter, service, code string) {
	status := http.StatusForbidden
	if code == "Throttling" {
		status = http.StatusTooManyRequests
	}
	switch service {
	case "sts", "iam", "rds", "elasticloadbalancing", "monitoring":
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>refused</Message></Error></ErrorResponse>`, code)
	case "ec2":
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<Response><Errors><Error><Code>%s</Code><Message>refused</Message></Error></Errors></Response>`, code)
	case "s3":
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<Error><Code>%s</Code><Message>refused</Message></Error>`, code)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-ErrorType", code+"Exception")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code + "Exception", "message": "refused"})
	}
}
