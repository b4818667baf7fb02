package bed

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Use is what a child process took from its start to its end.
type Use struct {
	CPU  time.Duration // user and system
	Peak int64         // bytes of memory at most, resident
	Rows int64         // whatever the child counted
}

// Report is what a child prints at its end.
type Report struct {
	Rows int64 `json:"rows"`
	Peak int64 `json:"peak"`
}

// Child runs this program with other arguments, and measures it.
func Child(ctx context.Context, args ...string) (u Use, err error) {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return u, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	var r Report
	if err := json.Unmarshal(out, &r); err != nil {
		return u, fmt.Errorf("%s printed %q: %w", args[0], out, err)
	}
	return Use{CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), Peak: r.Peak, Rows: r.Rows}, nil
}

// Print prints a child's report, with its peak of memory (VmHWM of proc(5)).
func Print(rows int64) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	r := Report{Rows: rows}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				return err
			}
			r.Peak = kb << 10
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
