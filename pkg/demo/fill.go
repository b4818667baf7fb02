package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	resources "github.com/tenantry/tenantry/pkg/resource"
)

// Target is a platform to be filled. All fields but the last are needed.
type Target struct {
	URL    string // of the API, without a slash at the end
	Token  func(subject, email string) (string, error)
	Client *http.Client
	Now    time.Time

	// Collected makes resources all that was seen in an account of a tenant, as collecting them would; nil where none are to be had.
	Collected func(ctx context.Context, id, account string, found []resources.Sighting) error
}

// seed is that of the lines people see in a demo.
const seed = 1

// Fill makes the tenants ABC, which alice owns, and Globex, which bob owns, with their projects, kept tag keys and costs
// up to yesterday, and waits until their costs count. Within a day it can be repeated after a failure, and then goes on
// where it was.
func Fill(ctx context.Context, to Target) error {
	for _, o := range []*Organization{ABC(), Globex()} {
		token, err := to.Token(o.Subject, o.Email)
		if err != nil {
			return fmt.Errorf("sign %s in: %w", o.Subject, err)
		}
		f := &filling{caller{ctx, to, token}, o}
		if err := f.fill(); err != nil {
			return fmt.Errorf("fill %s: %w", o.Name, err)
		}
	}
	return nil
}

// filling is the work on one organization.
type filling struct {
	caller
	organization *Organization
}

func (f *filling) fill() error {
	var tenant struct {
		ID string `json:"id"`
	}
	if err := f.call("POST", "/v1/tenants", "demo", map[string]string{"name": f.organization.Name}, &tenant); err != nil {
		return err
	}
	base := "/v1/tenants/" + tenant.ID
	if err := f.call("PUT", base+"/tag-keys", "", map[string][]string{"keys": f.organization.TagKeys}, nil); err != nil {
		return err
	}
	for _, p := range f.organization.Projects {
		if err := f.call("POST", base+"/projects", "demo "+p.Name, p, nil); err != nil {
			return err
		}
	}
	if err := f.deliver(base + "/imports"); err != nil || f.to.Collected == nil {
		return err
	}
	from, _ := Window(f.to.Now)
	for account, found := range f.organization.Resources(from.Time()) {
		if err := f.to.Collected(f.ctx, tenant.ID, account, found); err != nil {
			return err
		}
	}
	return nil
}

// delivery is what is read of one.
type delivery struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	UploadURL string `json:"uploadUrl"`
	Error     string `json:"error"`
}

// deliver imports the costs, split by the projects' rules.
func (f *filling) deliver(imports string) error {
	from, to := Window(f.to.Now)
	file, err := f.organization.CSV(seed, from, to)
	if err != nil {
		return err
	}
	var d delivery
	if err := f.call("POST", imports, "demo "+to.String(), map[string]any{"format": "csv", "source": "demo",
		"files": []map[string]any{{"name": strings.ToLower(f.organization.Name) + ".csv", "sizeBytes": len(file)}}}, &d); err != nil {
		return err
	}
	at := imports + "/" + d.ID
	if d.UploadURL != "" {
		if err := f.upload(d.UploadURL, file); err != nil {
			return err
		}
		if err := f.call("POST", at+"/close", "", nil, &d); err != nil {
			return err
		}
	}
	return f.wait(at)
}

// wait returns when the delivery has come to its end.
func (f *filling) wait(at string) error {
	for {
		var d delivery
		if err := f.call("GET", at, "", nil, &d); err != nil {
			return err
		}
		switch d.Status {
		case "succeeded":
			return nil
		case "failed":
			return fmt.Errorf("import %s failed: %s", d.ID, d.Error)
		}
		select {
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// CSV is the file of Lines.
func (o *Organization) CSV(seed uint64, from, to calendar.Day) ([]byte, error) {
	var file bytes.Buffer
	w := focus.NewCSVWriter(&file, Version)
	if _, err := o.Lines(seed, from, to, func(r *focus.Record) error { return w.Write(*r) }); err != nil {
		return nil, err
	}
	err := w.Close()
	return file.Bytes(), err
}
