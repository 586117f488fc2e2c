// SPDX-License-Identifier: Apache-2.0

package external

import (
	"errors"
	"strings"

	"tercet/config"
)

// A command is a program and its arguments.
type command []string

// UnmarshalConfig implements config.Unmarshaler.
func (c *command) UnmarshalConfig(v config.Value) error {
	var words []string
	switch v.Kind() {
	case config.String:
		var err error
		if words, err = split(v.Str()); err != nil {
			return err
		}
	case config.Table:
		for _, item := range v.List() {
			if item.Kind() != config.String {
				return config.Errorf(item, "want a string, got %s", item)
			}
			words = append(words, item.Str())
		}
	default:
		return config.Errorf(v, "want a string or a list of strings, got %s", v)
	}
	if len(words) == 0 || words[0] == "" {
		return errors.New("want the name of a program")
	}
	for _, w := range words {
		if strings.ContainsRune(w, 0) {
			return errors.New("no argument of a program holds a NUL")
		}
	}
	*c = words
	return nil
}

// split cuts a text into words as a shell does, with quotes and backslashes;
// nothing else means anything: there is no shell.
func split(text string) (words []string, err error) {
	var word strings.Builder
	open, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case quote != '\'' && b == '\\':
			if i++; i == len(text) {
				return nil, errors.New("it ends with a backslash")
			}
			if quote == '"' && text[i] != '"' && text[i] != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(text[i])
			open = true
		case quote != 0 && b == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(b)
		case b == '"' || b == '\'':
			quote, open = b, true
		case b == ' ' || b == '\t' || b == '\n':
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteByte(b)
			open = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

// joined makes one comparable text of a command.
func joined(argv []string) string { return strings.Join(argv, "\x00") }
