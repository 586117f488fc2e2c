// SPDX-License-Identifier: Apache-2.0

// Package groups puts contacts that a file names into rosters, as Prosody's
// mod_groups does.
package groups

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/modules/roster"
)

// Module is the shared groups module.
var Module = module.Define("groups", module.OnHost, options{}, load).Requiring("roster")

type options struct {
	File string `lua:"groups_file" doc:"File with the groups and their members; a path within the folder of the config file unless it begins with a slash. Without it the module does nothing."`

	groups []group // what the file says: another text reloads the module
}

// maxFile is the longest file that is read, in bytes.
const maxFile = 16 << 20

// Check reads the file.
func (o *options) Check(c *config.Check) {
	if o.File == "" {
		return
	}
	path := o.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir(), path)
	}
	text, err := read(path)
	if err != nil {
		c.At("groups_file").Errorf("%v", err)
		return
	}
	var wrong []string
	o.groups, wrong = parse(text)
	for _, w := range wrong {
		c.At("groups_file").Warnf("%s: %s", path, w)
	}
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the groups: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("read the groups: %s is no file of at most %d bytes", path, maxFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the groups: %w", err)
	}
	return text, nil
}

type groups struct {
	all    []group
	of     map[jid.JID][]int // the groups of a member
	public []int             // the groups that everybody sees
}

func load(s *module.Scope, o options) error {
	if len(o.groups) == 0 {
		return nil
	}
	g := &groups{all: o.groups, of: make(map[jid.JID][]int)}
	for n, one := range g.all {
		if one.public {
			g.public = append(g.public, n)
		}
		for _, m := range one.members {
			g.of[m.jid] = append(g.of[m.jid], n)
		}
	}
	roster.Load.Handle(s, 0, g.inject)
	again := func(ctx context.Context) {
		p := s.Host.Table.Enter()
		defer p.Leave()
		if rosters, ok := roster.Shared.In(p); ok {
			rosters.Refresh(ctx)
		}
	}
	s.Go(again)
	s.Defer(func() error {
		again(context.WithoutCancel(s.Context()))
		return nil
	})
	return nil
}

// inject puts the members of an account's groups, and of the public ones, into
// its roster.
func (g *groups) inject(_ context.Context, ev *roster.LoadEvent) ext.Verdict {
	self, err := jid.New(ev.User, ev.Host, "")
	if err != nil {
		return ext.Next
	}
	for _, n := range slices.Concat(g.of[self], g.public) {
		for _, m := range g.all[n].members {
			if m.jid != self {
				ev.Items[m.jid] = g.all[n].share(ev.Items[m.jid], m)
			}
		}
	}
	return ext.Next
}

// share makes an item of the group of what is in the roster already.
func (g *group) share(i roster.Item, m member) roster.Item {
	i.JID, i.Shared, i.Hidden = m.jid, true, false
	i.To, i.From, i.Ask, i.Pending = true, true, false, nil
	if m.name != "" {
		i.Name = m.name
	}
	if !slices.Contains(i.Groups, g.name) {
		i.Groups = append(slices.Clip(i.Groups), g.name)
	}
	return i
}
