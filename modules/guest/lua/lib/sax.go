// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// sax reads XML as it comes and says what it meets, in the manner of expat.
// It knows namespaces, no external and no declared entities, and UTF-8 alone.
type sax struct {
	on     saxEvents
	sep    string // between namespace and local name; "" leaves prefixes alone
	spaces bool   // sep is in use

	buf     []byte // what could not be read yet
	scanned int    // how far the token at the begin of buf was looked through
	quote   byte   // within which that was left
	text    []byte // character data that was not handed out yet
	open    []string
	binds   []saxBind
	began   bool // the root element has begun

	line, col, pos int // of what is read next
	stopped        bool
	err            error
}

// saxEvents are the callbacks; those that are nil are left out.
type saxEvents struct {
	start        func(name string, attrs []saxAttr)
	end          func(name string)
	text         func(s string)
	comment      func(s string)
	instruction  func(target, data string)
	startDoctype func(name string, internal bool)
	endDoctype   func()
	startCDATA   func()
	endCDATA     func()
	startSpace   func(prefix, uri string)
	endSpace     func(prefix string)
	declaration  func(version, encoding, standalone string)
}

type saxAttr struct{ name, value string }

// saxBind is a declaration of a namespace, made depth elements deep.
type saxBind struct {
	prefix, uri string
	depth       int
}

type saxError string

func (e saxError) Error() string { return string(e) }

const (
	errSAXToken     = saxError("not well-formed (invalid token)")
	errSAXUnclosed  = saxError("unclosed token")
	errSAXNoElement = saxError("no element found")
	errSAXMismatch  = saxError("mismatched tag")
	errSAXJunk      = saxError("junk after document element")
	errSAXSyntax    = saxError("syntax error")
	errSAXEntity    = saxError("undefined entity")
	errSAXChar      = saxError("reference to invalid character number")
	errSAXDuplicate = saxError("duplicate attribute")
	errSAXPrefix    = saxError("unbound prefix")
	errSAXMemory    = saxError("out of memory")
	errSAXAborted   = saxError("parsing aborted")
	errSAXFinished  = saxError("parsing finished")
)

// maxToken is how many bytes a tag or a run of character data may have.
const maxToken = 10 << 20

func newSAX(on saxEvents, sep string, spaces bool) *sax {
	return &sax{on: on, sep: sep, spaces: spaces, line: 1, col: 1, pos: 1}
}

// feed reads data. After an error it says the same again.
func (x *sax) feed(data string, final bool) error {
	if x.err != nil {
		if x.stopped {
			return errSAXFinished
		}
		return x.err
	}
	x.buf = append(x.buf, data...) // what was read before goes when this makes a new array
	x.err = x.run(final)
	return x.err
}

func (x *sax) run(final bool) error {
	for !x.stopped {
		n, err := x.token(final)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		x.skip(n)
	}
	if x.flush(); x.stopped {
		return errSAXAborted
	}
	if len(x.buf)+len(x.text) > maxToken {
		return errSAXMemory
	}
	if final {
		switch {
		case len(x.buf) > 0:
			return errSAXUnclosed
		case !x.began || len(x.open) > 0:
			return errSAXNoElement
		}
	}
	return nil
}

// skip takes n bytes off the buffer and counts lines.
func (x *sax) skip(n int) {
	for _, c := range x.buf[:n] {
		switch {
		case c == '\n':
			x.line++
			x.col = 1
		case c < utf8.RuneSelf || c >= 0xC0:
			x.col++
		}
	}
	x.pos += n
	x.buf = x.buf[n:]
	x.scanned, x.quote = 0, 0
}

// token reads what the buffer begins with, and returns how many bytes that
// were; 0 means that more must come.
func (x *sax) token(final bool) (int, error) {
	if len(x.buf) == 0 {
		return 0, nil
	}
	if x.buf[0] != '<' {
		return x.characters(final)
	}
	if len(x.buf) < 2 {
		return 0, nil
	}
	switch {
	case x.buf[1] == '/':
		return x.endTag()
	case x.buf[1] == '?':
		return x.until("?>", 2, x.processing)
	case x.buf[1] != '!':
		return x.startTag()
	case bytes.HasPrefix(x.buf, []byte("<!--")):
		return x.until("-->", 4, func(s string) error {
			if strings.Contains(s, "--") || !isText(s) {
				return errSAXToken
			}
			x.flush()
			if x.on.comment != nil {
				x.on.comment(s)
			}
			return nil
		})
	case bytes.HasPrefix(x.buf, []byte("<![CDATA[")):
		return x.until("]]>", 9, x.cdata)
	case bytes.HasPrefix(x.buf, []byte("<!DOCTYPE")):
		return x.doctype()
	case len(x.buf) < 9 && (bytes.HasPrefix([]byte("<!DOCTYPE"), x.buf) || bytes.HasPrefix([]byte("<![CDATA["), x.buf) ||
		bytes.HasPrefix([]byte("<!--"), x.buf)):
		return 0, nil
	}
	return 0, errSAXToken
}

