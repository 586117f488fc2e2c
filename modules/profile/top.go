// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/modules/shell"
)

// A row is what one module has cost. Errors, panics and memory are those since
// the server has started.
type row struct {
	Module  string  `json:"module"`
	Events  uint64  `json:"events"`
	Seconds float64 `json:"seconds"`
	Errors  uint64  `json:"errors"`
	Panics  uint64  `json:"panics"`
	Memory  int64   `json:"memory"` // bytes; 0 where nobody knows
}

type topResult struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // of the whole process
	Modules []row   `json:"modules"`
}

func (m *profile) top(ctx context.Context, c *shell.Call) error {
	n, err := seconds(c, 5, 1, 600)
	if err != nil {
		return err
	}
	manager := m.scope.Env.Manager
	defer manager.Watch()()
	before, began, cpu := make(map[string]ext.Usage), time.Now(), processTime()
	for name, meter := range manager.Meters() {
		before[name] = meter.Watched()
	}
	if err := wait(ctx, c, "counting, seconds", n, nil); err != nil {
		return err
	}
	r := topResult{time.Since(began).Seconds(), (processTime() - cpu).Seconds(), []row{}}
	for name, meter := range manager.Meters() {
		now, was := meter.Watched(), before[name]
		r.Modules = append(r.Modules, row{name, now.Events - was.Events, (now.Time - was.Time).Seconds(), now.Errors, now.Panics, now.Memory})
	}
	slices.SortFunc(r.Modules, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(b.Events, a.Events), cmp.Compare(a.Module, b.Module))
	})
	r.print(c)
	return c.Result(r)
}

func (r *topResult) print(c *shell.Call) {
	var rows [][]string
	idle := 0
	for _, m := range r.Modules {
		if m.Events+m.Errors+m.Panics == 0 && m.Memory == 0 {
			idle++
			continue
		}
		took := time.Duration(m.Seconds * float64(time.Second))
		each, memory := "", ""
		if m.Events > 0 {
			each = short(took / time.Duration(m.Events)) //nolint:gosec // less than 2^63
		}
		if m.Memory > 0 {
			memory = rounded(m.Memory).String()
		}
		rows = append(rows, []string{
			m.Module, strconv.FormatUint(m.Events, 10), short(took), fmt.Sprintf("%.2f %%", 100*m.Seconds/r.Seconds), each,
			strconv.FormatUint(m.Errors, 10), strconv.FormatUint(m.Panics, 10), memory,
		})
	}
	c.Table([]string{"MODULE", "EVENTS", "TIME", "OF A CORE", "EACH", "ERRORS", "PANICS", "MEMORY"}, rows)
	c.Printf("\n%.1f seconds, of which the whole process took %.2f of CPU; without an event: %d modules\n", r.Seconds, r.CPU, idle)
}

// rounded is a size in MiB, KiB or bytes, with two digits at least.
func rounded(bytes int64) config.Size {
	for unit := int64(1 << 20); unit > 1; unit >>= 10 {
		if bytes >= 10*unit {
			return config.Size((bytes + unit/2) / unit * unit)
		}
	}
	return config.Size(bytes)
}

// short is a duration with three digits or so.
func short(d time.Duration) string {
	for unit := time.Duration(1); unit < time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Second).String()
}

// processTime is the CPU time of the process.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
