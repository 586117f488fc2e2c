// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"tercet/core/control"
)

// shell reads commands, one a line, and has the server do them. It returns the
// exit code of the last one.
func (p *program) shell(ctx context.Context) int {
	if err := p.query(ctx, new(any), "help"); err != nil {
		return p.fail(err.Error())
	}
	next := p.lines(ctx)
	code := control.OK
	for {
		line, err := next()
		if errors.Is(err, io.EOF) {
			return code
		} else if err != nil {
			return p.fail("read a command: " + err.Error())
		}
		words, err := split(line)
		switch {
		case err != nil:
			code = p.usage("%v", err)
		case len(words) == 0:
		case len(words) == 1 && (words[0] == "exit" || words[0] == "quit"):
			return code
		case words[0] == "run" || words[0] == "shell":
			code = p.usage("%q is not for this prompt", words[0])
		default:
			one := *p // options of one line are for that line
			code = one.run(ctx, words)
		}
	}
}

// lines returns what reads the next line: with editing and history on a
// terminal.
func (p *program) lines(ctx context.Context) func() (string, error) {
	fd := int(p.in.Fd())
	if !term.IsTerminal(fd) {
		in := bufio.NewScanner(p.in)
		return func() (string, error) {
			if !in.Scan() {
				return "", cmp.Or(in.Err(), io.EOF)
			}
			return in.Text(), nil
		}
	}
	fmt.Fprintf(p.out, "Tercet %s; the commands are listed by help, the end is exit.\n", p.Version)
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{p.in, p.out}, "tercet> ")
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		return p.tab(ctx, line, pos, key)
	}
	return func() (string, error) {
		state, err := term.MakeRaw(fd)
		if err != nil {
			return "", fmt.Errorf("terminal: %w", err)
		}
		defer term.Restore(fd, state) //nolint:errcheck // there is no other way to say so
		if w, h, err := term.GetSize(fd); err == nil && w > 0 {
			_ = t.SetSize(w, h) // it works with a wrong size, too
		}
		return t.ReadLine()
	}
}

// tab completes the word before the cursor if there is one way to.
func (p *program) tab(ctx context.Context, line string, pos int, key rune) (string, int, bool) {
	if key != '\t' || pos != len(line) {
		return "", 0, false
	}
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasSuffix(line, " ") {
		words = append(words, "")
	}
	var list []string
	if p.query(ctx, &list, append([]string{"__complete"}, words...)...) != nil || len(list) == 0 {
		return "", 0, false
	}
	last := words[len(words)-1]
	common := list[0]
	for _, word := range list {
		for !strings.HasPrefix(word, common) {
			common = common[:len(common)-1]
		}
	}
	if len(list) == 1 {
		common += " "
	}
	line = strings.TrimSuffix(line, last) + common
	return line, len(line), true
}

// split cuts a line into words; quotes hold words together and a backslash
// takes the next character as it is.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote, escaped := false, rune(0), false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			in, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			in, quote = true, r
		case r == ' ' || r == '\t':
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			in = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}
