// SPDX-License-Identifier: Apache-2.0

package listen_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tercet/core/ext"
	"tercet/core/listen"
	"tercet/core/metric"
)

// world is a table with the scopes of one test.
type world struct {
	t     *testing.T
	table *ext.Table
	reg   *listen.Registry
}

func newWorld(t *testing.T, o listen.RegistryOptions) *world {
	t.Helper()
	w := &world{t, ext.NewTable(), listen.NewRegistry(o)}
	t.Cleanup(w.reg.StopAccepting)
	return w
}

// stage makes a scope; it is closed with the test.
func (w *world) stage() *ext.Scope {
	s := ext.NewScope(context.Background(), "c2s", w.table)
	w.t.Cleanup(func() { w.close(s) })
	return s
}

func (w *world) swap(old, fresh *ext.Scope) {
	w.t.Helper()
	if err := ext.Swap(w.table, []ext.Change{{Old: old, New: fresh}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close(s *ext.Scope) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		w.t.Error(err)
	}
}

func (w *world) listen(s *ext.Scope, spec listen.Spec, h listen.Handler) {
	w.t.Helper()
	if err := w.reg.Listen(s, spec, h); err != nil {
		w.t.Fatal(err)
	}
}

// address is that of the only socket.
func (w *world) address() string {
	w.t.Helper()
	all := w.reg.List()
	if len(all) != 1 {
		w.t.Fatalf("want one socket, have %v", all)
	}
	return all[0].Address
}

var anyPort = listen.Spec{Service: "c2s", Network: "tcp", Address: "127.0.0.1:0", TLS: "starttls"}

// says writes a line to each connection and closes it.
func says(text string) listen.Handler {
	return func(_ context.Context, c net.Conn, _ listen.Info) {
		defer c.Close()
		fmt.Fprintln(c, text)
	}
}

func dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func readLine(t *testing.T, c net.Conn) string {
	t.Helper()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// eventually polls what another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so within 5 s: %s", what)
		}
	}
}

func TestNothingIsServedBeforeTheScopeIsLive(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	var early atomic.Bool
	w.listen(s, anyPort, func(ctx context.Context, c net.Conn, info listen.Info) {
		early.Store(!s.Live())
		says("served")(ctx, c, info)
	})
	if l := w.reg.List()[0]; l.Accepting || l.Service != "c2s" || l.TLS != "starttls" || l.Since.IsZero() {
		t.Errorf("staged: %+v", l)
	}
	c := dial(t, "tcp", w.address()) // into the backlog
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.EAGAIN) && !isTimeout(err) {
		t.Fatalf("read before the scope is live: %v", err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	w.swap(nil, s)
	if got := readLine(t, c); got != "served" || early.Load() {
		t.Errorf("got %q, early %v", got, early.Load())
	}
	if l := w.reg.List()[0]; !l.Accepting {
		t.Errorf("live: %+v", l)
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestAddressInUse(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	w := newWorld(t, listen.RegistryOptions{})
	spec := anyPort
	spec.Address = ln.Addr().String()
	err = w.reg.Listen(w.stage(), spec, says(""))
	if want := "listen on " + spec.Address + ": address already in use"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Error("the error does not wrap EADDRINUSE")
	}
	if all := w.reg.List(); len(all) != 0 {
		t.Errorf("left behind: %v", all)
	}
}

func TestBadAddresses(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	for _, spec := range []listen.Spec{
		{Network: "tcp", Address: "127.0.0.1"},
		{Network: "tcp", Address: "127.0.0.1:70000"},
		{Network: "tcp", Address: "[::1:5222"},
		{Network: "udp", Address: "127.0.0.1:0"},
		{Network: "unix", Address: ""},
		{Network: "unix", Address: "/nowhere/at/all.sock"},
		{Network: "tcp", Address: "192.0.2.1:0"},
	} {
		if err := w.reg.Listen(w.stage(), spec, says("")); err == nil || !strings.HasPrefix(err.Error(), "listen on "+spec.Address+": ") {
			t.Errorf("%s %s: got %v", spec.Network, spec.Address, err)
		}
	}
}

// Clients connect all the time while the module is replaced again and again:
// none is refused, reset or left unserved.
func TestReloadLosesNoConnection(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	old := w.stage()
	w.listen(old, anyPort, says("0"))
	w.swap(nil, old)
	spec := anyPort
	spec.Address = w.address()
	var stop atomic.Bool
	var served atomic.Int64
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !stop.Load() {
				c, err := net.Dial("tcp", spec.Address)
				if err != nil {
					t.Error(err)
					return
				}
				c.SetDeadline(time.Now().Add(10 * time.Second))
				if line, err := io.ReadAll(c); err != nil || len(line) < 2 {
					t.Errorf("read %q: %v", line, err)
				}
				c.Close()
				served.Add(1)
			}
		})
	}
	for i := range 100 {
		fresh := w.stage()
		w.listen(fresh, spec, says(strconv.Itoa(i)))
		if i%3 == 0 { // a load that fails afterwards
			failed := w.stage()
			w.listen(failed, spec, says("never live"))
			w.close(failed)
		}
		w.swap(old, fresh)
		w.close(old)
		old = fresh
		for seen := served.Load(); served.Load() < seen+2; {
			time.Sleep(time.Millisecond)
		}
	}
	stop.Store(true)
	clients.Wait()
	if n := served.Load(); n < 200 {
		t.Errorf("only %d connections", n)
	}
}

