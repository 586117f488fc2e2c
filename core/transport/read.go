// SPDX-License-Identifier: Apache-2.0

package transport

// Reading: a pooled buffer that is filled by one read(2) and handed to
// crypto/tls one record at a time.

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

const (
	recordHeader = 5
	recordMax    = 16<<10 + 2048 // ciphertext of one record, RFC 5246 6.2.3; TLS 1.3 has less
	typHandshake = 0x16
)

// errTruncated is what crypto/tls sees of an end without close_notify.
// It takes a plain io.EOF between two records for a good end.
var errTruncated = errors.New("connection ended without close_notify")

// input is the reading half of a Conn; it belongs to the own goroutine.
type input struct {
	buf        *readBuffer // nil while there are no bytes
	part       []byte      // few bytes of a record that does not come on; buf is nil
	start, end int         // of the bytes in buf
	pending    int         // rest of the record that crypto/tls is reading
	records    bool        // what comes is TLS
	hello      bool        // the next byte begins a handshake, or is plaintext after STARTTLS
	more       bool        // crypto/tls may hold plaintext that did not fit into the caller's buffer
	short      bool        // the last read(2) left the socket empty
	err        error       // how reading ended
	over       bool        // the socket has ended, too
	timed      atomic.Bool // a read deadline is set
	fill       func(fd uintptr) bool
	try        func(fd uintptr)
}

// whole is the size of the record at the start of the buffer if all of it is
// there, else 0. In plain mode every byte is whole. What can not be a record
// goes to crypto/tls as it is, for its alert.
func (in *input) whole() int {
	n := in.end - in.start
	if n == 0 || !in.records {
		return n
	}
	b := in.buf[in.start:in.end]
	if in.hello && b[0] != typHandshake {
		return n
	}
	if n < recordHeader {
		return 0
	}
	size := int(b[3])<<8 | int(b[4])
	if size > recordMax {
		return n
	}
	if n < recordHeader+size {
		return 0
	}
	return recordHeader + size
}

// ready says that Read would find something in user space.
func (in *input) ready() bool { return in.more || in.whole() > 0 }

// space is where the next bytes go: behind the part of a record.
func (in *input) space() []byte {
	switch {
	case in.buf == nil:
		in.buf = readBuffers.get()
		in.end = copy(in.buf[:], in.part)
		in.part = nil
	case in.start > 0:
		in.end = copy(in.buf[:], in.buf[in.start:in.end])
		in.start = 0
	}
	return in.buf[in.end:]
}

// release gives the buffer back when it is empty.
func (in *input) release() {
	if in.buf != nil && in.start == in.end {
		readBuffers.put(in.buf)
		in.buf, in.start, in.end = nil, 0, 0
	}
}

// partSize bounds what a record that does not come on keeps in memory of its
// own size instead of a whole buffer.
const partSize = 512

// spare makes the memory small before a wait for the rest of a record: such
// waits cost a stranger nothing.
func (in *input) spare() {
	if n := in.end - in.start; in.buf != nil && n <= partSize {
		if n > 0 {
			in.part = append([]byte(nil), in.buf[in.start:in.end]...)
			in.start = in.end
		}
		in.release()
	}
}

func (in *input) take(p []byte) int {
	n := copy(p, in.buf[in.start:in.end])
	in.start += n
	in.release()
	return n
}

// stop ends reading with err, and drops what has come.
func (in *input) stop(err error) {
	in.err, in.more, in.start, in.end, in.part = err, false, 0, 0, nil
	in.release()
}

