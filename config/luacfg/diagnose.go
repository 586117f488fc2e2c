// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yuin/gopher-lua/parse"

	"tercet/config"
	"tercet/config/lua51"
)

// diagnose turns an error of gopher-lua's parser, which knows no more than the
// token it stopped at and often not even its line, into one that names the
// cause: what is not closed, and where it was opened.
func diagnose(source []byte, err error) *lua51.SourceError {
	var failed *parse.Error
	if !errors.As(err, &failed) {
		return fault(1, "syntax error: "+err.Error())
	}
	tokens, broken := scan(string(source))
	stop := len(tokens)
	for i, t := range tokens {
		if failed.Pos.Line != parse.EOF && t.endLine == failed.Pos.Line && t.endColumn >= failed.Pos.Column {
			stop = i
			break
		}
	}
	if broken != nil && stop >= len(tokens) {
		return broken
	}
	if _, wrong := nesting(tokens[:min(stop+1, len(tokens))]); wrong != nil {
		return wrong
	}
	open, _ := nesting(tokens[:stop])
	if stop == len(tokens) {
		if n := len(open); n > 0 {
			return fault(open[n-1].line, "syntax error: "+quoteToken(open[n-1])+" is never closed")
		}
		return fault(max(lastLine(tokens), 1), "syntax error: the file ends too early")
	}
	return unexpected(tokens, stop, open)
}

// unexpected words the error that the token at stop can not stand there.
func unexpected(tokens []token, stop int, open []token) *lua51.SourceError {
	quote := quoteToken
	if nearSecret(tokens[:stop]) {
		quote = func(t token) string {
			if t.kind == tokenString {
				return `"..."`
			}
			return quoteToken(t)
		}
	}
	t := tokens[stop]
	text := "syntax error: unexpected " + quote(t)
	var before token
	if stop > 0 {
		before = tokens[stop-1]
		text += " after " + quote(before)
	}
	var inner token
	if n := len(open); n > 0 {
		inner = open[n-1]
	}
	return fault(t.line, text+hint(tokens, stop, before, inner))
}

// hint guesses what was meant where tokens[stop] stands, behind before and
// within the bracket or block that inner opens.
func hint(tokens []token, stop int, before, inner token) string {
	t := tokens[stop]
	switch {
	case t.text == "#" || t.text == "/" && before.text == "/":
		return "; a comment starts with --"
	case t.text == ":" && before.kind == tokenString:
		return "; a table is written { key = value }"
	case inner.text == "{" && opensSection(tokens[:stop], inner):
		return `; is the "{" of line ` + strconv.Itoa(inner.line) + " not closed?"
	case inner.text == "{" && t.startsValue() && before.endsValue():
		return `; is a "," or ";" missing?`
	case before.kind == tokenName && (t.startsValue() || t.text == "true" || t.text == "false"):
		return `; is a "=" missing, or quotes?`
	case inner.line > 0 && inner.line < t.line:
		return "; " + quoteToken(inner) + " of line " + strconv.Itoa(inner.line) + " is still open"
	}
	return ""
}

// opensSection reports whether a section starts within the bracket that inner
// opens, where none can.
func opensSection(tokens []token, inner token) bool {
	for _, t := range tokens {
		if t.line > inner.line && (t.text == "VirtualHost" || t.text == "Component" || t.text == "Include") {
			return true
		}
	}
	return false
}

// nearSecret reports whether the last tokens are those of an option whose value
// must not be shown.
func nearSecret(tokens []token) bool {
	for _, t := range tokens[max(len(tokens)-4, 0):] {
		if t.kind == tokenName && config.SecretName(t.text) {
			return true
		}
	}
	return false
}

type tokenKind uint8

const (
	tokenSymbol tokenKind = iota
	tokenName
	tokenKeyword
	tokenString
	tokenNumber
)

// token is a word of the source, as far as messages need to know it.
type token struct {
	kind               tokenKind
	text               string
	line               int
	endLine, endColumn int
}

func (t token) startsValue() bool {
	return t.kind == tokenName || t.kind == tokenString || t.kind == tokenNumber || t.text == "{"
}

