package focus

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing in a file that cannot be read right.
type Problem struct {
	Line   int64  `json:"line"`   // as Line.Number; 0 or 1 for the file or its header as a whole
	Column string `json:"column"` // as the file names it; "" for the record or the file
	Value  string `json:"value"`  // at most 100 characters of what stands there, valid UTF-8
	Reason string `json:"reason"` // what is wrong and what is expected
}

// Rejection says why a file is refused. It holds at least one Problem.
type Rejection struct {
	Problems []Problem
	More     bool // reading stopped at Options.MaxProblems: the rest of the file was not looked at
}

// Error names the first problem and counts the others.
func (r *Rejection) Error() string {
	p := r.Problems[0]
	where := "the file"
	if p.Line > 0 {
		where = fmt.Sprintf("line %d", p.Line)
	}
	if p.Column != "" {
		where += ", column " + p.Column
	}
	text := fmt.Sprintf("%s: %s", where, p.Reason)
	if p.Value != "" {
		text = fmt.Sprintf("%s: %q: %s", where, p.Value, p.Reason)
	}
	switch more := len(r.Problems) - 1; {
	case r.More:
		text += " (and more)"
	case more > 0:
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// report gathers what a Reader finds wrong.
type report struct {
	max      int
	problems []Problem
	more     bool
	io       error
	done     bool // nothing more will be read
}

// add notes a problem; the last one there is room for ends the reading.
func (r *report) add(p Problem) {
	if len(r.problems) < r.max {
		r.problems = append(r.problems, p)
	}
	if len(r.problems) == r.max {
		r.more, r.done = true, true
	}
}

// end notes a problem of the file after which nothing can be read.
func (r *report) end(line int64, column string, value []byte, reason string) {
	if len(r.problems) < r.max {
		r.problems = append(r.problems, Problem{line, column, clip(value), reason})
	}
	r.done = true
}

// Err is nil, a *Rejection where anything was found wrong, or the error of the underlying reader.
func (r *report) Err() error {
	switch {
	case r.io != nil:
		return r.io
	case len(r.problems) > 0:
		return &Rejection{Problems: slices.Clone(r.problems), More: r.more}
	}
	return nil
}

const maxValue = 100

func clip(value []byte) string {
	if len(value) > utf8.UTFMax*maxValue {
		value = value[:utf8.UTFMax*maxValue]
	}
	text := strings.ToValidUTF8(string(value), "\uFFFD")
	n := 0
	for i := range text {
		if n++; n > maxValue {
			return text[:i]
		}
	}
	return text
}