// eof is how an end of the byte stream reads.
func (in *input) eof() error {
	if in.records {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// note takes over the outcome of one read into space.
func (in *input) note(n, size int, err error) {
	in.end += n
	in.short = n < size
	in.over = in.over || err != nil
	switch {
	case errors.Is(err, io.EOF):
		in.err = in.eof()
	case err != nil:
		in.err = err
	}
	in.release()
}

// Wait blocks until Read can return something at once, and holds no buffer
// meanwhile (on a socket, and unless part of a record has come). It returns
// how reading ended, the reason of End, or os.ErrDeadlineExceeded, after
// which it may be called again. A record without data also ends a Wait: Read
// then says ErrAgain.
func (c *Conn) Wait() error {
	for {
		switch {
		case c.ended.Load():
			return c.Cause()
		case c.in.ready():
			return nil
		case c.in.err != nil:
			return c.in.err
		}
		if err := c.block(); err != nil {
			return err
		}
	}
}

// block waits for one more read that gave bytes, or for the end.
func (c *Conn) block() error {
	var err error
	if c.raw != nil {
		err = c.raw.Read(c.in.fill)
	} else {
		err = c.fillConn()
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return c.expiredUnread()
	}
	c.in.err = err
	return nil
}

// expiredUnread is expired for one who may not have looked: when the time is
// over RawConn.Read does not, and what has come in time counts.
func (c *Conn) expiredUnread() error {
	err := c.expired()
	if c.raw == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if c.raw.Control(c.in.try) == nil && (c.in.err != nil || c.in.ready()) {
		return nil
	}
	return err
}

// fillFD runs within RawConn.Read. It tries read(2) before it says that it
// would wait: RawConn.Read has cleared a readiness that came before it. It
// reads on after a part of a record, or it would sleep on a FIN that came
// together with that part: the poller tells each only once.
func (c *Conn) fillFD(fd uintptr) bool {
	for c.readOnce(fd) {
		if c.in.err != nil || c.in.ready() {
			return true
		}
	}
	return false
}

// tryFD is one read(2) that does not wait, within RawConn.Control.
func (c *Conn) tryFD(fd uintptr) { c.readOnce(fd) }

// readOnce is one read(2); false says that the socket is empty.
func (c *Conn) readOnce(fd uintptr) bool {
	b := c.in.space()
	n, again, err := readFD(fd, b)
	if again {
		c.in.short = true
		c.in.spare()
		c.settled()
		return false
	}
	c.in.note(n, len(b), err)
	return true
}

// fillConn is one read of a net.Conn that is no socket.
func (c *Conn) fillConn() error {
	b := c.in.space()
	n, err := c.nc.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.in.note(n, len(b), nil)
		return err
	}
	c.in.note(n, len(b), err)
	return nil
}

// fillNow reads what the socket has without waiting. A Conn that is no socket
// can not be asked: it counts as drained.
func (c *Conn) fillNow() error {
	if c.raw == nil {
		c.in.short = true
		return nil
	}
	if c.in.timed.Load() {
		if err := c.late(time.Now()); err != nil {
			return err
		}
	}
	return c.raw.Control(c.in.try)
}

// late is what Read returns at t when its deadline has passed.
func (c *Conn) late(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lateLocked(t)
}

func (c *Conn) lateLocked(t time.Time) error {
	switch {
	case c.ended.Load():
		return c.cause
	case c.aborted:
		return net.ErrClosed
	case c.deadline.IsZero() || t.Before(c.deadline):
		return nil
	case c.writeErr != nil:
		return c.cause
	}
	return os.ErrDeadlineExceeded
}

// Read returns what is there and never waits: ErrAgain when user space holds
// nothing more and the socket is drained. A good end is io.EOF, in TLS only
// after close_notify; else it is io.ErrUnexpectedEOF.
func (c *Conn) Read(p []byte) (int, error) {
	if c.ended.Load() {
		return 0, c.Cause()
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !c.in.more { // crypto/tls allocates even to say that there is nothing
		if err := c.next(); err != nil {
			return 0, c.ending(err)
		}
	}
	if c.tls == nil {
		return c.in.take(p), nil
	}
	n, err := c.tls.Read(p)
	c.in.more = n == len(p)
	if n > 0 {
		return n, nil // crypto/tls keeps an error that came along
	}
	if err == nil {
		return 0, ErrAgain
	}
	return 0, c.ending(err)
}

// ending keeps the errors after which there is nothing more to read.
func (c *Conn) ending(err error) error {
	switch {
	case errors.Is(err, ErrAgain), errors.Is(err, os.ErrDeadlineExceeded), c.ended.Load():
		return err
	case errors.Is(err, errTruncated):
		err = io.ErrUnexpectedEOF
	}
	c.in.err = err
	return err
}

// Drained says that no whole record waits in user space and the last read(2)
// emptied the socket: time to flush what this input dirtied.
func (c *Conn) Drained() bool { return (c.in.short || c.in.err != nil) && !c.in.ready() }

// next makes sure that the buffer begins with a whole record, or with plain
// bytes. It waits only in a handshake.
func (c *Conn) next() error {
	for c.in.whole() == 0 {
		var err error
		switch {
		case c.in.err != nil && c.in.records:
			if errors.Is(c.in.err, io.ErrUnexpectedEOF) {
				return errTruncated
			}
			return c.in.err
		case c.in.err != nil:
			return c.in.err
		case c.tls == nil && c.in.records:
			err = c.block()
		case c.in.short:
			return ErrAgain
		default:
			err = c.fillNow()
		}
		if err != nil {
			return err
		}
	}
	if c.in.hello && c.in.buf[c.in.start] != typHandshake {
		return ErrPlaintextAfterStartTLS
	}
	c.in.hello = false
	return nil
}

// readRecord is under.Read: at most the rest of one record.
func (c *Conn) readRecord(p []byte) (int, error) {
	if c.in.pending == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
		c.in.pending = c.in.whole()
	}
	n := c.in.take(p[:min(len(p), c.in.pending)])
	c.in.pending -= n
	return n, nil
}
