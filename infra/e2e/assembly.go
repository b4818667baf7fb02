// Package e2e stands the platform up from a synthesized cloud assembly alone (cdk.out: templates and assets) and nothing that the
// code knows beside it: tables on DynamoDB Local, buckets, queues and schedules on moto, every function as a process under the Lambda
// Runtime API with the environment that the template gives it, HTTP by the template's routes, events as the template wires them.
// Every call goes through an account that decides by the template's IAM documents. What a template says and the package does not
// know is an error and never passed over.
package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Assembly is what synthesis has written: stacks, each after those that it depends on.
type Assembly struct{ Stacks []*Stack }

// Stack is a template and what its assets are.
type Stack struct {
	Name     string
	Template Template
	assets   map[string]string // file or folder by the key of the object that a deployment makes of it
}

// Template is a CloudFormation template in JSON.
type Template struct {
	Description string
	Metadata    map[string]any
	Parameters  map[string]Parameter
	Mappings    map[string]map[string]map[string]any
	Conditions  map[string]any
	Rules       map[string]any // of the bootstrap's version, asserted by CloudFormation before it deploys
	Resources   map[string]Resource
	Outputs     map[string]Output
	Version     string `json:"AWSTemplateFormatVersion"`
}

// Parameter of a template.
type Parameter struct {
	Type, Description string
	Default           any
	AllowedValues     []any
	NoEcho            bool
	MinLength         int
	AllowedPattern    string
}

// Resource of a template.
type Resource struct {
	Type                string
	Properties          map[string]any
	Condition           string
	DependsOn           names
	DeletionPolicy      string
	UpdateReplacePolicy string
	Metadata            map[string]any
	UpdatePolicy        map[string]any
	CreationPolicy      map[string]any
}

// Output of a template.
type Output struct {
	Value       any
	Description string
	Condition   string
	Export      *struct{ Name any }
}

// names are one or several.
type names []string

// UnmarshalJSON reads either.
func (n *names) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*n = names{""}
		return json.Unmarshal(b, &(*n)[0])
	}
	return json.Unmarshal(b, (*[]string)(n))
}

// artifact is a part of an assembly's manifest.
type artifact struct {
	Type         string
	Dependencies []string
	Properties   struct{ TemplateFile, StackName, File, DirectoryName string }
}

// ReadAssembly reads the folder that synthesis has written, with the assemblies of stages in it.
func ReadAssembly(folder string) (*Assembly, error) {
	var manifest struct{ Artifacts map[string]artifact }
	if err := readJSON(filepath.Join(folder, "manifest.json"), &manifest, false); err != nil {
		return nil, err
	}
	a, assets := &Assembly{}, map[string]string{}
	for _, name := range inOrder(manifest.Artifacts) {
		of := manifest.Artifacts[name]
		switch of.Type {
		case "aws:cloudformation:stack":
			s := &Stack{Name: name, assets: assets}
			if of.Properties.StackName != "" {
				s.Name = of.Properties.StackName
			}
			if err := readJSON(filepath.Join(folder, of.Properties.TemplateFile), &s.Template, true); err != nil {
				return nil, err
			}
			a.Stacks = append(a.Stacks, s)
		case "cdk:asset-manifest":
			if err := readAssets(folder, of.Properties.File, assets); err != nil {
				return nil, err
			}
		case "cdk:cloud-assembly":
			of, err := ReadAssembly(filepath.Join(folder, of.Properties.DirectoryName))
			if err != nil {
				return nil, err
			}
			a.Stacks = append(a.Stacks, of.Stacks...)
		case "cdk:tree", "cdk:feature-flag-report":
		default:
			return nil, fmt.Errorf("manifest: artifact %s: nothing is known of the type %s", name, of.Type)
		}
	}
	return a, nil
}

// inOrder gives the names of artifacts, each after those that it depends on, else by name.
func inOrder(all map[string]artifact) (order []string) {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if of, ok := all[name]; ok && !seen[name] {
			seen[name] = true
			for _, d := range slices.Sorted(slices.Values(of.Dependencies)) {
				visit(d)
			}
			order = append(order, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		visit(name)
	}
	return order
}

// readAssets reads an asset manifest: what is to be uploaded, by the key that it is uploaded to.
func readAssets(folder, file string, into map[string]string) error {
	var manifest struct {
		Files map[string]struct {
			Source       struct{ Path, Packaging string }
			Destinations map[string]struct{ ObjectKey string }
		}
		DockerImages map[string]any
	}
	if err := readJSON(filepath.Join(folder, file), &manifest, false); err != nil {
		return err
	}
	if len(manifest.DockerImages) > 0 {
		return fmt.Errorf("%s: nothing is known of images", file)
	}
	for _, of := range manifest.Files {
		for _, to := range of.Destinations {
			into[to.ObjectKey] = filepath.Join(folder, of.Source.Path)
		}
	}
	return nil
}

// readJSON reads a file. Where it is strict, a field that is not known is an error.
func readJSON(path string, into any, strict bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.UseNumber()
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

// Find gives the logical IDs of a stack's resources of a type, sorted.
func (s *Stack) Find(kind string) (ids []string) {
	for id, r := range s.Template.Resources {
		if r.Type == kind || strings.HasSuffix(kind, "::*") && strings.HasPrefix(r.Type, strings.TrimSuffix(kind, "*")) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
