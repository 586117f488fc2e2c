// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"tercet/config"
	points "tercet/core/guest"
	"tercet/modules/guest"
)

// Inspect tells what a file needs and asks for. The guest is loaded in a dry
// run: it is granted all that it asks for, has the options, a JSON object, and
// nothing of what it does takes effect.
func Inspect(ctx context.Context, file string, options json.RawMessage) *guest.Inspection {
	in := guest.Inspect(file, "wasm")
	n := &notebook{in: in, known: make(map[string]json.RawMessage)}
	if len(options) > 0 {
		if err := json.Unmarshal(options, &n.known); err != nil {
			in.Wrong(0, "the options are no JSON object: %v", err)
			return in
		}
	}
	known := maps.Clone(n.known)
	known[""] = json.RawMessage("{}")
	if len(options) > 0 {
		known[""] = options
	}
	p := &plugin{
		spec: spec{Path: file, Memory: maxMemory, Limit: defaultLimit}, holder: n, ctx: ctx, answer: -1, options: known,
		grants: guest.Grants{"hook:*", "add:*", "store", "send", "replace"}, store: guest.EmptyStore(), cache: unkept(),
	}
	defer p.close() //nolint:errcheck,contextcheck // nothing is kept
	p.http = newFetcher(p)
	err := p.compile(ctx)
	if p.code != nil {
		p.describe(in)
	}
	if err != nil {
		in.Wrong(0, "%v", err)
	}
	if in.Failed() {
		return in
	}
	first, err := p.instantiate(true)
	if err != nil {
		in.Wrong(0, "%s", brief(err))
		if len(n.lacks) > 0 {
			in.Note(0, "it has asked for options that were not given, by --options '{...}': %s", strings.Join(n.lacks, ", "))
		}
	} else {
		in.Add("ABI", strconv.Itoa(abiVersion))
		in.Add("loaded", kilobytes(first.size())+" of memory")
		p.propose(in, first.size())
		first.close()
	}
	in.Add("options", n.read...)
	return in
}

// maxMemory is the most that the config can give an instance.
const maxMemory = 1 << 30

// describe tells what the binary says of itself.
func (p *plugin) describe(in *guest.Inspection) {
	for _, m := range p.code.ExportedMemories() {
		text := "at least " + kilobytes(int64(m.Min())*pageSize)
		if most, ok := m.Max(); ok {
			text += ", at most " + kilobytes(int64(most)*pageSize)
		}
		in.Add("memory", text)
	}
	in.Add("exports", slices.Sorted(maps.Keys(p.code.ExportedFunctions()))...)
	imports := make(map[string][]string)
	for _, f := range p.code.ImportedFunctions() {
		from, name, _ := f.Import()
		if from == "tercet" && name == checkName {
			continue // ours
		}
		imports[from] = append(imports[from], name)
		if !offered(from, name) {
			in.Wrong(0, "it imports %s from %q, which this server does not offer", name, from)
		}
	}
	for _, from := range slices.Sorted(maps.Keys(imports)) {
		slices.Sort(imports[from])
		in.Add("from "+strings.TrimSuffix(from, "_snapshot_preview1"), imports[from]...)
	}
	uses := imports["tercet"]
	for grant, names := range map[string][]string{
		"store": {"get", "put", "find", "count"}, "send": {"send"}, "replace": {"replace"},
	} {
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(uses, name) }) {
			in.Allow = append(in.Allow, grant)
		}
	}
	if slices.Contains(uses, "http") {
		in.Note(0, "it imports http: allow \"http:URL\" for each URL that it calls")
	}
}

// offered reports whether a guest can have the function.
func offered(from, name string) bool {
	switch from {
	case "tercet":
		return slices.ContainsFunc(functions, func(f function) bool { return f.name == name })
	case wasi_snapshot_preview1.ModuleName:
		return true // the runtime says if it is none
	}
	return false
}

// propose fills in what the load has asked for, and what the config says then.
func (p *plugin) propose(in *guest.Inspection, size int64) {
	for _, r := range p.asked {
		ask := guest.Ask{Verb: r.verb, Name: r.name, Detail: r.detail, Priority: r.number}
		switch {
		case r.verb == "every":
			ask.Priority, ask.Detail = 0, time.Duration(r.number).String()
		case r.name != httpPoint:
			in.Allow = append(in.Allow, r.verb+":"+r.name)
		}
		in.Asks = append(in.Asks, ask)
	}
	slices.Sort(in.Allow)
	in.Allow = slices.Compact(in.Allow)
	word := strings.TrimSuffix(filepath.Base(in.File), ".wasm")
	var b strings.Builder
	fmt.Fprintf(&b, "modules_enabled = { %q } -- and what else is in it\nwasm_modules = {\n\t[%q] = {\n\t\tpath = %q,\n", word, word, filepath.Base(in.File))
	if size > defaultMemory {
		fmt.Fprintf(&b, "\t\tmemory = \"%dMB\",\n", (size+size/2)>>20+1)
	}
	quoted := make([]string, len(in.Allow))
	for i, grant := range in.Allow {
		quoted[i] = strconv.Quote(grant)
	}
	fmt.Fprintf(&b, "\t\tallow = { %s },\n\t},\n}\n", strings.Join(quoted, ", "))
	in.Config = b.String()
}

func kilobytes(n int64) string { return fmt.Sprintf("%d KB", (n+1023)/1024) }

// A notebook is the holder of a dry run: it notes what a scope would do.
type notebook struct {
	in          *guest.Inspection
	known       map[string]json.RawMessage
	read, lacks []string // options
}

func (n *notebook) hook(name string, _ float64, filter string, _ points.Handler) error {
	d, err := door(name)
	if err != nil {
		return err
	}
	if d.Hook == nil {
		return fmt.Errorf("%w: %q takes values, not handlers", points.ErrUnknown, name)
	}
	if filter != "" && !strings.Contains(d.Payload, "stanza") {
		return fmt.Errorf("%q is not about stanzas: it has no filter", name)
	}
	_, err = points.ParseFilter(filter)
	return err
}

func (n *notebook) add(name string, value json.RawMessage) error {
	d, err := door(name)
	switch {
	case err != nil:
		return err
	case d.Add == nil:
		return fmt.Errorf("%w: %q takes handlers, not values", points.ErrUnknown, name)
	case !json.Valid(value):
		return fmt.Errorf("what is added to %q is no JSON: %s", name, value)
	}
	return nil
}

// door is the extension point of a name.
func door(name string) (points.Door, error) {
	var names []string
	for _, d := range points.Doors() {
		names = append(names, d.Name)
		if rest, ok := strings.CutPrefix(name, d.Name); ok && (rest == "" || strings.HasSuffix(d.Name, "/")) {
			return d, nil
		}
	}
	if near := config.Suggest(name, names); near != "" {
		return points.Door{}, fmt.Errorf("%w: %q; did you mean %q?", points.ErrUnknown, name, near)
	}
	return points.Door{}, fmt.Errorf("%w: %q; they are listed in sdk/api.txt", points.ErrUnknown, name)
}

func (n *notebook) every(time.Duration, func(context.Context)) {}

func (n *notebook) holds(int64) {}

func (n *notebook) says(_ context.Context, level slog.Level, text string) {
	if level >= slog.LevelError {
		n.in.Wrong(0, "%s", text)
	} else {
		n.in.Note(0, "it says: %s", text)
	}
}

func (n *notebook) reads(option string) {
	if option == "" {
		return
	}
	if !slices.Contains(n.read, option) {
		n.read = append(n.read, option)
		if _, ok := n.known[option]; !ok {
			n.lacks = append(n.lacks, option)
		}
	}
}
