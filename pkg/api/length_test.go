package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a reader can hold, in lines.
const (
	fileLines     = 450
	functionLines = 70
	mainLines     = 20 // the file of an entry point
)

func TestFilesAndFunctionsAreShort(t *testing.T) {
	root, files := filepath.Join("..", ".."), token.NewFileSet()
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || path != root && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		seen++
		parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		most := fileLines
		if filepath.Base(path) == "main.go" && strings.HasPrefix(path, filepath.Join(root, "functions")) {
			most = mainLines
		}
		require.LessOrEqual(t, files.File(parsed.Pos()).LineCount()-1, most, "%s is too long: split it by what its parts are about", path)
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				lines := files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1
				require.LessOrEqual(t, lines, functionLines, "%s of %s is too long", f.Name.Name, path)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 100)
}