func (t token) endsValue() bool {
	return t.kind == tokenName || t.kind == tokenString || t.kind == tokenNumber || t.text == "}" || t.text == ")" ||
		t.text == "true" || t.text == "false" || t.text == "nil"
}

// closer maps what opens to what closes it.
var closer = map[string]string{
	"{": "}", "(": ")", "[": "]", "function": "end", "do": "end", "if": "end", "repeat": "until",
}

func closes(text string) bool { return text == "}" || text == ")" || text == "]" }

// nesting returns what is still open after tokens, or the first closing word
// that does not fit.
func nesting(tokens []token) (open []token, wrong *lua51.SourceError) {
	for _, t := range tokens {
		if t.kind != tokenSymbol && t.kind != tokenKeyword {
			continue
		}
		if closer[t.text] != "" {
			open = append(open, t)
			continue
		}
		if t.text != "end" && t.text != "until" && !closes(t.text) {
			continue
		}
		if len(open) == 0 {
			return nil, fault(t.line, "syntax error: "+quoteToken(t)+" closes nothing")
		}
		top := open[len(open)-1]
		if closer[top.text] != t.text {
			return nil, fault(t.line, "syntax error: unexpected "+quoteToken(t)+"; "+quoteToken(top)+
				" of line "+strconv.Itoa(top.line)+" is not closed")
		}
		open = open[:len(open)-1]
	}
	return open, nil
}

func lastLine(tokens []token) int {
	if n := len(tokens); n > 0 {
		return tokens[n-1].endLine
	}
	return 0
}

var keywords = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true, "false": true, "for": true,
	"function": true, "goto": true, "if": true, "in": true, "local": true, "nil": true, "not": true, "or": true,
	"repeat": true, "return": true, "then": true, "true": true, "until": true, "while": true,
}

