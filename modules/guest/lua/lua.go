// SPDX-License-Identifier: Apache-2.0

// Package lua runs modules that were written for Prosody 0.12, unchanged: it
// finds their files, gives them the API that they expect, and connects that to
// the live server.
package lua

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/module"
	"tercet/modules/guest"
)

// Module is the runtime. The modules that it finds need it; it has no place in
// modules_enabled.
var Module = module.Define("lua", module.OnServer, options{
	Bundled: []string{"/usr/lib/prosody/modules", "/usr/local/lib/prosody/modules"},
	Timeout: 200 * time.Millisecond, Memory: 512 << 20,
}, load).Finding(find)

type options struct {
	Paths   []string      `lua:"plugin_paths" doc:"Folders with modules in Lua, the first to look in first; relative ones are below the config's."`
	Bundled []string      `lua:"bundled_plugin_paths" doc:"Folders to look in after those: the modules that come with Prosody."`
	Forced  config.Set    `lua:"force_lua_modules" doc:"Names of which the module in Lua runs, although there is one that is compiled in."`
	Timeout time.Duration `lua:"lua_handler_timeout" min:"1ms" max:"1min" doc:"Most time for a handler of an event, waits aside."`
	Memory  config.Size   `lua:"lua_memory_limit" min:"16777216" doc:"Memory at which the module that runs is stopped. A change needs a restart."`
}

// A guestOptions is what the config says of one module in Lua. It reads its own
// options itself.
type guestOptions struct {
	file source

	OnFailure map[string]string `lua:"lua_on_failure" type:"table of words" doc:"What is left of a module that fails: \"pass\", \"stop\" or \"unload\", by its name."`
}

// Check says what tags cannot.
func (o *guestOptions) Check(c *config.Check) {
	for name, word := range o.OnFailure {
		switch guest.Policy(word) {
		case guest.Pass, guest.Stop, guest.Unload:
		default:
			c.At("lua_on_failure."+name).Errorf("want \"pass\", \"stop\" or \"unload\", got %q", word)
		}
	}
}

func load(s *module.Scope, o options) error {
	srv, err := serverOf(s, o)
	if err != nil {
		return err
	}
	srv.configure(o)
	s.Defer(srv.release)
	srv.attend(s)
	s.EachHost(srv.watch)
	module.Reloaded.Handle(s, 0, srv.reloaded)
	srv.web.Attach(s)
	srv.measureWaits(s.Env.Metrics)
	weigh(s)
	s.Go(srv.started)
	return nil
}

// A source is the file of a module.
type source struct {
	word, path string
	size       int64
	changed    time.Time // another time is another file, for a reload of the config
}

const maxSource = 4 << 20

// folders are those to look in, by the config.
func folders(c *config.Config) []string { return listed(c, "plugin_paths", "bundled_plugin_paths") }

// listed are the folders of options.
func listed(c *config.Config, options ...string) (list []string) {
	for _, name := range options {
		v, ok := c.Lookup("", name)
		if !ok && name == "bundled_plugin_paths" {
			list = append(list, "/usr/lib/prosody/modules", "/usr/local/lib/prosody/modules")
		}
		words := v.List()
		if v.Kind() == config.String {
			words = []config.Value{v}
		}
		for _, item := range words {
			dir := item.Str()
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(c.Dir, dir)
			}
			list = append(list, dir)
		}
	}
	return list
}

// places are where a file of a module may lie, below a folder.
func places(name, file string) []string {
	mod := "mod_" + name
	return []string{
		mod + "/" + name + "/" + file, mod + "/" + file, name + "/" + file, file,
		"share/lua/5.1/" + file, "share/lua/5.1/" + mod + "/" + file,
	}
}

// named reports whether a word can be the name of a module.
func named(word string) bool {
	return word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// search finds the file of a module's resource.
func search(dirs []string, name, file string) (string, bool) {
	for _, dir := range dirs {
		for _, place := range places(name, file) {
			path := filepath.Join(dir, place)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path, true
			}
		}
	}
	return "", false
}

// ours are modules of Prosody's that are parts of its own streams, ports and
// stores. They make no sense on the streams, ports and stores of this server.
var ours = config.NewSet("admin_shell", "admin_socket", "admin_telnet", "bosh", "c2s", "component", "dialback", "http", "iq", "legacyauth",
	"message", "net_multiplex", "posix", "presence", "proxy65", "s2s", "s2s_auth_certs", "s2s_bidi", "saslauth", "tls", "websocket", "windows")

func own(word string) bool {
	return ours.Has(word) || strings.HasPrefix(word, "auth_") || strings.HasPrefix(word, "storage_") || strings.HasPrefix(word, "sasl2")
}

