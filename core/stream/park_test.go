// SPDX-License-Identifier: Apache-2.0

//go:build linux

package stream_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/core/transport"
)

// A dormitory is a host whose streams are bound at once and parked soon.
type dormitory struct {
	t       testing.TB
	group   *stream.Group
	table   *ext.Table
	options *stream.Options
	mu      sync.Mutex // guards guests
	guests  []*guest
}

// A guest is the receiver of one stream.
type guest struct {
	d    *dormitory
	st   *stream.Stream
	peer net.Conn
	got  atomic.Int64 // stanzas
	end  chan error
}

func newDormitory(t testing.TB, o stream.Options, attach func(*ext.Scope)) *dormitory {
	t.Helper()
	d := &dormitory{t: t, group: stream.NewGroup(context.Background()), table: ext.NewTable(), options: &o}
	scope := ext.NewScope(t.Context(), "test", d.table)
	stream.Opened.Handle(scope, 0, func(_ context.Context, ev *stream.LifeEvent) ext.Verdict {
		if ev.Stream.Kind() == "strangers" {
			return ext.Next
		}
		ev.Stream.Authenticate("guest")
		for _, g := range d.all() {
			if g.st == ev.Stream {
				ev.Stream.Bind(g)
			}
		}
		return ext.Next
	})
	if attach != nil {
		attach(scope)
	}
	if err := ext.Swap(d.table, []ext.Change{{New: scope}}); err != nil {
		t.Fatal(err)
	}
	o.Content, o.Limits, o.Authed = element.NSClient, element.DefaultLimits, element.DefaultLimits
	o.Log = slog.New(slog.DiscardHandler)
	o.Open = func(s *stream.Stream, h element.Header) error {
		s.Enter(h.To, d.table)
		return nil
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for _, g := range d.all() {
			_ = g.peer.Close() // nobody reads what a stop says
		}
		if err := d.group.Stop(ctx, stream.Fail(stream.SystemShutdown, "")); err != nil {
			t.Error(err)
		}
		if n := d.group.Parked(); n != 0 {
			t.Errorf("%d streams are counted as parked at the end", n)
		}
	})
	return d
}

func (d *dormitory) all() []*guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.guests
}

// enter starts a stream, and takes it to its features.
func (d *dormitory) enter() *guest {
	d.t.Helper()
	g := d.arrive(nil)
	g.send(header)
	g.read("</stream:features>")
	return g
}

// arrive starts a stream over a pair of sockets, on which nothing is said yet.
func (d *dormitory) arrive(direct *tls.Config) *guest {
	d.t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			d.t.Fatal(err)
		}
		_ = f.Close()
	}
	g := &guest{d: d, peer: ends[1], end: make(chan error, 1)}
	g.st = stream.New(transport.New(ends[0], transport.Options{Linger: time.Millisecond}), netip.AddrPort{}, d.options)
	d.mu.Lock()
	d.guests = append(d.guests, g)
	d.mu.Unlock()
	d.group.Start(g.st, direct)
	return g
}

func (g *guest) Receive(_ context.Context, s *stream.Stream, st *stanza.Stanza, k *transport.Cork) {
	g.got.Add(1)
	if s != g.st {
		g.d.t.Error("a stanza came on another's stream")
	}
	i, err := strconv.Atoi(st.To.Local())
	if err != nil {
		return
	}
	to := g.d.all()[i]
	if st.Type == "error" {
		to.st.End(stream.Fail(stream.Conflict, "ended by its opponent"))
		return
	}
	if dirty, err := to.st.Conn.AppendFunc(st.AppendTo); err == nil && dirty {
		k.Add(to.st.Conn)
	}
}

func (*guest) Refused(*stream.Stream)                                 {}
func (g *guest) Ended(_ context.Context, _ *stream.Stream, err error) { g.end <- err }

func (g *guest) send(text string) {
	g.d.t.Helper()
	if _, err := io.WriteString(g.peer, text); err != nil {
		g.d.t.Error(err)
	}
}

