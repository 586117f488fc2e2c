// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/memory"
	"tercet/core/module"
)

// attach sets the commands of the server itself.
func (m *shell) attach(s *module.Scope) {
	Command.Set(s, "status", Spec{Doc: "Tell what the server is and does.", Run: m.status})
	Command.Set(s, "reload", Spec{
		Doc:   "Read the config again and tell what has changed; an error in it changes nothing.",
		Flags: []Flag{{Name: "dry-run", Doc: "Tell only what would change."}}, Run: m.reload,
	})
	Command.Set(s, "stop", Spec{Doc: "Stop the server in order, and wait for it.", Run: m.stop})
	m.attachAccounts(s)
	m.attachSessions(s)
	m.attachModules(s)
	m.attachLists(s)
}

type hostRow struct {
	Host     string `json:"host"`
	Kind     string `json:"kind"`
	Sessions int    `json:"sessions"`
}

type statusResult struct {
	Version  string    `json:"version"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Uptime   float64   `json:"uptime"` // seconds
	Config   string    `json:"config"`
	DataPath string    `json:"data_path"`
	Sessions int       `json:"sessions"`
	Modules  int       `json:"modules"`
	Streams  int       `json:"-"`
	Memory   int64     `json:"memory"` // bytes in use by Go's heap
	Hosts    []hostRow `json:"hosts"`
}

func (m *shell) status(_ context.Context, c *Call) error {
	r := statusResult{
		Version: m.env.Version, PID: os.Getpid(), Started: m.env.Started, Uptime: time.Since(m.env.Started).Seconds(),
		Config: m.env.Config().File, DataPath: m.env.DataDir, Modules: len(m.env.Manager.List()), Memory: memory.InUse(), Hosts: []hostRow{},
	}
	hosts := m.env.Router.Hosts()
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		row := hostRow{name, "virtual host", hosts[name].Sessions.Len()}
		if hosts[name].Component {
			row.Kind = "component"
		}
		r.Sessions += row.Sessions
		r.Hosts = append(r.Hosts, row)
		rows = append(rows, []string{row.Host, row.Kind, strconv.Itoa(row.Sessions)})
	}
	c.Printf("Tercet %s, process %d, up %s\n", r.Version, r.PID, time.Since(m.env.Started).Round(time.Second))
	c.Printf("config    %s\ndata      %s\n", r.Config, r.DataPath)
	c.Printf("sessions  %d\nmodules   %d\nmemory    %s\n\n", r.Sessions, r.Modules, config.Size(r.Memory))
	c.Table([]string{"HOST", "KIND", "SESSIONS"}, rows)
	return c.Result(r)
}

// A planResult is what a reload has done, or would do: then the listeners are
// null.
type planResult struct {
	module.Plan
	DryRun   bool         `json:"dry_run"`
	Problems []problemRow `json:"problems"`
}

type problemRow struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
}

func (m *shell) reload(ctx context.Context, c *Call) error {
	_, dry := c.Flag("dry-run")
	var plan module.Plan
	var err error
	if dry {
		plan, err = m.env.Control.Preview()
	} else {
		plan, err = m.env.Control.Reload(context.WithoutCancel(ctx)) // this module may be among those that go
	}
	lists := []*[]string{&plan.HostsAdded, &plan.HostsRemoved, &plan.Loaded, &plan.Reloaded, &plan.Unloaded}
	if !dry {
		lists = append(lists, &plan.ListenersOpened, &plan.ListenersClosed)
	}
	for _, list := range lists {
		*list = append([]string{}, *list...) // an empty one is a list, too
	}
	r := planResult{Plan: plan, DryRun: dry, Problems: []problemRow{}}
	for _, p := range config.Sort(plan.Problems) {
		r.Problems = append(r.Problems, problemRow{p.Pos.File, p.Pos.Line, p.Severity.String(), p.Text})
		if !c.out.json {
			c.Warnf("%s: %s: %s", p.Pos, p.Severity, p.Text)
		}
	}
	if err != nil {
		return fmt.Errorf("nothing has changed: %w", err)
	}
	printPlan(c, plan)
	if dry {
		c.Printf("nothing has changed: this is what a reload would do; listeners, and a module that cannot be loaded, only a reload tells\n")
	}
	return c.Result(r)
}

func printPlan(c *Call, plan module.Plan) {
	changed := false
	for _, l := range []struct {
		what string
		list []string
	}{
		{"hosts added", plan.HostsAdded},
		{"hosts removed", plan.HostsRemoved},
		{"modules loaded", plan.Loaded},
		{"modules reloaded", plan.Reloaded},
		{"modules unloaded", plan.Unloaded},
		{"listeners opened", plan.ListenersOpened},
		{"listeners closed", plan.ListenersClosed},
	} {
		if len(l.list) > 0 {
			changed = true
			c.Printf("%-17s %s\n", l.what, strings.Join(l.list, ", "))
		}
	}
	c.Printf("%-17s %d\n", "sessions ended", plan.SessionsEnded)
	if !changed {
		c.Printf("the config asks for nothing else than before\n")
	}
}

func (m *shell) stop(_ context.Context, c *Call) error {
	n := 0
	for _, h := range m.env.Router.Hosts() {
		n += h.Sessions.Len()
	}
	c.Printf("the server stops; sessions ended: %d\n", n)
	c.Flush()
	c.ending = true
	m.env.Control.Stop("stopped by its administrator")
	return c.Result(struct {
		Sessions int `json:"sessions_ended"`
	}{n})
}
