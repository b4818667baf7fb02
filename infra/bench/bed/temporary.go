package bed

import (
	"errors"
	"os"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// Temporary serves a platform in a folder of its own below Root, whose new tenants have the plan (enterprise where ""), for as
// long as it is measured. The folder's name begins with the given one, and it is removed at the end.
func Temporary(name string, plan tenant.Plan, measure func(*Platform) error) (err error) {
	if err := os.MkdirAll(Root, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(Root, name+"-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return Within(dir, plan, measure)
}

// Within serves the platform in a folder for a while.
func Within(dir string, plan tenant.Plan, do func(*Platform) error) error {
	p, err := Open(dir)
	if err != nil {
		return err
	}
	p.Plan = plan
	if err = p.Serve(); err == nil {
		err = do(p)
	}
	return errors.Join(err, p.Close())
}