// read reads until what is wanted has come.
func (g *guest) read(want string) string {
	g.d.t.Helper()
	_ = g.peer.SetReadDeadline(time.Now().Add(30 * time.Second))
	var got []byte
	for piece := make([]byte, 4096); !strings.Contains(string(got), want); {
		n, err := g.peer.Read(piece)
		if got = append(got, piece[:n]...); err != nil && !strings.Contains(string(got), want) {
			g.d.t.Fatalf("got %q, then %v; want %q", got, err, want)
		}
	}
	return string(got)
}

// until waits for what comes to pass sooner or later.
func (d *dormitory) until(what string, ok func() bool) {
	d.t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	d.t.Fatalf("it does not come to pass that %s; %d of %d streams are parked", what, d.group.Parked(), d.group.Len())
}

func (d *dormitory) parked(n int) {
	d.t.Helper()
	d.until(fmt.Sprintf("%d streams are parked", n), func() bool { return d.group.Parked() == n })
}

func toGuest(i int, body string) string {
	return fmt.Sprintf("<message to='%d@example.org'><body>%s</body></message>", i, body)
}

const soon = 5 * time.Millisecond // until a stream is parked

// TestParkedTraffic has ten thousand streams park and wake under random
// traffic, stanzas cut in two: each comes once, in order, to one that may be
// parked. All are parked between the rounds, so each wakes in every one.
func TestParkedTraffic(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	streams, rounds := int(min(10_000, (files.Cur-50)/2)), 8
	if testing.Short() {
		streams, rounds = min(streams, 2_000), 4
	}
	streams -= streams % talkers
	d := newDormitory(t, stream.Options{Park: soon}, nil)
	for range streams {
		d.enter()
	}
	x := &exchange{dormitory: d, wanted: make([]map[string]int, streams)}
	for i := range x.wanted {
		x.wanted[i] = make(map[string]int)
	}
	d.parked(streams)
	for round := range rounds {
		var wg sync.WaitGroup
		for w := range talkers {
			wg.Go(func() { x.talk(round, w) })
		}
		wg.Wait()
		d.until("all stanzas have come", func() bool { return x.received() == x.sent.Load() })
		d.parked(streams)
	}
	for i, g := range d.all() {
		x.collect(i, g)
	}
	if n := d.group.Parked(); n != streams {
		t.Errorf("delivery has woken %d readers", streams-n)
	}
	t.Logf("%d streams, each woken at least %d times; %d stanzas", streams, rounds, x.sent.Load())
}

// talkers is how many goroutines send, each on streams of its own.
const talkers = 4

// An exchange is what the guests of a dormitory say to each other.
type exchange struct {
	*dormitory
	sent   atomic.Int64 // stanzas, with those whose second half is to come
	locks  [talkers]sync.Mutex
	wanted []map[string]int // bodies by receiver; locks[i%talkers] guards wanted[i]
}

// talk sends one stanza or two from each of its streams, in random order. Of
// some the second half comes later, after stanzas of others.
func (x *exchange) talk(round, talker int) {
	r := rand.New(rand.NewPCG(uint64(round), uint64(talker)))
	all := x.all()
	late := make(map[int]string) // second halves, by stream
	for n, i := range r.Perm(len(all) / talkers) {
		from := i*talkers + talker
		for extra := range 1 + r.IntN(2) {
			m := x.compose(r.IntN(len(all)), fmt.Sprintf("%d/%d/%d/%d", round, talker, n, extra))
			if extra == 0 && r.IntN(3) == 0 {
				cut := 1 + r.IntN(len(m)-1)
				late[from] = m[cut:]
				all[from].send(m[:cut])
				break
			}
			all[from].send(m)
		}
		for i, rest := range late { // any
			if r.IntN(4) == 0 || len(late) > 500 {
				delete(late, i)
				all[i].send(rest)
			}
			break
		}
	}
	for i, rest := range late {
		all[i].send(rest)
	}
}

// compose makes a message, and notes that it is to come.
func (x *exchange) compose(to int, body string) string {
	x.sent.Add(1)
	lock := &x.locks[to%talkers]
	lock.Lock()
	defer lock.Unlock()
	x.wanted[to][body]++
	return toGuest(to, body)
}

// received is how many stanzas the server has read.
func (x *exchange) received() (n int64) {
	for _, g := range x.all() {
		n += g.got.Load()
	}
	return n
}