func quoteToken(t token) string {
	const most = 30
	s := t.text
	if len(s) > most {
		cut := most
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	if t.kind == tokenString {
		return s
	}
	return `"` + s + `"`
}

// overNested returns an error if brackets and blocks, or the operators of one
// expression that wait for their right side, nest deeper than maxSyntaxDepth:
// the parser takes 256 bytes for each. What is no Lua at all is left to it.
func overNested(source string) *lua51.SourceError {
	var waiting []int // operators, per open bracket or block
	var before token
	here := 0
	for s := (&scanner{src: source, line: 1}); ; {
		t, ok, broken := s.next()
		if broken != nil || !ok {
			return nil
		}
		switch word := t.kind == tokenSymbol || t.kind == tokenKeyword; {
		case word && closer[t.text] != "":
			waiting, here = append(waiting, here), 0
		case word && (closes(t.text) || t.text == "end" || t.text == "until"):
			here = 0
			if n := len(waiting); n > 0 {
				here, waiting = waiting[n-1], waiting[:n-1]
			}
		case t.text == ".." || t.text == "^" || t.text == "not" || t.text == "#" || t.text == "-" && !before.endsValue():
			here++
		case word && (t.text == "," || t.text == ";" || t.text == "=" || t.kind == tokenKeyword), before.endsValue() && t.startsValue():
			here = 0
		}
		if len(waiting) > maxSyntaxDepth || here > maxSyntaxDepth {
			return fault(t.line, "nested too deep")
		}
		before = t
	}
}

// scanner splits source into tokens. It is used for messages alone: what Lua
// is, gopher-lua's parser says.
type scanner struct {
	src          string
	at           int
	line, column int
}

// scan returns the tokens up to the end or to the first thing that is none.
func scan(source string) (tokens []token, broken *lua51.SourceError) {
	s := &scanner{src: source, line: 1}
	for {
		t, ok, broken := s.next()
		if broken != nil || !ok {
			return tokens, broken
		}
		t.endLine, t.endColumn = s.line, s.column
		tokens = append(tokens, t)
	}
}

func (s *scanner) peek(ahead int) byte {
	if s.at+ahead < len(s.src) {
		return s.src[s.at+ahead]
	}
	return 0
}

func (s *scanner) skip(n int) {
	for range n {
		if s.at >= len(s.src) {
			return
		}
		s.column++
		if s.src[s.at] == '\n' {
			s.line, s.column = s.line+1, 0
		}
		s.at++
	}
}

func (s *scanner) next() (t token, ok bool, broken *lua51.SourceError) {
	for {
		for s.at < len(s.src) && strings.IndexByte(" \t\r\n\f\v", s.src[s.at]) >= 0 {
			s.skip(1)
		}
		if s.peek(0) != '-' || s.peek(1) != '-' {
			break
		}
		line := s.line
		s.skip(2)
		if level := s.longBracket(); level >= 0 {
			if !s.long(level) {
				return t, false, fault(line, "syntax error: the comment that starts here is never closed")
			}
			continue
		}
		for s.at < len(s.src) && s.src[s.at] != '\n' {
			s.skip(1)
		}
	}
	if s.at >= len(s.src) {
		return t, false, nil
	}
	start, c := s.at, s.src[s.at]
	t.line = s.line
	switch {
	case isLetter(c) || c == '_':
		for isLetter(s.peek(0)) || isDigit(s.peek(0)) || s.peek(0) == '_' {
			s.skip(1)
		}
		t.kind = tokenName
		if keywords[s.src[start:s.at]] {
			t.kind = tokenKeyword
		}
	case isDigit(c) || c == '.' && isDigit(s.peek(1)):
		for isLetter(s.peek(0)) || isDigit(s.peek(0)) || s.peek(0) == '.' {
			s.skip(1)
		}
		t.kind = tokenNumber
	case c == '"' || c == '\'':
		if !s.quoted(c) {
			return t, false, fault(t.line, "syntax error: the string that starts here is not closed on its line")
		}
		t.kind = tokenString
	case s.longBracket() >= 0:
		if !s.long(s.longBracket()) {
			return t, false, fault(t.line, "syntax error: the string that starts here is never closed")
		}
		t.kind = tokenString
	case strings.IndexByte("+-*/%^#=<>(){}[];:,.~", c) >= 0:
		s.symbol(c)
	default:
		return t, false, s.strange()
	}
	t.text = s.src[start:s.at]
	return t, true, nil
}

// strange words the error about a character that Lua does not use.
func (s *scanner) strange() *lua51.SourceError {
	char, size := utf8.DecodeRuneInString(s.src[s.at:])
	text := "syntax error: unexpected character"
	if char != utf8.RuneError || size > 1 {
		text = `syntax error: unexpected "` + string(char) + `"`
	}
	if strings.ContainsRune("“”„‟«»‘’‚", char) {
		return fault(s.line, text+`; use straight quotes`)
	}
	return fault(s.line, text+"; are quotes missing?")
}

func (s *scanner) symbol(c byte) {
	switch {
	case c == '.' && s.peek(1) == '.' && s.peek(2) == '.':
		s.skip(3)
	case c == '.' && s.peek(1) == '.', strings.IndexByte("=<>~", c) >= 0 && s.peek(1) == '=', c == ':' && s.peek(1) == ':':
		s.skip(2)
	default:
		s.skip(1)
	}
}

// quoted skips a string in quotes; a line break needs a backslash.
func (s *scanner) quoted(quote byte) bool {
	for s.skip(1); s.at < len(s.src); s.skip(1) {
		switch s.src[s.at] {
		case quote:
			s.skip(1)
			return true
		case '\\':
			s.skip(1)
		case '\n':
			return false
		}
	}
	return false
}

// longBracket returns the level of the [==[ that starts here, or -1.
func (s *scanner) longBracket() int {
	if s.peek(0) != '[' {
		return -1
	}
	level := 0
	for s.peek(1+level) == '=' {
		level++
	}
	if s.peek(1+level) != '[' {
		return -1
	}
	return level
}

// long skips to the end of a long string or comment.
func (s *scanner) long(level int) (ok bool) {
	end := "]" + strings.Repeat("=", level) + "]"
	i := strings.Index(s.src[s.at:], end)
	if i < 0 {
		return false
	}
	s.skip(i + len(end))
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
