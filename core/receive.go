// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"tercet/core/control"
)

// A receiver writes the file that a command makes.
type receiver struct {
	args []string // the command
	file *os.File
	path string // "-" is standard output
}

// fileName is a name that a server may propose, behind the command's word.
var fileName = regexp.MustCompile(`^-[A-Za-z0-9][A-Za-z0-9._-]*$`)

// take writes a part. The server, which may be a lesser user than we, has no
// say in where files go: see core/control.
func (r *receiver) take(f control.File) error {
	if f.Name != "" && r.file == nil {
		return r.open(f.Name)
	}
	if r.file == nil {
		return errors.New("the server sends a file without a name")
	}
	if _, err := r.file.Write(f.Data); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (r *receiver) open(name string) (err error) {
	r.path = output(r.args)
	switch behind, ok := strings.CutPrefix(name, r.args[0]); {
	case r.path == "-":
		r.file = os.Stdout
		return nil
	case r.path != "":
	case !ok || !fileName.MatchString(behind):
		return fmt.Errorf("the server wants to write a file %q; nothing is written", name)
	default:
		r.path = name
	}
	r.file, err = os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("nothing is written: %w", err)
	}
	return nil
}

// output is the value of --output among the words of a command.
func output(args []string) (value string) {
	for i, arg := range args {
		switch v, given := strings.CutPrefix(arg, "--output="); {
		case arg == "--":
			return value
		case given:
			value = v
		case arg == "--output" && i+1 < len(args):
			value = args[i+1]
		}
	}
	return value
}

// close ends the file; of a command that has failed nothing is left.
func (r *receiver) close(done bool) error {
	if r.file == nil || r.path == "-" {
		return nil
	}
	err := r.file.Close()
	if !done || err != nil {
		_ = os.Remove(r.path) // the other error says more
	}
	if err != nil && done {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
