package policytest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

func parse(t *testing.T, statements ...string) policytest.Policy {
	p, err := policytest.Parse([]byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`))
	require.NoError(t, err)
	return p
}

func get(resource string, context ...string) policytest.Request {
	r := policytest.Request{Action: "s3:GetObject", Resource: resource, Context: map[string][]string{}}
	for i := 0; i < len(context); i += 2 {
		r.Context[context[i]] = append(r.Context[context[i]], context[i+1])
	}
	return r
}

func TestActionsAndResources(t *testing.T) {
	for name, test := range map[string]struct {
		action, resource string
		request          policytest.Request
		want             bool
	}{
		"the same":                           {"s3:GetObject", "b/k", get("b/k"), true},
		"an action in other letters":         {"S3:getobject", "b/k", get("b/k"), true},
		"another action":                     {"s3:GetObjectVersion", "b/k", get("b/k"), false},
		"actions by wildcard":                {"s3:Get*", "b/k", get("b/k"), true},
		"a resource in other letters":        {"s3:GetObject", "b/K", get("b/k"), false},
		"a resource by wildcard":             {"s3:GetObject", "b/*", get("b/x/y"), true},
		"a wildcard for nothing":             {"s3:GetObject", "b/*k", get("b/k"), true},
		"a wildcard for one":                 {"s3:GetObject", "b/?", get("b/k"), true},
		"a wildcard for one and no more":     {"s3:GetObject", "b/?", get("b/kk"), false},
		"two wildcards":                      {"s3:GetObject", "b/*a*b", get("b/aab-b"), true},
		"two wildcards, the end is another":  {"s3:GetObject", "b/*a*b", get("b/aab-"), false},
		"a variable":                         {"s3:GetObject", "b/${aws:PrincipalTag/tenant}/*", get("b/x/y", "aws:principaltag/tenant", "x"), true},
		"a variable that is another":         {"s3:GetObject", "b/${aws:PrincipalTag/tenant}/*", get("b/x/y", "aws:principaltag/tenant", "y"), false},
		"a variable that is missing":         {"s3:GetObject", "b/${aws:PrincipalTag/tenant}*", get("b/"), false},
		"a variable that has several values": {"s3:GetObject", "b/${v}*", get("b/1", "v", "1", "v", "2"), false},
		"a variable that is like a wildcard": {"s3:GetObject", "b/${aws:PrincipalTag/tenant}/*", get("b/x/y", "aws:principaltag/tenant", "*"), false},
		"an empty variable":                  {"s3:GetObject", "b/${v}/*", get("b/x/y", "v", ""), false},
		"a variable that does not end":       {"s3:GetObject", "b/${v", get("b/${v", "v", "x"), false},
		"a character that is no wildcard":    {"s3:GetObject", "b/${*}", get("b/k"), false},
		"the character itself":               {"s3:GetObject", "b/${*}", get("b/*"), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":[%q]}`, test.action, test.resource))
			require.Equal(t, test.want, p.Allows(test.request))
		})
	}
}

