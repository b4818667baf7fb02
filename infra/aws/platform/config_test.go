package platform_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/aws/platform"
)

func TestWhatContextSaysWrongIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		context map[string]any
		says    string
	}{
		"a stage that no name can have":              {map[string]any{"stage": "Prod"}, `context stage is "Prod"`},
		"an unknown processor":                       {map[string]any{"arch": "mips"}, `context arch is "mips"`},
		"an issuer whose clients nobody names":       {map[string]any{"issuer": "https://id.example.com"}, "context clients"},
		"an issuer that is not asked safely":         {map[string]any{"issuer": "http://id.example.com", "audiences": "a"}, "context issuer"},
		"clients of nobody":                          {map[string]any{"clients": "a"}, "context issuer"},
		"a domain without its certificate":           {map[string]any{"domain": "finops.example.com"}, "context certificate"},
		"a certificate that CloudFront is not given": {map[string]any{"domain": "finops.example.com", "certificate": "arn:aws:acm:eu-west-1:123456789012:certificate/c"}, "us-east-1"},
		"a web ACL of a region":                      {map[string]any{"waf": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/w/1"}, "context waf"},
		"a budget of nothing":                        {map[string]any{"budget": "0"}, "context budget"},
		"a plan that there is not":                   {map[string]any{"plan": "gold"}, "context plan"},
		"a grace of a moment":                        {map[string]any{"grace": "1s"}, "context grace"},
		"functions that are not built":               {map[string]any{"build": "/nowhere"}, "make build"},
		"a page that is not there":                   {map[string]any{"page": "/nowhere"}, "context page"},
	} {
		t.Run(name, func(t *testing.T) {
			app := awscdk.NewApp(&awscdk.AppProps{Context: &test.context})
			_, err := platform.ReadConfig(app.Node())
			require.ErrorContains(t, err, test.says)
		})
	}
}