// find is the source of modules: files of their name.
func find(c *config.Config, word string) (module.Definition, bool) {
	if !named(word) || own(word) {
		return module.Definition{}, false
	}
	path, ok := place(c, word)
	if !ok {
		return module.Definition{}, false
	}
	code, file, err := readSource(word, path)
	if err != nil {
		return module.Definition{}, false
	}
	needs, reads := scan(code)
	if providesHTTP.Match(code) {
		needs = append(needs, "http", "httpd")
	}
	if schedules.Match(code) {
		needs = append(needs, "cron")
	}
	needs = slices.DeleteFunc(needs, func(need string) bool {
		if need == "http_files" && bytes.Contains(code, []byte("net.http.files")) {
			return true // which is there: the other branch is for Prosody 0.11
		}
		_, known := place(c, need)
		return need == word || !known && !slices.Contains(provided, need)
	})
	return module.Define(word, module.OnHost, guestOptions{file: file}, loadGuest).
		Requiring(append([]string{"lua"}, needs...)...).Reading(append(reads, moreOptions(word, path, code)...)...), true
}

// provided are the modules that are compiled in and that modules in Lua say
// that they depend on.
var provided = []string{
	"adhoc", "carbons", "csi", "disco", "http", "httpd", "mam", "offline", "presence", "register", "register_ibr", "register_limits", "roster", "smacks",
	"user_account_management", "vcard", "watchregistrations",
}

// inProgram begins the path of a module that is part of the program.
const inProgram = "tercet:"

// place finds the file of a module. Those that the program has itself stand
// before the ones that come with Prosody.
func place(c *config.Config, word string) (path string, ok bool) {
	file := "mod_" + word + ".lua"
	if _, err := fs.Stat(embedded, "lua/plugins/"+file); err != nil {
		return search(folders(c), word, file)
	}
	if path, ok = search(listed(c, "plugin_paths"), word, file); !ok {
		path = inProgram + "plugins/" + file
	}
	return path, true
}

func readSource(word, path string) ([]byte, source, error) {
	if own, ok := strings.CutPrefix(path, inProgram); ok {
		code, err := embedded.ReadFile("lua/" + own)
		return code, source{word: word, path: path, size: int64(len(code))}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, source{}, err
	}
	if info.Size() > maxSource {
		return nil, source{}, fmt.Errorf("%s is larger than %d bytes", path, maxSource)
	}
	code, err := os.ReadFile(path)
	return code, source{word, path, info.Size(), info.ModTime()}, err
}

var (
	dependsCall  = regexp.MustCompile(`module:depends\s*\(?\s*["']([A-Za-z0-9_-]+)["']`)
	optionCall   = regexp.MustCompile(`module:get_option[a-z_]*\s*\(?\s*["']([A-Za-z0-9_]+)["']`)
	schedules    = regexp.MustCompile(`module:(cron|hourly|daily|weekly)\s*[({"']`)
	providesHTTP = regexp.MustCompile(`module:(provides|depends)\s*\(?\s*["']http["']`)
	longComment  = regexp.MustCompile(`--\[(=*)\[`)
)

// scan finds the literal names in calls of module:depends and get_option. It
// is for the order of loading and for warnings only: what it misses works, too.
func scan(code []byte) (needs, options []string) {
	if longComment.Match(code) {
		code = uncommented(code)
	}
	for line := range strings.Lines(string(code)) {
		if at := strings.Index(line, "--"); at >= 0 && !strings.ContainsAny(line[:at], `"'`) {
			line = line[:at]
		}
		for _, m := range dependsCall.FindAllStringSubmatch(line, -1) {
			needs = append(needs, m[1])
		}
		for _, m := range optionCall.FindAllStringSubmatch(line, -1) {
			options = append(options, m[1])
		}
	}
	slices.Sort(needs)
	slices.Sort(options)
	return slices.Compact(needs), slices.Compact(options)
}

// uncommented leaves out comments of several lines.
func uncommented(code []byte) []byte {
	var out []byte
	for {
		m := longComment.FindSubmatchIndex(code)
		if m == nil {
			return append(out, code...)
		}
		end := strings.Index(string(code[m[1]:]), "]"+string(code[m[2]:m[3]])+"]")
		out = append(out, code[:m[0]]...)
		if end < 0 {
			return out
		}
		code = code[m[1]+end+2+m[3]-m[2]:]
	}
}

// loadGuest is the load of a module in Lua on a host.
func loadGuest(s *module.Scope, o guestOptions) error {
	srv := current(s.Env)
	if srv == nil {
		return errors.New("the universe of Lua has ended")
	}
	g := guest.NewGuard(s, guest.Policy(o.OnFailure[o.file.word]))
	err := srv.load(s, g, o.file)
	var broken *brokenError
	if errors.As(err, &broken) && !broken.replaces && !g.Closes() && !guest.Critical(s) {
		// As in Prosody, a module that does not start does not keep the others
		// from it: the admin reads why. One that guards a door does.
		s.Log.ErrorContext(context.Background(), "Error initializing module", "file", o.file.path, "err", broken.err)
		s.Suspend()
		return nil
	}
	return err
}

// A brokenError is what keeps a module from being loaded. Where it replaces one
// that runs, that one goes on.
type brokenError struct {
	err      error
	replaces bool
}

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// library is the files of a folder that modules in Lua require.
func subFS(f fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(f, dir)
	if err != nil {
		return f // the name of a folder in the program itself is valid
	}
	return sub
}
