// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"fmt"
	"strings"

	"tercet/core/jid"
)

// A group is a section of the file.
type group struct {
	name    string
	public  bool
	members []member
	at      map[jid.JID]int // in members
}

type member struct {
	jid  jid.JID // bare
	name string
}

// parse reads sections "[Name]", or "[+Name]" for a group that everybody sees,
// and in them lines "jid" or "jid=name". Lines that begin with ";" or "#" are
// comments. What is wrong is left out and reported.
func parse(text []byte) (all []group, wrong []string) {
	at := map[string]int{}
	current := "default"
	for n, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			name, public := strings.CutPrefix(line[1:len(line)-1], "+")
			if name == "" {
				wrong = append(wrong, fmt.Sprintf("line %d is a group without a name", n+1))
				name = "default"
			}
			current = name
			i := find(&all, at, name)
			all[i].public = all[i].public || public
			continue
		}
		address, name, _ := strings.Cut(line, "=")
		j, err := jid.Parse(strings.TrimSpace(address))
		if err != nil || j.Local() == "" {
			wrong = append(wrong, fmt.Sprintf("line %d is no account, and no group in brackets", n+1))
			continue
		}
		i := find(&all, at, current)
		all[i].add(member{j.Bare(), strings.TrimSpace(name)})
	}
	return all, wrong
}

func find(all *[]group, at map[string]int, name string) int {
	i, ok := at[name]
	if !ok {
		i = len(*all)
		at[name] = i
		*all = append(*all, group{name: name})
	}
	return i
}

// add takes a member in; the last name that is given to it counts.
func (g *group) add(m member) {
	if i, ok := g.at[m.jid]; ok {
		g.members[i] = m
		return
	}
	if g.at == nil {
		g.at = make(map[jid.JID]int)
	}
	g.at[m.jid] = len(g.members)
	g.members = append(g.members, m)
}
