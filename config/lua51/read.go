// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"

	lua "github.com/yuin/gopher-lua"
)

// Read is file:read of a file that r reads: it pushes a value for each format, up
// to the first for which there is none, which is nil, and returns how many
// values it has pushed. An error of the file is what [PushError] makes of it.
// Without formats it reads a line.
func (b *Library) Read(l *lua.LState, r *bufio.Reader, formats []lua.LValue) int {
	if len(formats) == 0 {
		formats = []lua.LValue{lua.LString("l")}
	}
	for i, format := range formats {
		v, err := b.readFormat(l, r, format)
		if v == lua.LNil && err != nil && !errors.Is(err, io.EOF) {
			return i + PushError(l, "", err)
		}
		l.Push(v)
		if v == lua.LNil {
			return i + 1
		}
	}
	return len(formats)
}

func (b *Library) readFormat(l *lua.LState, r *bufio.Reader, format lua.LValue) (lua.LValue, error) {
	if n, ok := format.(lua.LNumber); ok {
		return b.readBytes(l, r, float64(n), false)
	}
	name := strings.TrimPrefix(ToText(format), "*")
	switch name[:min(1, len(name))] { // "*all" is "*a": only the first letter counts
	case "l":
		return b.readLine(l, r, false)
	case "L":
		return b.readLine(l, r, true)
	case "n":
		return b.readNumber(l, r)
	case "a":
		return b.readBytes(l, r, math.Inf(1), true)
	}
	l.RaiseError("bad argument #1 to 'read' (invalid format)")
	return lua.LNil, nil
}

// readBytes reads n bytes, or what is left of them. At the end of the file there
// is nothing, or, for all of it, an empty text.
func (b *Library) readBytes(l *lua.LState, r *bufio.Reader, n float64, all bool) (lua.LValue, error) {
	if n < 1 || math.IsNaN(n) {
		if _, err := r.Peek(1); err != nil {
			return lua.LNil, err
		}
		return lua.LString(""), nil
	}
	var content []byte
	chunk := make([]byte, int(min(n, 16<<10)))
	for n >= 1 {
		got, err := r.Read(chunk[:int(min(n, float64(len(chunk))))])
		content, n = append(content, chunk[:got]...), n-float64(got)
		b.meter.Alloc(l, 3*got+costRead)
		switch {
		case err == nil:
		case len(content) > 0 || all && errors.Is(err, io.EOF):
			return lua.LString(content), nil
		default:
			return lua.LNil, err
		}
	}
	return lua.LString(content), nil
}

// costRead is what a piece that is read is charged with beside its bytes.
const costRead = 64

func (b *Library) readLine(l *lua.LState, r *bufio.Reader, keep bool) (lua.LValue, error) {
	var content []byte
	for {
		part, err := r.ReadSlice('\n')
		b.meter.Alloc(l, 3*len(part)+costRead)
		content = append(content, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && !keep:
			content = content[:len(content)-1]
		case err != nil && len(content) == 0:
			return lua.LNil, err
		}
		return lua.LString(content), nil
	}
}

func (b *Library) readNumber(l *lua.LState, r *bufio.Reader) (lua.LValue, error) {
	var word []byte
	for {
		c, err := r.ReadByte()
		if err != nil {
			break
		}
		if strings.IndexByte(" \t\r\n\f\v", c) >= 0 && len(word) == 0 {
			b.meter.Step(l, 1)
			continue
		}
		if strings.IndexByte("+-.0123456789abcdefABCDEFxX", c) < 0 || len(word) > 100 {
			_ = r.UnreadByte() // it was just read
			break
		}
		word = append(word, c)
	}
	if n, ok := ParseNumber(string(word)); ok {
		return lua.LNumber(n), nil
	}
	return lua.LNil, io.EOF
}

// Seek is file:seek of the file f, which r reads ahead: arguments 2 and 3 say
// where to.
func Seek(l *lua.LState, f io.ReadSeeker, r *bufio.Reader) int {
	whence, n := OptArg(l, 2, "cur"), int64(0)
	if l.Get(3) != lua.LNil {
		n = int64(l.CheckNumber(3))
	}
	from, ok := map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}[whence]
	if !ok {
		l.ArgError(2, "invalid option '"+whence+"'")
	}
	if from == io.SeekCurrent {
		n -= int64(r.Buffered())
	}
	at, err := f.Seek(n, from)
	if err != nil {
		return PushError(l, "", err)
	}
	r.Reset(f)
	l.Push(lua.LNumber(at))
	return 1
}

// PushError pushes what functions of io and os return for an error, and how many
// values that is: nil, text and the system's number, by which Prosody knows a
// file that is not there (2). The path may be "".
func PushError(l *lua.LState, path string, err error) int {
	var errno syscall.Errno
	_ = errors.As(err, &errno) // 0 otherwise
	text := Reason(err)
	if path != "" {
		text = path + ": " + text
	}
	l.Push(lua.LNil)
	l.Push(lua.LString(text))
	l.Push(lua.LNumber(errno))
	return 3
}

// Reason is err in the words of C: without the operation and the path, and with
// a capital if it is the system's.
func Reason(err error) string {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	if at, ok := errors.AsType[*os.LinkError](err); ok {
		err = at.Err
	}
	text := err.Error()
	if _, ok := errors.AsType[syscall.Errno](err); ok && text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}
