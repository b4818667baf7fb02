package export

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type getIn struct {
	ExportID string `path:"exportId" doc:"exp_ and 26 characters."`
}

// get gives an export, and while there is an archive an address of it, which the audit log tells of before it is given out.
func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*exportOut, error) {
	if err := may(scope); err != nil {
		return nil, err
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	e, _, err := find(ctx, t, in.ExportID)
	if err != nil {
		return nil, err
	}
	out := &exportOut{Body: e.shown(s.Clock())}
	if out.Body.Status != Succeeded {
		return out, nil
	}
	lasts := min(downloadTime, e.ValidUntil.Sub(s.Clock()))
	url, err := s.Files.DownloadURL(ctx, scope, archiveName(e.ID, e.Attempt), e.Archive.Name, lasts)
	if err != nil {
		return nil, err
	}
	row, err := s.Audit.Row(ctx, scope, audit.Event{Target: target(e.ID), After: told{Download: s.now().Add(lasts).Format(time.RFC3339)}})
	if err != nil {
		return nil, err
	}
	if err := t.Write(ctx, row); err != nil {
		return nil, fmt.Errorf("note that an export can be downloaded: %w", err)
	}
	out.Body.DownloadURL = url
	return out, nil
}

// find reads the export that a path names.
func find(ctx context.Context, t *store.Tenant, id string) (e record, version int64, err error) {
	none := fault.New(fault.NotFound, "There is no such export in this organization.")
	export, err := tenant.ParseExportID(id)
	if err != nil {
		return e, 0, none
	}
	if version, err = t.Read(ctx, store.Export(export), &e); err != nil {
		return e, 0, fmt.Errorf("read an export: %w", err)
	}
	if version == 0 {
		return e, 0, none
	}
	return e, version, nil
}

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Export] }

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	if err := may(scope); err != nil {
		return nil, err
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	page, err := route.PageOf(in.Paging, route.NewCursors(listExports, string(scope.Tenant())), func(l store.List) (store.Page, error) {
		l.Reverse = true
		return t.Query(ctx, store.Exports(), l)
	}, func(e Export) (Export, bool) {
		if e = e.shown(s.Clock()); e.Archive != nil {
			e.Archive.Files = nil
		}
		return e, true
	})
	if err != nil {
		return nil, fmt.Errorf("list exports: %w", err)
	}
	return &listOut{page}, nil
}
