// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// errUnfit says that a question can not be put in the script's protocol.
var errUnfit = errors.New("this cannot be asked in the protocol of the script")

// What a script is asked.
const (
	opAuth         = "auth"
	opExists       = "isuser"
	opSetPassword  = "setpass"
	opRegister     = "tryregister"
	opRemove       = "removeuser"
	opRemoveSecure = "removeuser3"
)

// A question is put to a script.
type question struct {
	op, user, host string
	password       string
	shown          bool // the question has a password
}

// twice reports whether a script that has died over the question may be asked
// again: it would do the same thing.
func (q *question) twice() bool { return q.op == opAuth || q.op == opExists }

// line is the question in words, which both protocols have in common. The
// password comes last, so that it may hold what separates the fields.
func (q *question) line() ([]byte, error) {
	for _, field := range [...]string{q.user, q.host} {
		if field == "" || strings.ContainsFunc(field, func(r rune) bool { return r == ':' || r < ' ' || r == 0x7f }) {
			return nil, fmt.Errorf("%w: a name is empty, or has a colon or a control character in it", errUnfit)
		}
	}
	line := q.op + ":" + q.user + ":" + q.host
	if q.shown {
		line += ":" + q.password
	}
	return []byte(line), nil
}

// A protocol writes questions and reads answers.
type protocol struct {
	frame func(line []byte) ([]byte, error)
	// answer reads what a script has written since it was asked. It is whole
	// when nothing is missing; an error says that the script is out of step.
	answer func(b []byte) (yes, whole bool, err error)
	// partial says what may be wrong with an answer that never became whole.
	partial string
}

// protocols are those of ejabberd and of Prosody's mod_auth_external_insecure.
var protocols = map[string]protocol{
	"ejabberd": {lengthFrame, lengthAnswer, "an answer has 4 bytes; are they written at once, and flushed?"},
	"generic":  {lineFrame, lineAnswer, "an answer is 0 or 1 and a newline; is it flushed?"},
}

const (
	// maxLine is the longest question that two bytes of length allow.
	maxLine = 0xffff
	// answerSize is the length of each answer in ejabberd's protocol, in bytes
	// behind the two that tell it.
	answerSize = 2
	// maxAnswer is the longest line that may be an answer, in bytes.
	maxAnswer = 3
)

func lengthFrame(line []byte) ([]byte, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", errUnfit, len(line), maxLine)
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(line)), uint16(len(line))) //nolint:gosec // compared above
	return append(b, line...), nil
}

// lengthAnswer reads 00 02 00 00 or 00 02 00 01. Errors do not show what came:
// a script that echoes its question would put the password into the log.
func lengthAnswer(b []byte) (yes, whole bool, err error) {
	switch {
	case len(b) >= 2 && binary.BigEndian.Uint16(b) != answerSize:
		n := binary.BigEndian.Uint16(b)
		if printable(b[0]) && printable(b[1]) {
			return false, false, errors.New("it writes text to its standard output, which is for answers")
		}
		return false, false, fmt.Errorf("it announces an answer of %d bytes, not of %d", n, answerSize)
	case len(b) < 2+answerSize:
		return false, false, nil
	case len(b) > 2+answerSize:
		return false, false, errors.New("it writes more than one answer")
	}
	switch v := binary.BigEndian.Uint16(b[2:]); v {
	case 0, 1:
		return v == 1, true, nil
	default:
		return false, false, fmt.Errorf("its answer is %d, neither 0 nor 1", v)
	}
}

func printable(c byte) bool { return c == '\n' || c == '\r' || c == '\t' || c >= ' ' && c < 0x7f }

func lineFrame(line []byte) ([]byte, error) {
	switch {
	case len(line) > maxLine:
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", errUnfit, len(line), maxLine)
	case bytes.ContainsAny(line, "\r\n\x00"):
		return nil, fmt.Errorf("%w: it has more than one line", errUnfit)
	}
	return append(line, '\n'), nil
}

// lineAnswer reads "0" or "1" and the end of a line.
func lineAnswer(b []byte) (yes, whole bool, err error) {
	end := bytes.IndexByte(b, '\n')
	switch {
	case end < 0 && len(b) < maxAnswer:
		return false, false, nil
	case end < 0:
		return false, false, errors.New("its answer is too long, or has no newline")
	case end != len(b)-1:
		return false, false, errors.New("it writes more than one answer")
	}
	switch string(bytes.TrimSuffix(b[:end], []byte("\r"))) {
	case "0":
		return false, true, nil
	case "1":
		return true, true, nil
	}
	return false, false, errors.New("its answer is neither 0 nor 1")
}
