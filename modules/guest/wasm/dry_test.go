// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/modules/guest"
	"tercet/modules/guest/wasm"
)

// What the example needs is what its golden stream grants.
func TestInspectExample(t *testing.T) {
	file := clang.build(t, filepath.Join(root, "examples/wasm/c/filter.c"))
	in := wasm.Inspect(t.Context(), file, []byte(`{"words":["casino"]}`))
	if in.Failed() {
		t.Fatal(in.Problems)
	}
	want := []string{
		"add:adhoc-command", "add:feature", "hook:adhoc/filter", "hook:iq-get/host/urn:example:filter:stats", "hook:pre-message/bare",
		"hook:pre-message/full", "replace", "store",
	}
	if !slices.Equal(in.Allow, want) {
		t.Errorf("got %q, want %q", in.Allow, want)
	}
	var text strings.Builder
	in.Print(&text)
	for _, part := range []string{
		"ABI        1\n", "at least 64 KB", "abi, alloc, event, load", "hook pre-message/full, priority 10, child=jabber:client:body\n",
		"add feature, \"urn:example:filter\"\n", "options    words\n", `allow = { "add:adhoc-command", "add:feature", "hook:adhoc/filter", "hook:iq-get`, `path = "guest.wasm"`,
	} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("not told: %q in\n%s", part, &text)
		}
	}
	in = wasm.Inspect(t.Context(), file, nil)
	if !in.Failed() || !slices.ContainsFunc(in.Notes, func(f guest.Fault) bool { return strings.Contains(f.Text, "words") }) {
		t.Errorf("without its options: %v, %v", in.Problems, in.Notes)
	}
	if in := wasm.Inspect(t.Context(), file, []byte(`7`)); !in.Failed() {
		t.Error("7 is taken for options")
	}
}

// What is wrong with a guest is told before a server meets it.
func TestInspectFaults(t *testing.T) {
	const event = "EXPORT(event) i32 event(i32 h, const char *s, i32 n) { (void)h; (void)s; (void)n; return NEXT; }\n"
	load := func(body string) string { return event + "EXPORT(load) i32 load(void) { " + body + " }" }
	for _, tt := range []struct{ name, source, want string }{
		{"right", load("return 0;"), ""},
		{"a failure", load("return 7;"), "load returned 7"},
		{"a trap", load("__builtin_trap();"), "unreachable"},
		{"an unknown hook", load(`return tercet_hook(T("pre-massage/bare"), 0, T("")) < 0;`), `no such extension point: "pre-massage/bare"; did you mean "pre-message/bare"?`},
		{"a list is no hook", load(`return tercet_hook(T("feature"), 0, T("")) < 0;`), "takes values, not handlers"},
		{"a hook is no list", load(`return tercet_add(T("pre-message/bare"), T("1")) < 0;`), "takes handlers, not values"},
		{"a bad filter", load(`return tercet_hook(T("message/bare"), 0, T("colour=red")) < 0;`), "colour"},
		{"a filter without stanzas", load(`return tercet_hook(T("resource-bind"), 0, T("type=chat")) < 0;`), "it has no filter"},
		{"no JSON", load(`return tercet_add(T("feature"), T("urn:x")) < 0;`), "no JSON"},
		{"no event", "EXPORT(load) i32 load(void) { return 0; }", "does not export event"},
		{"a foreign import", "__attribute__((import_module(\"env\"), import_name(\"exec\"))) extern i32 run(void);\n" + load("return run();"), `imports exec from "env"`},
		{"the store", load(`char b[9]; return tercet_get(T(""), T("k"), b, 9) != ERR_NONE || tercet_count(T(""), T("n"), 2) != 2;`), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := wasm.Inspect(t.Context(), c(t, tt.source), nil)
			found := slices.ContainsFunc(in.Problems, func(f guest.Fault) bool { return strings.Contains(f.Text, tt.want) })
			if tt.want == "" && in.Failed() || tt.want != "" && !found {
				t.Errorf("got %v, want %q", in.Problems, tt.want)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "no.wasm")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + "x", t.TempDir()} {
		if in := wasm.Inspect(t.Context(), name, nil); !in.Failed() {
			t.Errorf("%s: nothing is wrong with it", name)
		}
	}
}
