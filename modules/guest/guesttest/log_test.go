// SPDX-License-Identifier: Apache-2.0

package guesttest_test

import (
	"bytes"
	"os"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
	"tercet/modules/guest/guesttest"
)

// What is written is whole, and what is made of C is WebAssembly that a server
// loads; one that it does not is told of in one line.
func TestGuest(t *testing.T) {
	code := guesttest.C(t, `EXPORT(load) i32 load(void) { tercet_log(LOG_WARN, T("here I am")); return 0; }
EXPORT(event) i32 event(i32 h, const char *x, i32 n) { (void)h; (void)x; (void)n; return NEXT; }`)
	path := guesttest.Write(t, "guest.wasm", code)
	if read, err := os.ReadFile(path); err != nil || !bytes.Equal(read, code) || !bytes.HasPrefix(code, []byte("\x00asm")) {
		t.Errorf("%d bytes were written of %d: %v", len(read), len(code), err)
	}
	log := guesttest.NewLog(t)
	coretest.New(t, `modules_enabled = { "guest" } wasm_modules = { guest = { path = "`+path+`" } }`+log.Option("warn"), modules.All...)
	log.One("example.org:guest", "here I am")
	log.Forget()
	if gone := log.Lines("here I am"); len(gone) != 0 {
		t.Errorf("got %q", gone)
	}
	if other := log.Lines("nobody says this"); len(other) != 0 {
		t.Errorf("got %q", other)
	}
}