func TestTheNewScopeServesAfterTheSwap(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	old, fresh := w.stage(), w.stage()
	w.listen(old, anyPort, says("old"))
	w.swap(nil, old)
	spec := anyPort
	spec.Address, spec.TLS = w.address(), "direct"
	w.listen(fresh, spec, says("new"))
	if got := readLine(t, dial(t, "tcp", spec.Address)); got != "old" {
		t.Errorf("while staged: got %s", got)
	}
	w.swap(old, fresh) // the old one is not closed yet
	if got := readLine(t, dial(t, "tcp", spec.Address)); got != "new" {
		t.Errorf("after the swap: got %s", got)
	}
	w.close(old)
	if got := readLine(t, dial(t, "tcp", spec.Address)); got != "new" {
		t.Errorf("after the old one's close: got %s", got)
	}
	if l := w.reg.List()[0]; l.TLS != "direct" {
		t.Errorf("listed as %+v", l)
	}
}

func TestSocketClosesWithItsLastScope(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	entered, ended := make(chan net.Conn), make(chan struct{})
	w.listen(s, anyPort, func(ctx context.Context, c net.Conn, _ listen.Info) {
		entered <- c
		<-ctx.Done()
		// The port is closed at once, not only when the streams have ended.
		eventually(t, "refused", func() bool {
			_, err := net.Dial("tcp", c.LocalAddr().String())
			return errors.Is(err, syscall.ECONNREFUSED)
		})
		c.Close()
		close(ended)
	})
	w.swap(nil, s)
	dial(t, "tcp", w.address())
	<-entered
	w.close(s)
	select {
	case <-ended:
	default:
		t.Error("Close did not wait for the handler")
	}
	if all := w.reg.List(); len(all) != 0 {
		t.Errorf("still listed: %v", all)
	}
}

// A connection outlives its handler's return, and is counted until its Close.
func TestHandOver(t *testing.T) {
	m := metric.New()
	w := newWorld(t, listen.RegistryOptions{Metrics: m})
	s := w.stage()
	got := make(chan net.Conn, 1)
	w.listen(s, anyPort, func(_ context.Context, c net.Conn, _ listen.Info) { got <- c })
	w.swap(nil, s)
	client := dial(t, "tcp", w.address())
	server := <-got
	fmt.Fprintln(server, "later")
	if line := readLine(t, client); line != "later" {
		t.Errorf("got %q", line)
	}
	if _, ok := server.(syscall.Conn); !ok {
		t.Errorf("a %T hides its descriptor", server)
	}
	if n := w.reg.List()[0].Connections; n != 1 {
		t.Errorf("open: got %d, want 1", n)
	}
	server.Close()
	server.Close()
	if n := w.reg.List()[0].Connections; n != 0 {
		t.Errorf("closed: got %d, want 0", n)
	}
	label := metric.Label{Name: "service", Value: "c2s"}
	if open, all := m.Gauge("connections_open", "", label).Value(), m.Counter("connections_accepted", "", label).Value(); open != 0 || all != 1 {
		t.Errorf("metrics: got %d open, %d accepted", open, all)
	}
}

