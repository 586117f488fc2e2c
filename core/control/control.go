// SPDX-License-Identifier: Apache-2.0

// Package control is how the command line talks to a running server: one JSON
// object a line over a unix socket. A connection carries one Request and the
// Replies to it, of which the last tells the exit code.
package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Version is that of the protocol; the server refuses a request of a later one.
// Version 2 knows files.
const Version = 2

// DefaultSocket is the control socket, in the data directory.
const DefaultSocket = "tercet.sock"

// Limits of a line, in bytes. A request holds words and a password or a small
// file; a reply a list of all accounts.
const (
	MaxRequest = 1 << 20
	MaxReply   = 64 << 20
)

// Times that a side waits for the other.
const (
	requestTime = 10 * time.Second // for the request to arrive whole
	writeTime   = 20 * time.Second // for a reply to be taken
)

// The exit codes of commands.
const (
	OK = iota
	Failed
	Usage
)

// A Request is a command with what it reads.
type Request struct {
	Version int      `json:"version"`
	Args    []string `json:"args"`
	JSON    bool     `json:"json,omitempty"`
	// Input is what the command has asked for, such as a password; nil if it
	// has not been asked yet.
	Input *string `json:"input,omitempty"`
}

// A Reply is one part of the answer: one of its fields is set.
type Reply struct {
	Out      string          `json:"out,omitempty"`
	Err      string          `json:"err,omitempty"`
	Progress *Progress       `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	File     *File           `json:"file,omitempty"`
	// Ask ends the answer: the request is to be made again with Input.
	Ask  *Ask `json:"ask,omitempty"`
	Exit *int `json:"exit,omitempty"`
}

// A Progress says how far long work is. Total is 0 where it is not known.
type Progress struct {
	Text  string `json:"text"`
	Done  int    `json:"done"`
	Total int    `json:"total,omitempty"`
}

// A File is a part of a file that the client writes. The first part, which
// comes before the work, has its name; the client may know a better one.
type File struct {
	Name string `json:"name,omitempty"`
	Data []byte `json:"data,omitempty"`
}

// An Ask is what a command wants to read.
type Ask struct {
	Prompt string `json:"prompt"`
	Secret bool   `json:"secret,omitempty"` // typed without echo
	Twice  bool   `json:"twice,omitempty"`  // typed again, to be sure
}

// ErrTooLong says that a line is longer than its limit.
var ErrTooLong = errors.New("control: the line is too long")

// ErrNoExit says that the server went away before it was done.
var ErrNoExit = errors.New("control: the server has gone away before the command was done")

// Do sends a request and hands out the replies; it returns the exit code. The
// connection is read to its end: a command that ends the server ends it then.
func Do(c net.Conn, r Request, each func(Reply) error) (exit int, err error) {
	r.Version = Version
	line, err := json.Marshal(r)
	if err != nil {
		return Failed, fmt.Errorf("write the request: %w", err)
	}
	if len(line) >= MaxRequest {
		return Failed, ErrTooLong
	}
	_, refused := c.Write(append(line, '\n')) // a server that does not want to hear says why
	in := bufio.NewReaderSize(c, 4096)
	done := false
	for {
		line, err := readLine(in, MaxReply)
		switch {
		case err != nil && done:
			return exit, nil
		case err != nil && refused != nil:
			return Failed, fmt.Errorf("write the request: %w", refused)
		case err != nil:
			return Failed, fmt.Errorf("%w: %w", ErrNoExit, err)
		}
		var reply Reply
		if err := json.Unmarshal(line, &reply); err != nil {
			return Failed, fmt.Errorf("read the server's reply: %w", err)
		}
		if reply.Exit != nil {
			exit, done = *reply.Exit, true
			continue
		}
		if err := each(reply); err != nil {
			return Failed, err
		}
	}
}

// readLine returns the next line without its end.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return nil, ErrTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// Read reads a request from a client that is given little time.
func Read(c net.Conn) (Request, error) {
	var r Request
	if err := c.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return r, fmt.Errorf("read a request: %w", err)
	}
	line, err := readLine(bufio.NewReaderSize(c, 4096), MaxRequest)
	if err != nil {
		return r, fmt.Errorf("read a request: %w", err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("read a request: %w", err)
	}
	if r.Version > Version {
		return r, fmt.Errorf("the request has version %d, this server knows %d: use the server's own program", r.Version, Version)
	}
	return r, c.SetReadDeadline(time.Time{})
}

// A Writer writes replies. Any goroutine may use it.
type Writer struct {
	mu  sync.Mutex // guards what follows
	c   net.Conn
	err error
}

// NewWriter returns a writer of replies to a client.
func NewWriter(c net.Conn) *Writer { return &Writer{c: c} }

// Write sends a reply. After an error it sends nothing more.
func (w *Writer) Write(r Reply) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write a reply: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if w.err = w.c.SetWriteDeadline(time.Now().Add(writeTime)); w.err == nil {
		_, w.err = w.c.Write(append(line, '\n'))
	}
	return w.err
}

// Exit ends the answer.
func (w *Writer) Exit(code int) error { return w.Write(Reply{Exit: &code}) }
