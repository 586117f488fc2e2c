// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"maps"
	"slices"
	"strings"
)

// A helpEntry is a command as help --json gives it.
type helpEntry struct {
	Command string `json:"command"`
	Usage   string `json:"usage"`
	Doc     string `json:"doc"`
}

// help lists the commands, or tells about one or those that begin with a word.
func help(call *Call, all map[string]*found, args []string) error {
	want := strings.Join(args, " ")
	names := slices.Sorted(maps.Keys(all))
	if want != "" {
		names = slices.DeleteFunc(names, func(n string) bool { return n != want && !strings.HasPrefix(n, want+" ") })
	}
	if len(names) == 0 {
		return unknown(all, args)
	}
	var entries []helpEntry
	var rows [][]string
	for _, n := range names {
		entries = append(entries, helpEntry{n, all[n].usage(), all[n].Doc})
		rows = append(rows, []string{"  " + all[n].usage(), all[n].Doc})
	}
	if len(names) == 1 {
		cmd := all[names[0]]
		call.Printf("usage: tercet %s\n%s\n", cmd.usage(), cmd.Doc)
		rows = nil
		for _, f := range cmd.Flags {
			rows = append(rows, []string{strings.TrimRight("  --"+f.Name+" "+f.Value, " "), f.Doc})
		}
	}
	table(call, rows)
	return call.Result(entries)
}

// table is Table without heads.
func table(call *Call, rows [][]string) {
	if len(rows) > 0 {
		call.Table(rows[0], rows[1:])
	}
}

// complete lists what the last of the words may become.
func (m *shell) complete(all map[string]*found, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	list := []string{}
	add := func(candidates ...string) {
		for _, c := range candidates {
			if strings.HasPrefix(c, last) && !slices.Contains(list, c) {
				list = append(list, c)
			}
		}
	}
	prefix := strings.Join(before, " ")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if rest, ok := strings.CutPrefix(name, strings.TrimLeft(prefix+" ", " ")); ok {
			word, _, _ := strings.Cut(rest, " ")
			add(word)
		}
	}
	cmd, given := find(all, before)
	if cmd == nil {
		return list
	}
	for _, f := range cmd.Flags {
		if strings.HasPrefix(last, "-") {
			add("--" + f.Name)
		}
	}
	if strings.HasPrefix(last, "-") {
		add("--json", "--help")
	}
	given = slices.DeleteFunc(slices.Clone(given), func(w string) bool { return strings.HasPrefix(w, "--") })
	kinds := strings.Fields(cmd.Args)
	if len(kinds) == 0 {
		return list
	}
	kind := strings.Trim(kinds[min(len(given), len(kinds)-1)], "[].")
	for k := range strings.SplitSeq(kind, "|") {
		add(m.candidates(k, last)...)
	}
	return list
}

// candidates are the values of a kind of argument.
func (m *shell) candidates(kind, last string) []string {
	switch kind {
	case "HOST":
		return slices.Sorted(maps.Keys(m.env.Router.Hosts()))
	case "MODULE":
		return m.env.Manager.Catalogue().Words()
	case "JID":
		local, _, ok := strings.Cut(last, "@")
		if !ok {
			return nil
		}
		var list []string
		for _, h := range slices.Sorted(maps.Keys(m.env.Router.Hosts())) {
			list = append(list, local+"@"+h)
		}
		return list
	}
	if kind == strings.ToLower(kind) { // a word as it stands
		return []string{kind}
	}
	return nil
}