func TestPanicOfAHandler(t *testing.T) {
	reported := make(chan string, 1)
	w := newWorld(t, listen.RegistryOptions{OnPanic: func(scope string, v any, stack []byte) {
		reported <- fmt.Sprint(scope, " ", v, " ", strings.Contains(string(stack), "listen_test"))
	}})
	s := w.stage()
	w.listen(s, anyPort, func(context.Context, net.Conn, listen.Info) { panic("at the disco") })
	w.swap(nil, s)
	c := dial(t, "tcp", w.address())
	if got := <-reported; got != "c2s at the disco true" {
		t.Errorf("reported %q", got)
	}
	if got := ext.MeterOf(s).Total().Panics; got != 1 {
		t.Errorf("%d panics were counted", got)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the connection is not closed: %v", err)
	}
	eventually(t, "no connections", func() bool { return w.reg.List()[0].Connections == 0 })
}

func TestTwoServicesOneAddress(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	c2s, s2s := w.stage(), w.stage()
	w.listen(c2s, anyPort, says("c2s"))
	spec := anyPort
	spec.Address = w.address()
	w.listen(c2s, spec, says("c2s")) // twice by one module: as if once
	other := spec
	other.Service = "s2s"
	err := w.reg.Listen(s2s, other, says("s2s"))
	if want := "listen on " + spec.Address + ": address already in use by the service c2s"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// On a reload the port may move from one service to another.
	w.swap(nil, c2s)
	w.listen(s2s, other, says("s2s"))
	w.swap(nil, s2s)
	if got := readLine(t, dial(t, "tcp", spec.Address)); got != "c2s" {
		t.Errorf("both live: got %s", got)
	}
	w.close(c2s)
	if got := readLine(t, dial(t, "tcp", spec.Address)); got != "s2s" {
		t.Errorf("after the close: got %s", got)
	}
}

func TestStopAccepting(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	got := make(chan net.Conn, 1)
	w.listen(s, anyPort, func(_ context.Context, c net.Conn, _ listen.Info) { got <- c })
	w.swap(nil, s)
	address := w.address()
	client := dial(t, "tcp", address)
	server := <-got
	select {
	case <-w.reg.Stopping():
		t.Error("it stops before it is told")
	default:
	}
	w.reg.StopAccepting()
	select {
	case <-w.reg.Stopping():
	default:
		t.Error("Stopping is not closed")
	}
	w.reg.StopAccepting() // a second time is no harm
	if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v", err)
	}
	fmt.Fprintln(server, "still here")
	if line := readLine(t, client); line != "still here" {
		t.Errorf("got %q", line)
	}
	server.Close()
	if l := w.reg.List()[0]; l.Accepting {
		t.Errorf("listed as %+v", l)
	}
	if err := w.reg.Listen(w.stage(), anyPort, says("")); !errors.Is(err, listen.ErrStopped) {
		t.Errorf("listen: %v", err)
	}
}

func TestAnnounce(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	w.reg.Announce(s, listen.Listening{Service: "stun", Network: "udp", Address: "0.0.0.0:3478"})
	if all := w.reg.List(); len(all) != 1 || all[0].Service != "stun" || all[0].Since.IsZero() {
		t.Errorf("got %v", all)
	}
	w.close(s)
	if all := w.reg.List(); len(all) != 0 {
		t.Errorf("after close: %v", all)
	}
}

