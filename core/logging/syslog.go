// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// facilities of RFC 5424 6.2.1, by the names of syslog.conf(5).
var facilities = map[string]int{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
	"authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21,
	"local6": 22, "local7": 23,
}

// severity is the priority of RFC 5424.
func severity(l slog.Level) byte {
	switch bit(l) {
	case debugBit:
		return 7
	case infoBit:
		return 6
	case warnBit:
		return 4
	default:
		return 3
	}
}

// syslogPaths are where the local daemon listens.
var syslogPaths = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}

// syslog sends lines to the local daemon. It waits for it 50 ms a second at most:
// a daemon that does not read loses lines.
type syslog struct {
	paths    []string
	name     string
	facility int

	mu      sync.Mutex // guards what follows
	conn    net.Conn
	stream  bool
	retry   time.Time // when to connect again
	lost    int
	message []byte
}

const (
	syslogPatience = 50 * time.Millisecond
	syslogRetry    = time.Second
)

var errSyslog = errors.New("no syslog daemon listens")

func newSyslog(path, name string, facility int) *syslog {
	s := &syslog{paths: syslogPaths, name: scrubLine(name), facility: facility}
	if path != "" {
		s.paths = []string{path}
	}
	return s
}

func (s *syslog) write(n *line, whole []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.send(n, whole)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // the daemon may have been started anew
		s.drop()
		err = s.send(n, whole)
	}
	if err != nil {
		s.drop()
		s.lost++
		if now := time.Now(); now.After(s.retry) {
			s.retry = now.Add(syslogRetry)
		}
	}
	return err
}

// send sends one message of RFC 3164. s.mu is held.
func (s *syslog) send(n *line, whole []byte) error {
	if err := s.connect(); err != nil {
		return err
	}
	if s.lost > 0 {
		note := fmt.Sprintf("logging: %d lines were lost\n", s.lost)
		if err := s.deliver(n.at, slog.LevelWarn, []byte(note)); err != nil {
			return err
		}
		s.lost = 0
	}
	return s.deliver(n.at, n.level, whole)
}

func (s *syslog) deliver(at time.Time, level slog.Level, text []byte) error {
	b := fmt.Appendf(s.message[:0], "<%d>%s %s[%d]: ", s.facility<<3|int(severity(level)), at.Format(time.Stamp), s.name, os.Getpid())
	b = append(b, text...)
	s.message = b
	if !s.stream {
		b = b[:len(b)-1] // a datagram needs no newline
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(syslogPatience)); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	return err
}

// connect connects if need be, at most once a second. s.mu is held.
func (s *syslog) connect() error {
	if s.conn != nil {
		return nil
	}
	now := time.Now()
	if now.Before(s.retry) {
		return errSyslog
	}
	for _, path := range s.paths {
		for _, network := range []string{"unixgram", "unix"} {
			d := net.Dialer{Timeout: syslogPatience}
			c, err := d.Dial(network, path)
			if err == nil {
				s.conn, s.stream = c, network == "unix"
				return nil
			}
		}
	}
	s.retry = now.Add(syslogRetry)
	return errSyslog
}

func (s *syslog) drop() {
	if s.conn != nil {
		_ = s.conn.Close() // it failed
		s.conn = nil
	}
}

func (s *syslog) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	return nil
}
