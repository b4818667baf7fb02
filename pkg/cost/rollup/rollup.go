// Package rollup adds up the lines of a delivery to the cells of the five views, in bounded memory. Lines are gathered in
// a batch; a full batch is sorted for each view, and the rows it makes are put aside as a run; at last the runs are
// merged. Runs that are small stay in memory: then no file is made.
package rollup

import (
	"errors"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

// DefaultMemory is the budget where Config.Memory is 0.
const DefaultMemory = 96 << 20

// Config says what to add up and within which bounds.
type Config struct {
	Dir     string          // of the temporary file, which has no name as soon as it is open; "" is the system's
	Memory  int64           // bytes for lines, runs and symbols together, beyond which runs go to the file; 0 is DefaultMemory
	Symbols *focus.Symbols  // of the lines; Add resets it when symbols take more than half of Memory
	TagKeys []string        // the kept tag keys, sorted: their values end the keys of the tags view
	Views   []document.View // that are wanted; nil for all. The service view comes with all the others alone
	// Assign gives the project of a line. It may be asked again for the same pair.
	Assign func(subAccountID, tags string) string
}

// Builder adds up lines. It is not safe for concurrent use.
type Builder struct {
	config    Config
	projects  projects
	tallies   tallies
	names     names
	tags      tagSets
	ranks     [numSlots]ranking // of the symbols of the slots that keys have
	rankBytes int64
	layouts   []layout
	batch     batch
	sorter    sorter
	stage     stage
	texts     []string
	run       run
	spool     spool
	lines     int64
	err       error // that every further Add and Finish gives
}

var errFinished = errors.New("rollup: lines are added, or the result is asked for, after Finish or Close")

// New makes a Builder. Close must be called.
func New(c Config) *Builder {
	if c.Memory <= 0 {
		c.Memory = DefaultMemory
	}
	b := &Builder{config: c, layouts: layouts(len(c.TagKeys) > 0, c.Views)}
	b.projects.numbers = map[string]uint32{}
	b.tallies.byText = map[tallyTexts]int{}
	b.names.symbols = c.Symbols
	b.spool.dir = c.Dir
	b.run = run{spool: &b.spool, segments: map[group][]segment{}}
	b.forget()
	return b
}

// Add takes a line in; l may be used for the next one afterwards, but the symbols given so far may be void. An error is
// a *fault.Error, and final: the sums are too large, or there is no room for the temporary file.
func (b *Builder) Add(l *focus.Line) error {
	if b.err == nil {
		b.err = b.add(l)
	}
	return b.err
}

func (b *Builder) add(l *focus.Line) error {
	account, tags := l.Dims[focus.SubAccountID], l.Dims[focus.Tags]
	project := b.projects.of(account, tags, func() string {
		return b.config.Assign(b.text(focus.SubAccountID, account), b.text(focus.Tags, tags))
	})
	if err := b.tallies.add(l, project, b.tallyTexts); err != nil {
		return err
	}
	b.names.see(l)
	if err := b.batch.add(l, project); err != nil {
		return err
	}
	b.lines++
	if b.used() < b.config.Memory/8*7 {
		return nil
	}
	if err := b.roll(b.config.Memory / 8); err != nil {
		return err
	}
	if b.symbolBytes() <= b.config.Memory/2 {
		return nil
	}
	if err := b.names.settle(); err != nil {
		return err
	}
	b.forget()
	b.config.Symbols.Reset()
	return nil
}

// Reassign has the lines that are added from now on go to the projects that assign gives.
func (b *Builder) Reassign(assign func(subAccountID, tags string) string) {
	b.config.Assign = assign
	b.projects.epoch++
}

// forget drops what holds symbols.
func (b *Builder) forget() {
	b.projects.epoch++
	b.tallies.bySymbol = map[tallyKey]int{}
	b.tags = tagSets{keys: b.config.TagKeys, symbols: focus.NewSymbols()}
	b.ranks, b.rankBytes = [numSlots]ranking{}, 0
}

// used is how much of Memory is taken.
func (b *Builder) used() int64 { return b.symbolBytes() + b.batch.bytes() + b.spool.memory() }

func (b *Builder) symbolBytes() int64 {
	return int64(b.config.Symbols.Bytes()) + b.tags.bytes() + b.rankBytes
}

func (b *Builder) text(d focus.Dim, s focus.Symbol) string { return b.config.Symbols.Text(d, s) }

// Finish adds up what is left. The Result holds until Close.
func (b *Builder) Finish() (*Result, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.err = b.roll(b.config.Memory - b.used())
	if b.err == nil {
		b.err = b.names.settle()
	}
	if b.err != nil {
		return nil, b.err
	}
	b.release()
	return &Result{some: b.config.Views != nil, spool: &b.spool, segments: b.run.segments, projects: b.projects.ids, tallies: b.tallies.sorted(),
		names: &b.names, lines: b.lines}, nil
}

// release gives up what serves to take lines in.
func (b *Builder) release() {
	b.forget()
	b.projects.recent, b.batch, b.sorter, b.run.buf, b.err = nil, batch{}, sorter{}, nil, errFinished
}

// Close removes the temporary file, whatever happened before, and makes the Result void. It may be called again.
func (b *Builder) Close() error {
	b.release()
	return b.spool.close()
}
