// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// tiny is a module whose function "f" makes n rounds of a loop, fills memory
// and calls itself by the table; it returns what its global, 7, is.
var tiny = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x06\x01\x60\x01\x7f\x01\x7f" + // type 0: (i32) i32
	"\x03\x02\x01\x00" + // function 0
	"\x04\x04\x01\x70\x00\x01" + // table, without a maximum
	"\x05\x03\x01\x00\x01" + // memory
	"\x06\x06\x01\x7f\x01\x41\x07\x0b" + // global
	"\x07\x05\x01\x01f\x00\x00" + // export
	"\x09\x07\x01\x00\x41\x00\x0b\x01\x00" + // the table has the function
	"\x0a\x29\x01\x27\x00" +
	"\x03\x40" + // loop
	"\x20\x00\x45\x04\x40\x23\x00\x0f\x0b" + // if n == 0 return global
	"\x41\x00\x41\x00\x41\x10\xfc\x0b\x00" + // memory.fill
	"\x20\x00\x41\x01\x6b\x22\x00\x0d\x00" + // n--, again unless 0
	"\x0b" +
	"\x20\x00\x41\x00\x11\x00\x00" + // f(n) by the table
	"\x0b")

// What is rewritten still does what it did, and looks at its time.
func TestRewrite(t *testing.T) {
	code, err := rewrite(tiny)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	r := wazero.NewRuntime(ctx)
	defer r.Close(context.Background())
	checks := 0
	_, err = r.NewHostModuleBuilder("tercet").NewFunctionBuilder().WithFunc(func() { checks++ }).Export(checkName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Instantiate(ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.ExportedFunction("f").Call(ctx, api.EncodeI32(200_000))
	if err != nil || got[0] != 7 {
		t.Errorf("got %v, %v; want 7", got, err)
	}
	if want := 200_000 * (bulk + 1) / slice; checks < want*9/10 || checks > want*11/10 {
		t.Errorf("it looked %d times at its time, want about %d", checks, want)
	}
}

func TestRewriteRefuses(t *testing.T) {
	for _, tt := range []struct{ name, old, changed, want string }{
		{"the global of the fuel", "\x23\x00\x0f", "\x23\x01\x0f", "a global 1"},
		{"a cut section", "\x05\x03\x01\x00\x01", "\x05\x7f\x01\x00\x01", "cut off"},
		{"a section twice", "\x05\x03\x01\x00\x01", "\x03\x03\x01\x00\x01", "twice"},
		{"a large table", "\x04\x04\x01\x70\x00\x01", "\x04\x07\x01\x70\x00\xff\xff\xff\x7f", "a table of"},
		{"an unknown instruction", "\x0f\x0b", "\x06\x0b", "not known"},
		{"several results", "\x01\x06\x01\x60\x01\x7f\x01\x7f", "\x01\x07\x01\x60\x01\x7f\x02\x7f\x7f", "several results"},
		{"a tail call", "\x11\x00\x00", "\x13\x00\x00", "not known"},
		{"a longer function", "\x01\x27\x00\x03", "\x01\x26\x00\x03", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Contains(tiny, []byte(tt.old)) {
				t.Fatal("the sample is not as the test thinks")
			}
			_, err := rewrite(bytes.Replace(tiny, []byte(tt.old), []byte(tt.changed), 1))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// No binary makes the rewriter panic, and what was valid stays so.
func FuzzRewrite(f *testing.F) {
	f.Add(tiny)
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, code []byte) {
		out, err := rewrite(code)
		if err != nil {
			return
		}
		before, errBefore := r.CompileModule(ctx, code)
		after, errAfter := r.CompileModule(ctx, out)
		if errBefore == nil && errAfter != nil {
			t.Errorf("was valid, and is not: %v", errAfter)
		}
		for _, m := range []wazero.CompiledModule{before, after} {
			if m != nil {
				_ = m.Close(ctx) // the runtime goes on
			}
		}
	})
}
