// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
	"tercet/modules/guest/guesttest"
	"tercet/modules/guest/wasm"
)

// Whatever a guest does to the messages that say "go", it is named once in the
// log, and nobody else is hurt: another guest counts the messages of others,
// which come while the first is at its worst.
func TestNamed(t *testing.T) {
	calm := c(t, `EXPORT(load) i32 load(void) { return tercet_hook(T("message/bare"), 0, T("")) < 0; }
EXPORT(event) i32 event(i32 handler, const char *text, i32 n) { (void)handler; (void)text; (void)n; return tercet_count(T(""), T("n"), 1) > 0 ? NEXT : FAILED; }`)
	const deep = `static volatile i32 x; static __attribute__((noinline)) i32 deep(i32 n) { return n < 0 ? 0 : deep(n + 1) + x; }`
	wasm.AddPanic(t)
	path, log := guesttest.Write(t, "probe.wasm", []byte(contentOf(t, calm))), guesttest.NewLog(t)
	s := coretest.New(t, fmt.Sprintf(`modules_enabled = { "probe", "calm" }
wasm_modules = {
	probe = { path = %q, limit = "1s", memory = "12MB", allow = { "hook:*", "store" } },
	calm = { path = %q, limit = "5s", memory = "1MB", allow = { "hook:*", "store" }, on_failure = "stop" },
}`, path, calm)+log.Option("warn"), modules.All...)
	w := &world{Server: s, t: t, romeo: s.Login("romeo", "orchard"), juliet: s.Login("juliet", "balcony")}
	nurse, peter := s.Login("nurse", "hall"), s.Login("peter", "street")
	for _, c := range []*coretest.Client{w.juliet, peter} {
		c.Send("<presence/>")
		c.Next()
	}
	for _, tt := range []struct{ name, declarations, body, want string }{
		{"endless loop", "", `for (;;) __asm__ volatile("");`, "stopped after 1s"},
		{"deep recursion", deep, `return deep(0);`, "unreachable"},
		{"memory bomb", "", `for (;;) { i32 at = __builtin_wasm_memory_grow(0, 1); if (at < 0) __builtin_trap(); ((volatile char *)(at << 16))[0] = 1; }`, "on_failure=pass"},
		{"trap", "", `__builtin_trap();`, "unreachable"},
		{"pointer into nowhere", "", `return *(volatile char *)0x7fffffff;`, "out of bounds memory access"},
		{"bad verdict", "", `return 7;`, "the handler returned 7"},
		{"failed", "", `return FAILED;`, "the handler returned -1"},
		{"panic of the server", `IMPORT(panics) i32 panics(void);`, `return panics();`, "no more ideas"},
		{"no reply that is XML", "", `return tercet_reply(T("<message>")) == OK ? STOP : FAILED;`, "the handler returned -1"},
		{"10 MB reply", "", `char *p = (char *)(__builtin_wasm_memory_grow(0, 160) << 16);
			__builtin_memset(p, 'x', 10 << 20); __builtin_memcpy(p, "<body>", 6); __builtin_memcpy(p + (10 << 20) - 7, "</body>", 7);
			return tercet_reply(p, 10 << 20) == OK ? STOP : FAILED;`, "the handler returned -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			guesttest.Write(t, path, []byte(contentOf(t, probe(t, tt.declarations, `i32 go = 0; for (i32 i = 0; i < n; i++) go |= starts(text + i, n - i, T(">go<"));
				if (!go) return NEXT;
				`+tt.body))))
			log.Forget()
			if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
				t.Fatal(err)
			}
			w.message("go")
			for i := range 5 {
				nurse.Send(fmt.Sprintf("<message type='chat' id='o%d' to='peter@example.org'><body>calm</body></message>", i))
				if e := peter.Next(); e.Attr("id") != fmt.Sprint("o", i) {
					t.Errorf("another stream got %s", e)
				}
			}
			if e := w.juliet.Next(); e.First().Text() != "go" {
				t.Errorf("got %s", e)
			}
			log.One("guest failed", "example.org:probe", "pre-message/bare", tt.want)
			w.message("fine")
			if e := w.juliet.Next(); e.First().Text() != "fine" {
				t.Errorf("then got %s", e)
			}
			if n := s.Env.Manager.Meters()["calm"].Total().Errors; n != 0 {
				t.Errorf("%d failures of the other guest", n)
			}
			coretest.Eventually(t, "the one before is gone, and this is loaded", func() bool { return w.state() == "loaded" })
		})
	}
}

// sandboxed tries what a guest in a sandbox cannot do, with all of WASI that
// the server has, and answers with the first thing that it could.
const sandboxed = `
#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) extern
WASI(path_open) i32 path_open(i32 fd, i32 dirflags, const char *path, i32 n, i32 oflags, i64 rights, i64 inheriting, i32 fdflags, i32 *out);
WASI(fd_prestat_get) i32 fd_prestat_get(i32 fd, void *out);
WASI(fd_read) i32 fd_read(i32 fd, void *iovs, i32 n, i32 *out);
WASI(fd_readdir) i32 fd_readdir(i32 fd, void *buf, i32 n, i64 cookie, i32 *out);
WASI(path_filestat_get) i32 path_filestat_get(i32 fd, i32 flags, const char *path, i32 n, void *out);
WASI(path_create_directory) i32 path_create_directory(i32 fd, const char *path, i32 n);
WASI(path_unlink_file) i32 path_unlink_file(i32 fd, const char *path, i32 n);
WASI(path_symlink) i32 path_symlink(const char *old, i32 on, i32 fd, const char *path, i32 n);
WASI(environ_sizes_get) i32 environ_sizes_get(i32 *count, i32 *bytes);
WASI(args_sizes_get) i32 args_sizes_get(i32 *count, i32 *bytes);
WASI(sock_accept) i32 sock_accept(i32 fd, i32 flags, i32 *out);
WASI(sock_send) i32 sock_send(i32 fd, void *data, i32 n, i32 flags, i32 *out);
WASI(sock_recv) i32 sock_recv(i32 fd, void *data, i32 n, i32 flags, i32 *out, i32 *oflags);
static char buf[4096];
static i32 out, more;
static struct { char *at; i32 n; } vec = { buf, 64 };
static i32 escaped(void) {
	for (i32 fd = 0; fd < 64; fd++) {
		if (path_open(fd, 0, T("etc/passwd"), 0, -1, -1, 0, &out) == 0 || path_open(fd, 1, T("/etc/passwd"), 0, -1, -1, 0, &out) == 0) return 1;
		if (path_open(fd, 0, T("../../../../../../etc/passwd"), 0, -1, -1, 0, &out) == 0 || path_open(fd, 0, T("x"), 1, -1, -1, 0, &out) == 0) return 2;
		if (fd > 2 && fd_prestat_get(fd, buf) == 0) return 3; /* the first are its own output */
		if (fd_readdir(fd, buf, sizeof buf, 0, &out) == 0) return 14;
		if (path_filestat_get(fd, 0, T("/etc/passwd"), buf) == 0) return 4;
		if (path_create_directory(fd, T("x")) == 0 || path_unlink_file(fd, T("x")) == 0 || path_symlink(T("/etc"), fd, T("x")) == 0) return 5;
		if (fd_read(fd, &vec, 1, &out) == 0 && out > 0) return 6;
		if (sock_accept(fd, 0, &out) == 0 || sock_send(fd, &vec, 1, 0, &out) == 0 || sock_recv(fd, &vec, 1, 0, &out, &more) == 0) return 7;
	}
	if (environ_sizes_get(&out, &more) == 0 && (out > 0 || more > 0)) return 8;
	if (args_sizes_get(&out, &more) == 0 && (out > 0 || more > 0)) return 9;
	if (tercet_http(T("{\"url\":\"ADDRESS\"}")) >= 0 || tercet_http(T("{\"url\":\"file:///etc/passwd\"}")) >= 0) return 10;
	if (tercet_get(T(""), T("secret"), buf, sizeof buf) != ERR_NONE) return 11;
	if (tercet_get(T("../calm"), T("secret"), buf, sizeof buf) != ERR_NONE || tercet_get(T("calm"), T("secret"), buf, sizeof buf) != ERR_NONE) return 12;
	if (tercet_find(T(""), T(""), buf, sizeof buf) != 2) return 13;
	return 0;
}
`

// A guest reads no file, of ours or any, makes none, reaches no address, and
// sees nothing of another's store, nor of our environment.
func TestSandbox(t *testing.T) {
	t.Setenv("TERCET_SECRET", "x")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var reached atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			_ = conn.Close() // it was reached
		}
	}()
	bad := probe(t, strings.ReplaceAll(sandboxed, "ADDRESS", "http://"+l.Addr().String()+"/"), `
		text_start();
		text_add(T("<error type='cancel'><escaped xmlns='urn:example' by='"));
		text_number(escaped());
		text_add(T("'/></error>"));
		return tercet_reply(tercet_text, tercet_length) == OK ? STOP : FAILED;`)
	calm := c(t, `EXPORT(load) i32 load(void) { return tercet_hook(T("pre-message/bare"), 10, T("")) < 0; }
EXPORT(event) i32 event(i32 handler, const char *text, i32 n) { (void)handler; (void)text; (void)n; return tercet_put(T(""), T("secret"), T("x")) == OK ? NEXT : FAILED; }`)
	config := fmt.Sprintf(`modules_enabled = { "probe", "calm" }
wasm_modules = {
	probe = { path = %q, limit = "5s", memory = "1MB", allow = { "hook:*", "store", "http:http://127.0.0.1:1/" }, on_failure = "stop" },
	calm = { path = %q, limit = "5s", memory = "1MB", allow = { "hook:*", "store" }, on_failure = "stop" },
}`, bad, calm)
	s := coretest.New(t, config, modules.All...)
	before := files(t, s.Env.DataDir)
	w := &world{Server: s, t: t, romeo: s.Login("romeo", "orchard"), juliet: s.Login("juliet", "balcony")}
	for range 2 {
		w.message("hello")
		e := w.romeo.Next()
		if by := e.First().First().Attr("by"); by != "0" {
			t.Errorf("the guest has done what is forbidden: %s, %s", by, e)
		}
	}
	if after := files(t, s.Env.DataDir); after != before {
		t.Errorf("there were the files\n%s\nand there are\n%s", before, after)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("it has reached an address %d times", n)
	}
}

// files are the names below a folder.
func files(t testing.TB, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// While a guest that never ends is at its worst, again and again, others are
// served at once: it has instances and goroutines of its own.
func TestOthersMeanwhile(t *testing.T) {
	bad := probe(t, "", `i32 go = 0; for (i32 i = 0; i < n; i++) go |= starts(text + i, n - i, T(">go<"));
		if (!go) return NEXT;
		for (;;) __asm__ volatile("");`)
	w := newWorld(t, bad, `allow = { "hook:*" }, limit = "5s", instances = 2`)
	w.message("go")
	nurse := w.Login("nurse", "hall")
	began := time.Now()
	for i := range 20 {
		nurse.Send(fmt.Sprintf("<message type='chat' id='o%d' to='juliet@example.org'><body>calm</body></message>", i))
		if e := w.juliet.Next(); e.Attr("id") != fmt.Sprint("o", i) {
			t.Fatalf("got %s", e)
		}
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("others had to wait for %v", took)
	}
	if err := w.Env.Manager.Unload(t.Context(), coretest.Domain, "probe"); err != nil {
		t.Error(err)
	}
}