func TestConditions(t *testing.T) {
	for name, test := range map[string]struct {
		conditions string
		context    []string
		want       bool
	}{
		"StringEquals":                            {`"StringEquals":{"K":"a"}`, []string{"k", "a"}, true},
		"StringEquals of another":                 {`"StringEquals":{"K":["b","c"]}`, []string{"k", "a"}, false},
		"StringEquals knows no wildcard":          {`"StringEquals":{"K":"*"}`, []string{"k", "a"}, false},
		"StringEquals of a variable":              {`"StringEquals":{"K":"${v}"}`, []string{"k", "a", "v", "a"}, true},
		"StringEquals of a key that is missing":   {`"StringEquals":{"K":"a"}`, nil, false},
		"StringEquals of several":                 {`"StringEquals":{"K":"a"}`, []string{"k", "a", "k", "a"}, false},
		"StringLike":                              {`"StringLike":{"K":"a*"}`, []string{"k", "ab"}, true},
		"StringLike of a key that is missing":     {`"StringLike":{"K":"*"}`, nil, false},
		"ForAllValues, all are":                   {`"ForAllValues:StringLike":{"K":["a*","b"]}`, []string{"k", "ab", "k", "b"}, true},
		"ForAllValues, one is not":                {`"ForAllValues:StringLike":{"K":["a*"]}`, []string{"k", "ab", "k", "b"}, false},
		"ForAllValues of a key that is missing":   {`"ForAllValues:StringLike":{"K":["a*"]}`, nil, true},
		"ForAllValues of a missing variable":      {`"ForAllValues:StringLike":{"K":["${v}*"]}`, []string{"k", "a"}, false},
		"ForAnyValue, one is":                     {`"ForAnyValue:StringEquals":{"K":["b"]}`, []string{"k", "a", "k", "b"}, true},
		"ForAnyValue of a key that is missing":    {`"ForAnyValue:StringEquals":{"K":["b"]}`, nil, false},
		"Null false, there":                       {`"Null":{"K":"false"}`, []string{"k", ""}, true},
		"Null false, missing":                     {`"Null":{"K":"false"}`, nil, false},
		"Null true, missing":                      {`"Null":{"K":"true"}`, nil, true},
		"Null true, there":                        {`"Null":{"K":["true"]}`, []string{"k", "a"}, false},
		"Bool":                                    {`"Bool":{"K":"false"}`, []string{"k", "false"}, true},
		"Bool of the other":                       {`"Bool":{"K":"false"}`, []string{"k", "true"}, false},
		"ArnLike":                                 {`"ArnLike":{"K":"arn:aws:s3:*:*:b/*"}`, []string{"k", "arn:aws:s3:::b/c:d"}, true},
		"IfExists of a key that is missing":       {`"StringEqualsIfExists":{"K":"a"}`, nil, true},
		"IfExists of another":                     {`"StringEqualsIfExists":{"K":"a"}`, []string{"k", "b"}, false},
		"NumericLessThan":                         {`"NumericLessThan":{"K":1.2}`, []string{"k", "1.1"}, true},
		"NumericLessThan of the same":             {`"NumericLessThan":{"K":1.2}`, []string{"k", "1.2"}, false},
		"ArnLike, a wildcard for two parts":       {`"ArnLike":{"K":"arn:*:b"}`, []string{"k", "arn:aws:s3:::b"}, false},
		"ArnEquals of what is none":               {`"ArnEquals":{"K":"*"}`, []string{"k", "b"}, false},
		"two keys, both of which hold":            {`"StringEquals":{"K":"a","L":"b"}`, []string{"k", "a", "l", "b"}, true},
		"two keys, one of which does not hold":    {`"StringEquals":{"K":"a","L":"b"}`, []string{"k", "a", "l", "c"}, false},
		"two operators, one of which is not held": {`"StringEquals":{"K":"a"},"Null":{"L":"false"}`, []string{"k", "a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{`+test.conditions+`}}`)
			require.Equal(t, test.want, p.Allows(get("b/k", test.context...)))
		})
	}
}

func TestStatements(t *testing.T) {
	const allow, deny = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, `{"Effect":"Deny","Action":"s3:GetObject","Resource":"b/k"}`
	require.False(t, parse(t).Allows(get("b/k")), "nothing is allowed by itself")
	require.True(t, parse(t, allow).Allows(get("b/k")))
	for _, p := range []policytest.Policy{parse(t, allow, deny), parse(t, deny, allow)} {
		require.False(t, p.Allows(get("b/k")), "a denial wins")
		require.True(t, p.Allows(get("b/l")))
	}
	trust := parse(t, `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["r1","r2"]}}`)
	for principal, want := range map[string]bool{"r1": true, "r2": true, "r3": false, "": false} {
		require.Equal(t, want, trust.Allows(policytest.Request{Action: "sts:AssumeRole", Principal: principal}))
	}
}

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	for name, document := range map[string]string{
		"no JSON":                 `{`,
		"no version":              `{"Statement":[]}`,
		"an old version":          `{"Version":"2008-10-17","Statement":[]}`,
		"NotAction":               `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}]}`,
		"NotResource":             `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","NotResource":"*"}]}`,
		"no resource":             `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}`,
		"no action":               `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*"}]}`,
		"no effect":               `{"Version":"2012-10-17","Statement":[{"Action":"s3:*","Resource":"*"}]}`,
		"another principal":       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Principal":{"Federated":["x"]}}]}`,
		"another operator":        `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Condition":{"IpAddress":{"k":"v"}}}]}`,
		"an operator if it is":    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Condition":{"NullIfExists":{"k":"true"}}}]}`,
		"another set":             `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Condition":{"ForSome:StringLike":{"k":"v"}}}]}`,
		"neither true nor false":  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Condition":{"Null":{"k":"no"}}}]}`,
		"a set of what is absent": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Condition":{"ForAllValues:Null":{"k":"true"}}}]}`,
	} {
		_, err := policytest.Parse([]byte(document))
		require.Error(t, err, name)
	}
}
