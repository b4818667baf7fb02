package rollup

// Reassign has the lines that are added from now on go to the projects that assign gives.
func (b *Builder) Reassign(assign func(subAccountID, tags string) string) {
	b.config.Assign = assign
	b.projects.recent = nil
}
