// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tercet/core/coretest"
)

// attacks go on until ctx ends, and say what they have done. Each has a process
// of its own, so that its work is nobody else's.
var attacks = []struct {
	name string
	do   func(ctx context.Context, s *server) (done string, err error)
}{
	{"a client that never reads", func(ctx context.Context, s *server) (string, error) { return lazy(ctx, s, "never", 0) }},
	{"a client that reads one byte a second", func(ctx context.Context, s *server) (string, error) { return lazy(ctx, s, "seldom", time.Second) }},
	{"clients that send one byte a second", drip},
	{"a flood of 10 MB/s", flood},
	{"20,000 silent connections", silentCrowd},
}

// attackers are the accounts that attacks have.
var attackers = []string{"never", "never-talker", "seldom", "seldom-talker", "drip", "flood"}

// ordered is the variable by which a process of this program is told to attack.
const ordered = "TERCET_ATTACK"

// An order is what it is told.
type order struct {
	Name       string
	Plain, TLS int
	Lasts      time.Duration
}

// attack runs an attack in a process, which takes what time the server leaves:
// attackers have machines of their own.
func (s *server) attack(ctx context.Context, name string, lasts time.Duration) (done string, err error) {
	text, err := json.Marshal(order{name, s.plain, s.tls, lasts})
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "nice", "-n", "19", os.Args[0])
	cmd.Env = append(os.Environ(), ordered+"="+string(text))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// obey is the process.
func obey(text string) (done string, err error) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.Lasts)
	defer cancel()
	for _, a := range attacks {
		if a.name == o.Name {
			return a.do(ctx, &server{plain: o.Plain, tls: o.TLS, domain: coretest.Domain})
		}
	}
	return "", fmt.Errorf("no attack %q", o.Name)
}

// every calls fn until ctx ends or fn fails.
func every(ctx context.Context, d time.Duration, fn func() error) error {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := fn(); err != nil {
				return err
			}
		}
	}
}

// lazy is a client that is sent 8 MB/s and reads a byte now and then, or, with
// a pause of 0, none. When it is given up it comes back.
func lazy(ctx context.Context, s *server, user string, pause time.Duration) (string, error) {
	talker, err := s.tryReach(bound, user+"-talker")
	if err != nil {
		return "", err
	}
	defer talker.Close()
	go io.Copy(io.Discard, talker)
	var sent atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		piece := []byte(strings.Repeat("<message to='"+user+"@"+coretest.Domain+"' type='headline'><body>"+strings.Repeat("x", 10_000)+"</body></message>", 8))
		_ = every(ctx, 10*time.Millisecond, func() error { // what it has sent tells
			n, err := talker.Write(piece)
			sent.Add(int64(n))
			return err
		})
	})
	visits := 0
	for ctx.Err() == nil && err == nil {
		visits++
		err = s.ignore(ctx, user, pause)
	}
	wg.Wait()
	return fmt.Sprintf("%d MB were sent to it, over %d streams", sent.Load()/1e6, visits), err
}

// ignore has a client come and hardly read, until ctx ends or it is given up.
func (s *server) ignore(ctx context.Context, user string, pause time.Duration) error {
	c, err := s.tryReach(bound, user)
	if err != nil {
		return err
	}
	defer c.Close()
	wire := c.(*tls.Conn).NetConn().(*net.TCPConn)
	_ = wire.SetReadBuffer(4096) // what is not taken here waits there
	send(c, "<presence/>")
	raw, err := wire.SyscallConn()
	if err != nil {
		return err
	}
	last, b := time.Now(), make([]byte, 1)
	_ = every(ctx, 50*time.Millisecond, func() error { // an error is how it ends
		if pause > 0 && time.Since(last) >= pause {
			last = time.Now()
			_ = wire.SetReadDeadline(last.Add(time.Second)) // nothing may have come yet
			if _, err := wire.Read(b); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
		}
		gone := false
		if err := raw.Control(func(fd uintptr) { gone = hungUp(int(fd)) }); err != nil || gone {
			return net.ErrClosed
		}
		return nil
	})
	return nil
}

// hungUp reports whether the other side has closed the connection, be there
// bytes to read or not.
func hungUp(fd int) bool {
	const established = 1
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err != nil || info.State != established
}

// drip is clients that send one byte a second: of a stream header, in clear
// and by TLS, and of a message.
func drip(ctx context.Context, s *server) (string, error) {
	const clients = 60
	failed := make(chan error, clients)
	for n := range clients {
		go func() { failed <- s.drop(ctx, n%3) }()
	}
	var err error
	for range clients {
		err = errors.Join(err, <-failed)
	}
	return fmt.Sprintf("%d clients", clients), err
}

func (s *server) drop(ctx context.Context, kind int) (err error) {
	text := header
	var c net.Conn
	switch kind {
	case 0:
		text = "<message to='nobody@" + coretest.Domain + "'><body>" + strings.Repeat("x", 1000)
		c, err = s.tryReach(bound, "drip")
	case 1:
		c, err = s.tryDial()
	default:
		c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.plain))
	}
	if err != nil {
		return err
	}
	defer c.Close()
	sent := 0
	if err := every(ctx, time.Second, func() error {
		_, err := io.WriteString(c, text[sent:sent+1])
		sent++
		return err
	}); err != nil {
		return fmt.Errorf("who sends slowly, but well, is given up: %w", err)
	}
	return nil
}

// flood is a client that sends 10 MB/s of messages to itself.
func flood(ctx context.Context, s *server) (string, error) {
	c, err := s.tryReach(bound, "flood")
	if err != nil {
		return "", err
	}
	defer c.Close()
	go io.Copy(io.Discard, c)
	send(c, "<presence/>")
	piece := strings.Repeat("<message to='flood@"+coretest.Domain+"' type='headline'><body>"+strings.Repeat("x", 400)+"</body></message>", 32)
	end, _ := ctx.Deadline()
	lasts := time.Until(end)
	n := pour(c, []byte(piece), lasts)
	if least := int(lasts.Seconds() * 2e6); n < least {
		return "", fmt.Errorf("%d bytes went out, that is no flood", n)
	}
	return fmt.Sprintf("%d MB", n/1e6), nil
}

// silentCrowd opens 20,000 connections from many addresses, as far as the
// system gives files to the server, and says nothing.
func silentCrowd(ctx context.Context, s *server) (string, error) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return "", err
	}
	const hands = 8
	each := int(min(20_000, files.Cur-500)) / hands
	failed := make(chan error, hands)
	var open sync.WaitGroup
	begun := time.Now()
	for h := range hands {
		open.Add(1)
		go func() {
			all, err := s.connect(each, net.IPv4(127, 0, 0, byte(2+h)), []int{s.plain, s.tls}[h%2])
			open.Done()
			open.Wait()
			<-ctx.Done()
			<-time.After(time.Second) // that all are there together
			for _, c := range all {
				_ = c.Close() // nothing was said
			}
			failed <- err
		}()
	}
	open.Wait()
	took := time.Since(begun)
	var err error
	for range hands {
		err = errors.Join(err, <-failed)
	}
	return fmt.Sprintf("%d connections, all open after %v", each*hands, took.Round(time.Millisecond)), err
}

// connect opens connections from an address.
func (s *server) connect(n int, from net.IP, port int) (all []net.Conn, err error) {
	d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: -1, LocalAddr: &net.TCPAddr{IP: from}}
	for range n {
		c, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	return all, nil
}
