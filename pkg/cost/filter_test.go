package cost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost"
)

func TestParseFilter(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want cost.Filter
	}{
		"one value":                       {"environment:production", cost.Filter{Dimension: "environment", Values: []string{"production"}}},
		"several values":                  {"chargeCategory:Credit,Tax", cost.Filter{Dimension: "chargeCategory", Values: []string{"Credit", "Tax"}}},
		"none of the values":              {"!chargeCategory:Credit,Tax", cost.Filter{Dimension: "chargeCategory", Not: true, Values: []string{"Credit", "Tax"}}},
		"null":                            {"regionId:", cost.Filter{Dimension: "regionId", Values: []string{""}}},
		"not null":                        {"!regionId:", cost.Filter{Dimension: "regionId", Not: true, Values: []string{""}}},
		"a value or null":                 {"regionId:eu,", cost.Filter{Dimension: "regionId", Values: []string{"eu", ""}}},
		"a comma within a value":          {`serviceName:a\,b,c`, cost.Filter{Dimension: "serviceName", Values: []string{"a,b", "c"}}},
		"a backslash within a value":      {`serviceName:a\\,b`, cost.Filter{Dimension: "serviceName", Values: []string{`a\`, "b"}}},
		"colons within a value":           {`resourceId:arn:aws:s3\:::x`, cost.Filter{Dimension: "resourceId", Values: []string{"arn:aws:s3:::x"}}},
		"a tag":                           {"tag:environment:prod", cost.Filter{Dimension: "tag:environment", Values: []string{"prod"}}},
		"a tag without a value":           {"tag:environment:", cost.Filter{Dimension: "tag:environment", Values: []string{""}}},
		"a tag key with a colon":          {`!tag:aws\:createdBy:x`, cost.Filter{Dimension: "tag:aws:createdBy", Not: true, Values: []string{"x"}}},
		"a label key with all characters": {`label:a\,b\\c:x`, cost.Filter{Dimension: `label:a,b\c`, Values: []string{"x"}}},
		"an exclamation mark in a value":  {"serviceName:!x", cost.Filter{Dimension: "serviceName", Values: []string{"!x"}}},
		"spaces as they are":              {"serviceName: a , b", cost.Filter{Dimension: "serviceName", Values: []string{" a ", " b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := cost.ParseFilter(c.text)
			require.NoError(t, err)
			require.Equal(t, c.want, f)
			again, err := cost.ParseFilter(f.String())
			require.NoError(t, err)
			require.Equal(t, f, again)
		})
	}
}

func TestParseFilterRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"nothing":                 {"", "dimension:value"},
		"no value":                {"serviceName", "dimension:value"},
		"an unknown dimension":    {"colour:red", "there are: project, environment, billingAccountId"},
		"a FOCUS column's name":   {"ServiceName:x", "serviceName"},
		"a tag without a key":     {"tag::x", "asks for a key"},
		"a tag that is not asked": {"tag:environment", "dimension:value"},
		"an escaped letter":       {`serviceName:\x`, "backslash"},
		"a backslash at the end":  {`serviceName:x\`, "backslash"},
		"two exclamation marks":   {"!!serviceName:x", "no such dimension"},
		"a space before":          {" serviceName:x", "no such dimension"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cost.ParseFilter(c.text)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestFilterKeeps(t *testing.T) {
	for name, c := range map[string]struct {
		filter, value string
		want          bool
	}{
		"one of the values":           {"regionId:eu,us", "us", true},
		"none of the values":          {"regionId:eu,us", "ap", false},
		"letters of another case":     {"regionId:eu", "EU", false},
		"null, asked for":             {"regionId:", "", true},
		"a value where null is asked": {"regionId:", "eu", false},
		"not the value":               {"!regionId:eu", "us", true},
		"null where not the value":    {"!regionId:eu", "", true},
		"null where not null":         {"!regionId:", "", false},
		"a value where not null":      {"!regionId:", "eu", true},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := cost.ParseFilter(c.filter)
			require.NoError(t, err)
			require.Equal(t, c.want, f.Keeps(c.value))
		})
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"environment:production", `!tag:aws\:createdBy:a\,b,`, "regionId:", `label:\\:x`, "tag:", `\`, "!", "resourceId:arn:aws:s3:::b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := cost.ParseFilter(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, filter.Values)
		again, err := cost.ParseFilter(filter.String())
		require.NoError(t, err)
		require.Equal(t, filter, again)
		require.Equal(t, filter.Keeps("x"), again.Keeps("x"))
	})
}