func TestFamiliesAreApart(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	s := w.stage()
	four, six := anyPort, anyPort
	four.Address = "*:0"
	w.listen(s, four, says("4"))
	_, port, _ := net.SplitHostPort(w.address())
	six.Address = "[::]:" + port
	if err := w.reg.Listen(s, six, says("6")); errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skip("no IPv6 here")
	} else if err != nil {
		t.Fatal(err)
	}
	w.swap(nil, s)
	for host, want := range map[string]string{"127.0.0.1": "4", "::1": "6"} {
		if got := readLine(t, dial(t, "tcp", net.JoinHostPort(host, port))); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

// The interface of a port changes between all and one, while the old socket is
// still needed.
func TestOverlap(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	all, one := w.stage(), w.stage()
	spec := anyPort
	spec.Address = "*:0"
	w.listen(all, spec, says("all"))
	_, port, _ := net.SplitHostPort(w.address())
	spec.Address = "127.0.0.1:" + port
	if err := w.reg.Listen(one, spec, says("one")); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("staged together: got %v", err)
	}
	w.swap(nil, all)
	w.listen(one, spec, says("one"))
	w.swap(all, one)
	w.close(all)
	if got := readLine(t, dial(t, "tcp", spec.Address)); got != "one" {
		t.Errorf("got %s", got)
	}
	// A second server may not join in.
	if ln, err := net.Listen("tcp4", spec.Address); err == nil {
		ln.Close()
		t.Error("somebody else could bind the address")
	}
	// And back.
	again := w.stage()
	spec.Address = "0.0.0.0:" + port
	w.listen(again, spec, says("all again"))
	w.swap(one, again)
	w.close(one)
	if got := readLine(t, dial(t, "tcp", "127.0.0.1:"+port)); got != "all again" {
		t.Errorf("got %s", got)
	}
}

// Connections come and go while scopes come and go and the list is read.
func TestHammer(t *testing.T) {
	w := newWorld(t, listen.RegistryOptions{})
	var stop atomic.Bool
	var others sync.WaitGroup
	first := w.stage()
	w.listen(first, anyPort, says("x"))
	w.swap(nil, first)
	spec := anyPort
	spec.Address, spec.MaxPerAddress, spec.Rate, spec.Burst = w.address(), 3, 1000, 1000
	for range 4 {
		others.Go(func() {
			for !stop.Load() {
				if c, err := net.Dial("tcp", spec.Address); err == nil {
					c.SetDeadline(time.Now().Add(5 * time.Second))
					if _, err := io.ReadAll(c); isTimeout(err) {
						t.Error("neither served nor refused")
					}
					c.Close()
				}
				w.reg.List()
			}
		})
	}
	old := first
	for range 200 {
		fresh := w.stage()
		w.listen(fresh, spec, says("x"))
		w.swap(old, fresh)
		go w.close(old)
		old = fresh
	}
	w.close(old) // unload: the socket goes, the clients see it
	stop.Store(true)
	others.Wait()
	eventually(t, "all is closed", func() bool { return len(w.reg.List()) == 0 })
}

func BenchmarkAccept(b *testing.B) {
	table, reg := ext.NewTable(), listen.NewRegistry(listen.RegistryOptions{Metrics: metric.New()})
	defer reg.StopAccepting()
	s := ext.NewScope(b.Context(), "c2s", table)
	spec := anyPort
	spec.MaxPerAddress, spec.Rate, spec.Burst = 1000, 1<<30, 1<<30
	if err := reg.Listen(s, spec, func(_ context.Context, c net.Conn, _ listen.Info) { c.Close() }); err != nil {
		b.Fatal(err)
	}
	if err := ext.Swap(table, []ext.Change{{New: s}}); err != nil {
		b.Fatal(err)
	}
	address := reg.List()[0].Address
	one := make([]byte, 1)
	for b.Loop() {
		c, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		_ = c.(*net.TCPConn).SetLinger(0)
		_, _ = c.Read(one)
		c.Close()
	}
	b.StopTimer()
	if err := s.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}
