package api_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/tenantry/tenantry/"

// listed is what `go list` says of a package; Path is below the module.
type listed struct {
	ImportPath, Dir, Name  string
	Imports, Deps, GoFiles []string
	Path                   string `json:"-"`
}

func packages(t *testing.T) (all []listed) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Dir,Name,Imports,Deps,GoFiles", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for d := json.NewDecoder(out); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		p.Path = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
	require.NoError(t, cmd.Wait())
	require.Greater(t, len(all), 10)
	return all
}

// levels are the layers, lowest first: a package imports its own and those below. What ends with / is all below it.
var levels = [][]string{
	{"pkg/fault", "pkg/money", "pkg/calendar", "pkg/tenant"},
	{"pkg/store", "pkg/store/internal/", "pkg/store/storetest"},
	{"pkg/observe"},
	{"pkg/route"},
	{}, // features and adapters: all that is not named
	{"pkg/api"},
	{"pkg/cloud", "pkg/cloud/", "pkg/apptest"},
	{"functions/", "infra/"},
}

const features = 4

func level(of string) int {
	i := slices.IndexFunc(levels, func(l []string) bool {
		return slices.ContainsFunc(l, func(p string) bool { return of == p || strings.HasSuffix(p, "/") && strings.HasPrefix(of, p) })
	})
	if i < 0 {
		return features
	}
	return i
}

func TestImportsRunDownwards(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			if below, ours := strings.CutPrefix(i, module); ours {
				require.LessOrEqual(t, level(below), level(p.Path), "%s imports %s, which is above it", p.Path, below)
			}
		}
	}
}

// adapters speak to one technology; only the wirings know them.
var adapters = []string{"pkg/store/dynamo", "pkg/store/bolt", "pkg/blob/s3", "pkg/blob/folder", "pkg/queue/sqs", "pkg/queue/bolt", "pkg/identity/localissuer",
	"pkg/schedule/bolt", "pkg/schedule/eventbridge", "pkg/collect/aws", "pkg/collect/aws/costexplorer", "pkg/collect/aws/dataexport", "pkg/collect/aws/inventory", "pkg/collect/aws/cloudwatch"}

// wiring tells what may import adapters: the cloud's wiring, what runs on one machine, and what only tests import.
func wiring(p string) bool {
	return p == "pkg/cloud" || p == "pkg/cloud/customer" || p == "pkg/apptest" || strings.HasPrefix(p, "infra/") || strings.HasPrefix(p, "pkg/store/dynamo/")
}

func TestAdaptersAreKnownToTheWiringsAlone(t *testing.T) {
	for _, p := range packages(t) {
		for _, a := range adapters {
			if slices.Contains(p.Imports, module+a) {
				require.True(t, wiring(p.Path), "%s imports the adapter %s", p.Path, a)
			}
		}
	}
}

func TestFunctionsHoldNothingOfDevelopment(t *testing.T) {
	for _, p := range packages(t) {
		for _, d := range p.Deps {
			if strings.HasPrefix(p.Path, "functions/") {
				for _, none := range []string{"testing", "go.etcd.io/bbolt", "github.com/stretchr/testify", module + "pkg/identity/localissuer", module + "pkg/demo"} {
					require.NotEqual(t, none, d, "%s depends on %s", p.Path, d)
				}
			}
			if !strings.HasPrefix(p.Path, "infra/") {
				require.NotContains(t, d, "aws-cdk-go", "%s depends on the CDK", p.Path)
			}
		}
	}
}

// The CDK's program is a module of its own, so that nothing of this one can depend on the CDK; what it imports of this one is what is
// read of the list of operations, of the policies and of names.
func TestTheCDKStandsAside(t *testing.T) {
	root := filepath.Join("..", "..")
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.NotContains(t, string(b), "aws-cdk-go")
	files := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "infra", "aws"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") {
			return err
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range f.Imports {
			if of, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module); ours {
				require.Contains(t, []string{"infra/aws/platform", "pkg/api", "pkg/cloud/policy", "pkg/route", "pkg/store", "pkg/tenant"}, of, file)
			}
		}
		return nil
	}))
	require.Greater(t, files, 10)
}

func TestOneAdapterKnowsTheSDKOfDynamoDB(t *testing.T) {
	for _, p := range packages(t) {
		if p.Path == "pkg/collect/aws/inventory" {
			continue // lists customers' tables, by their own roles
		}
		if strings.HasPrefix(p.Path, "pkg/store/dynamo") || p.Path == "pkg/cloud" || strings.HasPrefix(p.Path, "infra/bench/") || p.Path == "infra/e2e" {
			continue // pkg/cloud makes the client, and does nothing with it but hand it on
		}
		for _, i := range p.Imports {
			require.False(t, strings.HasPrefix(i, "github.com/aws/aws-sdk-go-v2/service/dynamodb"), "%s imports %s", p.Path, i)
		}
	}
}

func TestPackagesAreCalledAfterWhatTheyHold(t *testing.T) {
	for _, p := range packages(t) {
		for _, part := range strings.Split(p.Path, "/") {
			require.NotContains(t, []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base", "lib", "model", "models", "types",
				"handlers", "services", "repositories", "interfaces"}, part, p.Path)
		}
	}
}

// calls names what may be called from few packages only.
var calls = []struct {
	of, name string // of: the import path's package; "" for a method of anything
	from     []string
	why      string
}{
	{"pkg/tenant", "Authorize", []string{"pkg/identity"}, "only the authorization step makes a Scope"},
	{"pkg/tenant", "Work", []string{"pkg/organization", "pkg/erasure"}, "a worker's Scope is made after reading how the tenant stands"},
	{"", "Directory", []string{"pkg/identity", "pkg/organization", "pkg/member", "pkg/apikey", "pkg/connection", "pkg/fence", "pkg/export", "pkg/erasure", "pkg/reconcile", "pkg/apptest"}, "only identity and the control plane use the directory"},
}

func TestWhatMakesAScopeIsCalledWhereItMayBe(t *testing.T) {
	for _, p := range packages(t) {
		eachCall(t, p, func(of, name, at string) {
			for _, c := range calls {
				if name == c.name && of == c.of {
					require.Contains(t, c.from, p.Path, "%s calls %s: %s", at, name, c.why)
				}
			}
		})
	}
}

func TestNothingScansATable(t *testing.T) {
	never := []string{"Scan", "NewScanPaginator", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}
	for _, p := range packages(t) {
		if p.Path == "pkg/store/dynamo/dynamolocal" || !slices.ContainsFunc(p.Imports, func(i string) bool { return strings.HasSuffix(i, "/service/dynamodb") }) {
			continue // dynamolocal is for tests, which look at everything there is
		}
		eachCall(t, p, func(_, name, at string) { require.NotContains(t, never, name, at) })
	}
}

// eachCall gives every call of the form x.Name(...) outside of tests; of is the package below the module that x names, ""
// where x is a value.
func eachCall(t *testing.T, p listed, visit func(of, name, at string)) {
	files := token.NewFileSet()
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
		require.NoError(t, err)
		imported := map[string]string{}
		for _, i := range f.Imports {
			full := strings.Trim(i.Path.Value, `"`)
			called := path.Base(full)
			if i.Name != nil {
				called = i.Name.Name
			}
			imported[called] = strings.TrimPrefix(full, module)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of := ""
			if x, ok := s.X.(*ast.Ident); ok {
				of = imported[x.Name]
			}
			visit(of, s.Sel.Name, files.Position(s.Pos()).String())
			return true
		})
	}
}