// until reads a token that ends with end and begins with skip bytes.
func (x *sax) until(end string, skip int, use func(string) error) (int, error) {
	from := max(skip, x.scanned-len(end)+1)
	i := -1
	if from <= len(x.buf) {
		i = bytes.Index(x.buf[from:], []byte(end))
	}
	if i < 0 {
		x.scanned = len(x.buf)
		return 0, nil
	}
	return from + i + len(end), use(string(x.buf[skip : from+i]))
}

// tagEnd returns the index of the ">" that ends the tag at the begin of the
// buffer, or -1 if it has not come.
func (x *sax) tagEnd() int {
	for i := max(x.scanned, 1); i < len(x.buf); i++ {
		switch c := x.buf[i]; {
		case x.quote != 0:
			if c == x.quote {
				x.quote = 0
			}
		case c == '"', c == '\'':
			x.quote = c
		case c == '>':
			return i
		}
	}
	x.scanned = len(x.buf)
	return -1
}

// flush hands out character data that has gathered.
func (x *sax) flush() {
	if len(x.text) > 0 && x.on.text != nil {
		x.on.text(string(x.text))
	}
	x.text = x.text[:0]
}

func (x *sax) characters(final bool) (int, error) {
	end := bytes.IndexByte(x.buf, '<')
	if end < 0 {
		end = len(x.buf)
		if !final {
			end = complete(x.buf)
		}
	}
	if end == 0 {
		return 0, nil
	}
	raw := string(x.buf[:end])
	if len(x.open) == 0 {
		if strings.TrimLeft(raw, " \t\r\n") == "" {
			return end, nil
		}
		if x.began {
			return 0, errSAXJunk
		}
		return 0, errSAXSyntax
	}
	if strings.Contains(raw, "]]>") {
		return 0, errSAXToken
	}
	s, err := unescape(raw, false)
	x.text = append(x.text, s...)
	return end, err
}

// complete returns how much of character data is whole: neither a reference,
// a character, nor the end of a line is cut.
func complete(b []byte) int {
	n := len(b)
	for i := max(0, n-12); i < n; i++ {
		if b[i] == '&' && bytes.IndexByte(b[i:], ';') < 0 {
			n = i
			break
		}
	}
	for i := max(0, n-utf8.UTFMax+1); i < n; i++ {
		if utf8.RuneStart(b[i]) && !utf8.FullRune(b[i:n]) {
			n = i
			break
		}
	}
	if n > 0 && b[n-1] == '\r' {
		n--
	}
	for i := 0; i < 2 && n > 0 && b[n-1] == ']'; i++ {
		n--
	}
	return n
}

// unescape resolves references and line ends in character data, or in the
// value of an attribute, where white space becomes blanks.
func unescape(s string, attr bool) (string, error) {
	if !isText(s) {
		return "", errSAXToken
	}
	if !strings.ContainsAny(s, "&\r\n\t<") {
		return s, nil
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '<':
			return "", errSAXToken
		case '&':
			end := strings.IndexByte(s[i:], ';')
			if end < 0 {
				return "", errSAXToken
			}
			var err error
			if out, err = appendReference(out, s[i+1:i+end]); err != nil {
				return "", err
			}
			i += end
		case '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			out = append(out, blank('\n', attr))
		case '\n', '\t':
			out = append(out, blank(c, attr))
		default:
			out = append(out, c)
		}
	}
	return string(out), nil
}

func blank(c byte, attr bool) byte {
	if attr {
		return ' '
	}
	return c
}

func appendReference(out []byte, name string) ([]byte, error) {
	switch name {
	case "lt":
		return append(out, '<'), nil
	case "gt":
		return append(out, '>'), nil
	case "amp":
		return append(out, '&'), nil
	case "quot":
		return append(out, '"'), nil
	case "apos":
		return append(out, '\''), nil
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		if !isName(name) {
			return nil, errSAXToken
		}
		return nil, errSAXEntity
	}
	r, ok := charReference(digits)
	if !ok {
		return nil, errSAXToken
	}
	if !utf8.ValidRune(r) || !isText(string(r)) {
		return nil, errSAXChar
	}
	return utf8.AppendRune(out, r), nil
}

func charReference(digits string) (r rune, ok bool) {
	base := rune(10)
	if rest, hex := strings.CutPrefix(digits, "x"); hex {
		base, digits = 16, rest
	}
	for _, c := range []byte(digits) {
		d := rune(99)
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		}
		if d >= base {
			return 0, false
		}
		if r = r*base + d; r > utf8.MaxRune {
			r = utf8.MaxRune + 1
		}
	}
	return r, digits != ""
}