// collect reads what has come to a guest: all that was wanted, and no more.
func (x *exchange) collect(i int, g *guest) {
	x.t.Helper()
	left := x.wanted[i]
	r := bufio.NewReader(g.peer)
	_ = g.peer.SetReadDeadline(time.Now().Add(10 * time.Second))
	for range len(left) {
		var m string
		for !strings.HasSuffix(m, "</message>") {
			part, err := r.ReadString('>')
			if err != nil {
				x.t.Fatalf("stream %d: %v, with %v to come", i, err, left)
			}
			m += part
		}
		body := m[strings.Index(m, "<body>")+6 : strings.Index(m, "</body>")]
		if left[body]--; left[body] < 0 {
			x.t.Fatalf("stream %d got %q once more, or it was another's", i, body)
		}
	}
	if r.Buffered() > 0 {
		x.t.Fatalf("stream %d got more than was sent", i)
	}
}

// TestParkedEndCrosswise has a thousand pairs of parked streams end each other
// at the same moment.
func TestParkedEndCrosswise(t *testing.T) {
	const pairs = 1000
	d := newDormitory(t, stream.Options{Park: soon}, nil)
	for range 2 * pairs {
		d.enter()
	}
	d.parked(2 * pairs)
	all := d.all()
	for i := range all {
		_, _ = io.WriteString(all[i].peer, strings.Replace(toGuest(i^1, "go"), "<message", "<message type='error'", 1)) // it may have ended
	}
	ended := make([]atomic.Bool, pairs)
	var wg sync.WaitGroup
	for i, g := range all {
		wg.Go(func() {
			select {
			case <-g.end:
				ended[i/2].Store(true)
			case <-t.Context().Done():
			}
		})
	}
	d.until("one of each pair has ended", func() bool {
		for i := range ended {
			if !ended[i].Load() {
				return false
			}
		}
		return true
	})
	for _, g := range all {
		_ = g.peer.Close() // the survivors, too
	}
	wg.Wait()
	d.until("all have ended", func() bool { return d.group.Len() == 0 && d.group.Parked() == 0 })
}

// TestParkedStop tells parked streams why they end.
func TestParkedStop(t *testing.T) {
	d := newDormitory(t, stream.Options{Park: soon}, nil)
	for range 100 {
		d.enter()
	}
	d.parked(100)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := d.group.Stop(ctx, stream.Fail(stream.SystemShutdown, "until tomorrow")); err != nil {
		t.Fatal(err)
	}
	for _, g := range d.all() {
		if got := g.read("</stream:stream>"); !strings.Contains(got, "<system-shutdown") || !strings.Contains(got, "until tomorrow") {
			t.Errorf("got %s", got)
		}
	}
}

// TestNotParked are the streams that keep their goroutine.
func TestNotParked(t *testing.T) {
	still := func(t *testing.T, d *dormitory) {
		t.Helper()
		<-time.After(20 * soon)
		if n := d.group.Parked(); n != 0 {
			t.Errorf("%d streams are parked", n)
		}
	}
	t.Run("in the middle of a stanza", func(t *testing.T) {
		d := newDormitory(t, stream.Options{Park: soon}, nil)
		g := d.enter()
		d.parked(1)
		m := toGuest(0, "cut in two")
		for _, cut := range []int{1, len(m) / 2, len(m) - 1} {
			g.send(m[:cut])
			d.parked(0)
			still(t, d)
			g.send(m[cut:])
			g.read("cut in two</body></message>")
			d.parked(1)
		}
	})
	t.Run("before authentication", func(t *testing.T) {
		d := newDormitory(t, stream.Options{Park: soon, Kind: "strangers", Negotiation: time.Second}, nil)
		g := d.enter()
		still(t, d)
		g.read("<connection-timeout")
	})
	t.Run("never", func(t *testing.T) {
		d := newDormitory(t, stream.Options{}, nil)
		d.enter()
		still(t, d)
	})
	t.Run("with a time for idleness that is shorter", func(t *testing.T) {
		d := newDormitory(t, stream.Options{Park: time.Second, Idle: soon}, nil)
		g := d.enter()
		g.read("<connection-timeout")
	})
}

