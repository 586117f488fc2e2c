// SPDX-License-Identifier: Apache-2.0

package author

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tercet/config"
	"tercet/core"
	"tercet/core/control"
	"tercet/golden"
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
	scripts, err := filepath.Glob(filepath.Join(words[0], "tests", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		return fail(c, "there is no golden stream: "+filepath.Join(words[0], "tests", "*.txtar"))
	}
	code := control.OK
	all := make([]outcome, 0, len(scripts))
	for _, file := range scripts {
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
func newStage(b core.Build, dir string) (*stage, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder with a project", dir)
	}
	top, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the project: %w", err)
	}
	guests, err := filepath.Glob(filepath.Join(top, "*.wasm"))
	scripts, more := filepath.Glob(filepath.Join(top, "mod_*.lua"))
	if err = errors.Join(err, more); err != nil {
		return nil, fmt.Errorf("find the project: %w", err)
	}
	if len(guests)+len(scripts) == 0 {
		return nil, fmt.Errorf("%s has neither a .wasm nor a mod_*.lua: build it first, by make", dir)
	}
	s := &stage{build: b}
	if s.dir, err = os.MkdirTemp("", "tercet"); err != nil {
		return nil, fmt.Errorf("make a folder for the server: %w", err)
	}
	for _, file := range guests {
		if err := os.Symlink(file, filepath.Join(s.dir, filepath.Base(file))); err != nil {
			return nil, fmt.Errorf("take the module: %w", err)
		}
	}
	if len(scripts) > 0 {
		if err := s.takeLua(top, scripts); err != nil {
			return nil, err
		}
	}
	return s, nil
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
			o.Error = err.Error()
		}
	}
	return o
}

func (s *stage) run(ctx context.Context, sc golden.Script) error {
	srv, problems, err := golden.Start(ctx, s.build, s.dir, s.extra+sc.Config)
	if err != nil {
		return startError(sc, problems, err)
	}
	defer func() {
		srv.Stop("the script is over")
		srv.Wait()
	}()
	return sc.Run(target{srv.Target(ctx), s.extra})
}

// startError says what is wrong with the lines of the script.
func startError(sc golden.Script, problems []config.Problem, err error) error {
	var lines []string
	for _, p := range problems {
		if p.Severity == config.Error {
			lines = append(lines, fmt.Sprintf("%s:%d: config.lua: %s", sc.Name, sc.Line+p.Pos.Line, p.Text))
		}
	}
	if len(lines) == 0 {
		return fmt.Errorf("%s:%d: config.lua: %w", sc.Name, sc.Line, err)
	}
	return errors.New(strings.Join(lines, "\n"))
}

// target puts what the stage adds before each new config.
type target struct {
	golden.Target
	extra string
}

func (t target) Reconfigure(lua string) error { return t.Target.Reconfigure(t.extra + lua) }
