// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tercet/core/control"
)

// outputSize is how much text is collected before it is sent.
const outputSize = 32 << 10

// output is the way back to the client.
type output struct {
	w    *control.Writer
	json bool
	text strings.Builder
}

// Printf writes text for people: nothing with --json.
func (c *Call) Printf(format string, args ...any) {
	if c.out.json {
		return
	}
	fmt.Fprintf(&c.out.text, format, args...)
	if c.out.text.Len() >= outputSize {
		c.Flush()
	}
}

// Flush sends what was printed now, not when the command is done.
func (c *Call) Flush() {
	if c.out.text.Len() > 0 {
		_ = c.out.w.Write(control.Reply{Out: c.out.text.String()}) // a client that is gone ends the context
		c.out.text.Reset()
	}
}

// Table writes rows for people below their heads.
func (c *Call) Table(heads []string, rows [][]string) {
	if c.out.json {
		return
	}
	width := make([]int, len(heads))
	for _, row := range append([][]string{heads}, rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range append([][]string{heads}, rows...) {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+2))
		}
		c.Printf("%s\n", strings.TrimRight(line.String(), " "))
	}
}

// Result is the answer for programs: nothing without --json.
func (c *Call) Result(v any) error {
	if !c.out.json {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return c.out.w.Write(control.Reply{Result: b})
}

// A File is one that the client writes while the command runs.
type File struct {
	Name string // as the client calls it; "-" is its standard output
	w    *control.Writer
}

// File has the client make a file, mode 0600: where the flag "output" says,
// which the command has to have, else under the name in its current folder. The
// name begins with the command's first word and has no folder. A client that
// cannot write it goes away; of a command that fails no file is left.
func (c *Call) File(name string) (*File, error) {
	if c.version < 2 {
		return nil, errors.New("this program is older than the server and takes no files: use the server's own")
	}
	f := &File{name, c.out.w}
	if output, given := c.Flag("output"); given {
		f.Name = output
	}
	if f.Name == "-" && c.out.json {
		return nil, Usagef("--output - and --json are two things on standard output")
	}
	return f, c.out.w.Write(control.Reply{File: &control.File{Name: name}})
}

// filePart is how much of a file is sent at once, in bytes.
const filePart = 256 << 10

// Write sends a part of the file.
func (f *File) Write(p []byte) (n int, err error) {
	for part := range slices.Chunk(p, filePart) {
		if err := f.w.Write(control.Reply{File: &control.File{Data: part}}); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

// Progress tells how far long work is; total is 0 where it is not known.
func (c *Call) Progress(text string, done, total int) {
	c.Flush()
	_ = c.out.w.Write(control.Reply{Progress: &control.Progress{Text: text, Done: done, Total: total}}) // as in Flush
}

// Warnf tells people and programs about something beside the result.
func (c *Call) Warnf(format string, args ...any) {
	c.Flush()
	_ = c.out.w.Write(control.Reply{Err: fmt.Sprintf(format, args...) + "\n"}) // as in Flush
}
