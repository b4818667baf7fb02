package platform_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/aws/platform"
)

// root is the folder of what is synthesized, which tests share.
var root string

func TestMain(m *testing.M) {
	var err error
	if root, err = os.MkdirTemp("", "platform"); err != nil {
		panic(err)
	}
	code := m.Run()
	jsii.Close()
	os.RemoveAll(root)
	os.Exit(code)
}

// resource is one of a template.
type resource struct {
	Type, DeletionPolicy, UpdateReplacePolicy string
	Properties                                map[string]any
	Metadata                                  map[string]any
	Stack, ID                                 string `json:"-"`
}

// assembly is what synthesis writes.
type assembly struct {
	dir       string
	resources []resource
}

// synth writes the templates of a stage, with functions that are a line of text each.
func synth(t *testing.T, context map[string]any, see func(awscdk.App)) assembly {
	t.Helper()
	dir, err := os.MkdirTemp(root, "")
	require.NoError(t, err)
	build, out := filepath.Join(dir, "build"), filepath.Join(dir, "cdk.out")
	for _, arch := range []string{"arm64", "amd64"} {
		for _, f := range []string{"api", "admin", "ingest", "collect", "jobs", "reconcile"} {
			require.NoError(t, os.MkdirAll(filepath.Join(build, arch, f), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(build, arch, f, "bootstrap"), []byte(f+arch), 0o755))
		}
	}
	all := map[string]any{"stage": "test", "build": build}
	for key, value := range context {
		all[key] = value
	}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &all, Outdir: &out, AnalyticsReporting: jsii.Bool(false)})
	c, err := platform.ReadConfig(app.Node())
	require.NoError(t, err)
	platform.New(app, c)
	if see != nil {
		see(app)
	}
	app.Synth(nil)
	return read(t, out)
}

func read(t *testing.T, dir string) assembly {
	a := assembly{dir: dir}
	files, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		var template struct{ Resources map[string]resource }
		require.NoError(t, json.Unmarshal(b, &template))
		for id, r := range template.Resources {
			r.ID, r.Stack = id, strings.TrimSuffix(filepath.Base(file), ".template.json")
			a.resources = append(a.resources, r)
		}
	}
	return a
}

// of gives all of a type.
func (a assembly) of(kind string) (all []resource) {
	for _, r := range a.resources {
		if r.Type == kind {
			all = append(all, r)
		}
	}
	return all
}

// usual is what the context's defaults give, with cdk-nag.
var usual = sync.OnceValue(func() func(t *testing.T) assembly {
	var once sync.Once
	var a assembly
	return func(t *testing.T) assembly {
		once.Do(func() {
			a = synth(t, nil, func(app awscdk.App) {
				awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true), Reports: jsii.Bool(true)}), nil)
			})
		})
		require.NotEmpty(t, a.resources)
		return a
	}
})()

// said flattens a value of a template into text: intrinsic functions become what they name.
func said(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, said(one))
		}
		return strings.Join(all, " ")
	case map[string]any:
		if join, ok := v["Fn::Join"].([]any); ok {
			var all strings.Builder
			for _, one := range join[1].([]any) {
				all.WriteString(said(one))
			}
			return all.String()
		}
		if ref, ok := v["Ref"].(string); ok {
			return "<" + ref + ">"
		}
		b, _ := json.Marshal(v)
		return string(b)
	}
	b, _ := json.Marshal(v)
	return string(b)
}
