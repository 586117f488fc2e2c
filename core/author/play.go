// SPDX-License-Identifier: Apache-2.0

package author

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tercet/core"
	"tercet/core/control"
	"tercet/core/golden"
	"tercet/core/module"
)

// An outcome is what has come of one golden stream.
type outcome struct {
	File  string `json:"file"`
	Title string `json:"title"`
	Error string `json:"error,omitempty"`
}

// play is "module test".
func play(ctx context.Context, c core.Call) int {
	words, err := parse(c.Args, nil)
	switch {
	case err != nil:
		return usage(c, "%v", err)
	case len(words) > 1:
		return usage(c, "what is %q?", words[1])
	case len(words) == 0:
		words = []string{"."}
	}
	s, err := newStage(c.Build, words[0])
	if err != nil {
		return fail(c, err.Error())
	}
	defer os.RemoveAll(s.dir) //nolint:errcheck // it is in the system's temporary directory
	scripts, err := list(filepath.Join(words[0], "tests"), "", ".txtar")
	if err != nil || len(scripts) == 0 {
		return fail(c, "there is no golden stream: "+filepath.Join(words[0], "tests", "*.txtar"))
	}
	code := control.OK
	all := make([]outcome, 0, len(scripts))
	for _, script := range scripts {
		file := filepath.Join(words[0], "tests", filepath.Base(script)) // as it was called
		o := s.play(ctx, file)
		all = append(all, o)
		word := "ok  "
		if o.Error != "" {
			word, code = "FAIL", control.Failed
		}
		if !c.JSON {
			fmt.Fprintf(c.Out, "%s  %s  %s\n", word, file, o.Title)
			if o.Error != "" {
				fmt.Fprintf(c.Out, "      %s\n", strings.ReplaceAll(o.Error, "\n", "\n      "))
			}
		}
	}
	if c.JSON {
		result(c, all)
	}
	return code
}

// A stage is where golden streams are played: a folder for the config, in
// which the project's modules are, too.
type stage struct {
	build core.Build
	dir   string
	extra string // what each config begins with
}

// newStage takes what is built of a project.
func newStage(b core.Build, dir string) (s *stage, err error) {
	guests, err := list(dir, "", ".wasm")
	scripts, more := list(dir, "mod_", ".lua")
	switch {
	case errors.Join(err, more) != nil:
		return nil, fmt.Errorf("%s is no folder with a project: %w", dir, errors.Join(err, more))
	case len(guests)+len(scripts) == 0:
		return nil, fmt.Errorf("%s has neither a .wasm nor a mod_*.lua: build it first, by make", dir)
	}
	s = &stage{build: b}
	if len(scripts) > 0 {
		if s.extra, err = withLua(b, scripts); err != nil {
			return nil, err
		}
	}
	if s.dir, err = os.MkdirTemp("", "tercet"); err != nil {
		return nil, fmt.Errorf("make a folder for the server: %w", err)
	}
	for _, file := range guests {
		if err := os.Symlink(file, filepath.Join(s.dir, filepath.Base(file))); err != nil {
			return nil, errors.Join(fmt.Errorf("take the module: %w", err), os.RemoveAll(s.dir))
		}
	}
	return s, nil
}

// list returns the absolute names of the files in a folder that begin and end
// like this.
func list(dir, begin, end string) ([]string, error) {
	top, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(top)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), begin) && strings.HasSuffix(e.Name(), end) && !e.IsDir() {
			names = append(names, filepath.Join(top, e.Name()))
		}
	}
	return names, nil
}

// withLua is what a config begins with that has the server look for these
// modules.
func withLua(b core.Build, files []string) (string, error) {
	if _, ok := module.NewCatalogue(b.Modules)["lua"]; !ok {
		return "", fmt.Errorf("%s: this server does not run modules in Lua: its build has no runtime \"lua\"; \"tercet module check\" reads them all the same",
			filepath.Base(files[0]))
	}
	return fmt.Sprintf("plugin_paths = { %q } ", filepath.Dir(files[0])), nil
}

// play plays one golden stream to a server of its own.
func (s *stage) play(ctx context.Context, file string) outcome {
	text, err := os.ReadFile(file)
	if err != nil {
		return outcome{File: file, Error: err.Error()}
	}
	sc := golden.Parse(file, string(text))
	o := outcome{File: file, Title: sc.Title}
	switch {
	case sc.Line == 0:
		o.Error = file + ":2: it has no config: begin with the section config.lua"
	case sc.Steps() == 0:
		o.Error = file + ": nothing is sent, and nothing is wanted"
	default:
		if err := s.run(ctx, sc); err != nil {
			o.Error = strings.ReplaceAll(err.Error(), s.dir+string(filepath.Separator), "")
		}
	}
	return o
}

func (s *stage) run(ctx context.Context, sc golden.Script) error {
	srv, err := golden.Start(ctx, s.build, s.dir, s.extra+sc.Config)
	if err != nil {
		return sc.Misconfigured(sc.Line, err)
	}
	defer func() { //nolint:contextcheck // a stop outlives who asked for it
		srv.Stop("the script is over")
		srv.Wait()
	}()
	for _, m := range srv.Env.Manager.List() {
		if m.State == "suspended" { // a module in Lua that fails does not keep the server from starting
			return fmt.Errorf("%s:%d: %s does not start; the log says why", sc.Name, sc.Line, m.Name)
		}
	}
	err = sc.Run(target{srv.Target(ctx), s.extra})
	for _, p := range srv.Problems {
		if err != nil && p.Pos.Line > 0 { // it may be why
			err = fmt.Errorf("%w\n%s:%d: warning: %s", err, sc.Name, sc.Line+p.Pos.Line, p.Text)
		}
	}
	return err
}

// target puts what the stage adds before each new config.
type target struct {
	golden.Target
	extra string
}

func (t target) Reconfigure(lua string) error { return t.Target.Reconfigure(t.extra + lua) }