// TestParkedStrangers are parked until their first byte, and not again.
func TestParkedStrangers(t *testing.T) {
	d := newDormitory(t, stream.Options{Park: soon, Kind: "strangers", Negotiation: 2 * time.Second}, nil)
	begun := time.Now()
	talks, ended, silent, leaves, secured, unheard := d.arrive(nil), d.arrive(nil), d.arrive(nil), d.arrive(nil), d.arrive(keys(t)), d.arrive(keys(t))
	d.parked(6)
	talks.send(header[:10])
	d.parked(5)
	talks.send(header[10:])
	talks.read("</stream:features>")
	client := tls.Client(secured.peer, &tls.Config{InsecureSkipVerify: true})
	if err := client.Handshake(); err != nil {
		t.Error(err)
	}
	d.parked(4)
	ended.st.End(stream.Fail(stream.Conflict, ""))
	_ = leaves.peer.Close() // what is tested
	d.parked(2)
	for _, g := range []*guest{ended, silent, unheard} {
		_ = g.peer.SetReadDeadline(time.Now().Add(20 * time.Second))
		if b, err := io.ReadAll(g.peer); err != nil || len(b) > 0 {
			t.Errorf("to one that said nothing: %q, %v", b, err)
		}
	}
	talks.read("<connection-timeout")
	d.until("all have ended", func() bool { return d.group.Len() == 0 && d.group.Parked() == 0 })
	if took := time.Since(begun); took < 2*time.Second {
		t.Errorf("strangers have 2 s, got %v", took)
	}
}

// keys are those of a server that a client has to trust blindly.
func keys(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(crand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// TestParkedIdle has parked streams asked after the idle time, again and again,
// until one is given up.
func TestParkedIdle(t *testing.T) {
	var asked atomic.Int64
	d := newDormitory(t, stream.Options{Park: soon, Idle: 100 * time.Millisecond}, func(s *ext.Scope) {
		stream.Idle.Handle(s, 0, func(_ context.Context, ev *stream.LifeEvent) ext.Verdict {
			if asked.Add(1) > 3 {
				return ext.Next
			}
			ev.Stream.Write([]byte{' '})
			return ext.Stop
		})
	})
	g := d.enter()
	begun := time.Now()
	if got := g.read("</stream:stream>"); !strings.HasPrefix(got, "   <stream:error><connection-timeout") {
		t.Errorf("got %q", got)
	}
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("that took %v", took)
	}
}

// TestParkedShaper has a stream's debt outlive its parking.
func TestParkedShaper(t *testing.T) {
	d := newDormitory(t, stream.Options{Park: soon}, nil)
	g := d.enter()
	g.st.Limit(10_000, 1000)
	begun := time.Now()
	for range 3 { // 3,000 bytes, of which 1,000 are free
		g.send(toGuest(0, strings.Repeat("x", 1000)))
		g.read("</message>")
		d.parked(1)
	}
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("3,000 bytes passed in %v", took)
	}
}

// TestParkedRaces has streams end from outside while they park and wake.
func TestParkedRaces(t *testing.T) {
	streams := 500
	d := newDormitory(t, stream.Options{Park: time.Millisecond, Idle: 4 * time.Millisecond}, func(s *ext.Scope) {
		stream.Idle.Handle(s, 0, func(context.Context, *stream.LifeEvent) ext.Verdict { return ext.Stop })
	})
	var wg sync.WaitGroup
	for i := range streams {
		g := d.enter()
		wg.Go(func() {
			for range rand.IntN(20) {
				_, _ = io.WriteString(g.peer, toGuest(i, "x")) // it may have ended
				<-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond)
			}
			switch i % 4 {
			case 0:
				_ = g.peer.Close()
			case 1:
				g.st.End(stream.Fail(stream.Reset, ""))
			case 2:
				_, _ = io.WriteString(g.peer, "</stream:stream>")
			default:
				go g.st.End(nil)
				_ = g.peer.Close()
			}
			select {
			case <-g.end:
			case <-time.After(20 * time.Second):
				t.Errorf("stream %d does not end", i)
			}
		})
	}
	wg.Wait()
}
