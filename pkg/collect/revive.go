package collect

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// revive sends the message of a run that is under way and that no worker has, and tells whether it is over: what has not come to its end
// long after it had to has lost its message, and is ended.
func (s *Service) revive(ctx context.Context, scope *tenant.Scope, h *store.Tenant, r Run) (over bool, err error) {
	var rec record
	version, err := h.Read(ctx, runKey(r.ProjectID, r.Kind, r.Slot), &rec)
	if err != nil {
		return false, fmt.Errorf("read a run: %w", err)
	}
	now := s.Clock()
	switch {
	case version == 0 || rec.done():
		return true, nil
	case now.Before(rec.Job.Until):
		return false, nil
	case now.Sub(rec.CreatedAt) < lifetime+job.LeaseTime:
		return false, s.send(ctx, scope, &rec.Run)
	}
	rec.leave()
	rec.end(Failed, "It was not at its end after 24 hours, and nobody was at it any more. The next run begins anew.", now)
	return true, h.Write(ctx, rec.change(version))
}

// few is how many runs before its own a worker looks after.
const few = 3

// earlier revives the runs before this one of its project and kind: a schedule that goes on leaves none behind that has lost its message.
func (r *running) earlier(ctx context.Context) {
	s, m := r.service, r.message
	runs, _, err := newest(ctx, r.tenant, m.Project, []Kind{m.Kind}, place{slotText(m.Slot), m.Kind}, few)
	for _, before := range runs {
		if err == nil && !before.done() {
			_, err = s.revive(ctx, r.scope, r.tenant, before)
		}
	}
	if err != nil && store.Conflicted(err) == nil { // somebody is at it
		s.Log.WarnContext(ctx, "runs are looked after by the next one", "tenant", m.Tenant, "project", m.Project, "error", err)
	}
}
