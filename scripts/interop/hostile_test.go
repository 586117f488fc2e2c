// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
)

// hostile is the server that is attacked: strangers have eight seconds.
const hostile = everyday + `c2s_timeout = 8
c2s_close_timeout = 1
`

const (
	answered = time.Second // for a client that does nothing wrong
	growth   = 48 << 20    // bytes that the server may grow by beyond what everyday life costs, whatever is done to it
)

// witness is a client that does nothing wrong: it pings all the time, and it
// logs in anew.
type witness struct {
	s        *server
	base     int64
	stop     chan struct{}
	wg       sync.WaitGroup
	worst    atomic.Int64 // answer, in nanoseconds
	peak     atomic.Int64 // resident memory, in bytes
	failures chan string
}

func newWitness(t *testing.T, s *server) *witness {
	t.Helper()
	w := &witness{s: s, stop: make(chan struct{}), failures: make(chan string, 64)}
	c := s.login(t, "witness", "w")
	w.base = s.rss()
	w.wg.Go(func() { w.ping(c) })
	w.wg.Go(w.measure)
	t.Cleanup(func() { w.end(t) })
	return w
}

func (w *witness) ping(c *coretest.Client) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		id, begun := fmt.Sprint("w", n), time.Now()
		c.Send("<iq type='get' id='" + id + "' to='" + coretest.Domain + "'><ping xmlns='urn:xmpp:ping'/></iq>")
		for {
			e, err := c.Try(10 * time.Second)
			if err != nil {
				w.fail(fmt.Sprintf("the witness was not answered: %v", err))
				return
			}
			if e.Attr("id") == id {
				break
			}
		}
		took := time.Since(begun)
		w.worst.Store(max(w.worst.Load(), int64(took)))
		if took > answered {
			w.fail(fmt.Sprintf("the witness was answered after %v", took))
		}
	}
}

func (w *witness) measure() {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.peak.Store(max(w.peak.Load(), w.s.rss()))
		}
	}
}

func (w *witness) fail(text string) {
	select {
	case w.failures <- text:
	default:
	}
}

// check reports what went wrong since the last time.
func (w *witness) check(t *testing.T) {
	t.Helper()
	w.checkWithin(t, growth)
}

// checkWithin is check for a server that may grow by most bytes.
func (w *witness) checkWithin(t *testing.T, most int64) {
	t.Helper()
	for {
		select {
		case text := <-w.failures:
			t.Error(text)
		default:
			w.peak.Store(max(w.peak.Load(), w.s.rss()))
			if grown := w.peak.Load() - w.base; grown > most {
				t.Errorf("the server grew by %d MiB", grown>>20)
			}
			t.Logf("answers within %v; grown by %d MiB", time.Duration(w.worst.Swap(0)).Round(time.Millisecond), (w.peak.Swap(0)-w.base)>>20)
			return
		}
	}
}

func (w *witness) end(t *testing.T) {
	t.Helper()
	close(w.stop)
	w.wg.Wait()
	for line := range strings.Lines(w.s.log.String()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "goroutine ") || strings.Contains(line, "DATA RACE") {
			t.Errorf("in the log: %s", line)
		}
	}
}

func streamHeader(to, content, ns, version string) string {
	return fmt.Sprintf("<?xml version='1.0'?><stream:stream %s xmlns='%s' xmlns:stream='%s' %s>", to, content, ns, version)
}

const (
	nsStream = "http://etherx.jabber.org/streams"
	toUs     = "to='" + coretest.Domain + "'"
	v1       = "version='1.0'"
)

// words are attacks that consist of what is said: each ends its stream with
// one of the conditions.
var words = []struct {
	name string
	at   state
	say  string
	want string // of RFC 6120 section 4.9.3, alternatives by |
}{
	{"another protocol", connected, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not-well-formed|bad-format|invalid-xml"},
	{"binary junk", connected, strings.Repeat("\x00\xff\xfe\x01", 64), "not-well-formed|invalid-xml|bad-format|unsupported-encoding"},
	{"another encoding", connected, "<?xml version='1.0' encoding='ISO-8859-1'?>" + header[21:], "unsupported-encoding"},
	{"another stream namespace", connected, streamHeader(toUs, "jabber:client", "urn:wrong", v1), "invalid-namespace"},
	{"another content namespace", connected, streamHeader(toUs, "jabber:server", nsStream, v1), "invalid-namespace"},
	{"no addressee", connected, streamHeader("", "jabber:client", nsStream, v1), "improper-addressing|host-unknown"},
	{"a host that is not here", connected, streamHeader("to='elsewhere.example'", "jabber:client", nsStream, v1), "host-unknown"},
	{"an addressee that is no host", connected, streamHeader("to='a@b@c'", "jabber:client", nsStream, v1), "improper-addressing|host-unknown"},
	{"no version", connected, streamHeader(toUs, "jabber:client", nsStream, ""), "unsupported-version"},
	{"a header of 20 KB", connected, "<stream:stream xml:lang='" + strings.Repeat("x", 20_000), "policy-violation"},
	{"a document type", connected, "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 '&lol;&lol;'>]>" + header[21:], "restricted-xml|not-well-formed"},
	{"a document type in the stream", opened, "<!DOCTYPE lolz [<!ENTITY lol 'lol'>]><iq/>", "restricted-xml|not-well-formed"},
	{"tags that cross", opened, "<a><b></a></b>", "not-well-formed"},
	{"a comment", opened, "<!-- here -->", "restricted-xml"},
	{"a processing instruction", opened, "<?php system('id') ?>", "restricted-xml"},
	{"an entity", opened, "<a>&lol;</a>", "restricted-xml|not-well-formed"},
	{"a prefix without a namespace", opened, "<a:b/>", "bad-namespace-prefix|not-well-formed"},
	{"an attribute twice", opened, "<a b='1' b='2'/>", "not-well-formed"},
	{"text between stanzas", opened, "hello", "bad-format|not-well-formed|invalid-xml"},
	{"depth", opened, strings.Repeat("<a>", 1000), "policy-violation"},
	{"attributes", opened, "<a " + many(2000, " b%d=''") + "/>", "policy-violation"},
	{"children", opened, "<a>" + strings.Repeat("<b/>", 2400) + "</a>", "policy-violation"},
	{"size before authentication", opened, "<a>" + strings.Repeat("x", 20_000), "policy-violation"},
	{"a name that does not end", opened, "<" + strings.Repeat("x", 20_000), "policy-violation"},
	{"an attribute that does not end", opened, "<a b='" + strings.Repeat("x", 20_000), "policy-violation"},
	{"bytes that are not UTF-8", opened, "<a>\xc3\x28\xff</a>", "not-well-formed|unsupported-encoding|bad-format"},
	{"surrogates in UTF-8", opened, "<a>\xed\xa0\x80</a>", "not-well-formed|unsupported-encoding|bad-format"},
	{"a character that XML forbids", opened, "<a>&#0;</a>", "not-well-formed|restricted-xml"},
	{"a stanza of a stranger", opened, "<message to='witness@" + coretest.Domain + "'><body>x</body></message>", "not-authorized"},
	{"binding of a stranger", opened, "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "not-authorized"},
	{"an element that nobody knows", opened, "<a xmlns='urn:wrong'/>", "not-authorized|unsupported-stanza-type"},
	{"resumption of a stranger", opened, "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/><a xmlns='urn:wrong'/>", "not-authorized|unsupported-stanza-type"},
	{"starttls over TLS", opened, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ""},
	{"a stanza before binding", proved, "<message to='witness@" + coretest.Domain + "'><body>x</body></message>", "not-authorized"},
	{"presence before binding", proved, "<presence/>", "not-authorized"},
	{"a second authentication", proved, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>", "unsupported-stanza-type|not-authorized|policy-violation"},
	{"a forged sender", bound, "<message from='witness@" + coretest.Domain + "' to='witness@" + coretest.Domain + "'><body>x</body></message>", "invalid-from"},
	{"a forged sender of another host", bound, "<presence from='pope@vatican.example/x'/>", "invalid-from"},
	{"no stanza at all", bound, "<note xmlns='jabber:client'/>", "unsupported-stanza-type"},
	{"a stanza of another namespace", bound, "<message xmlns='jabber:server'/>", "invalid-namespace|unsupported-stanza-type"},
	{"size after authentication", bound, "<message><body>" + strings.Repeat("x", 300_000) + "</body></message>", "policy-violation"},
	{"depth after authentication", bound, "<message>" + strings.Repeat("<a xmlns='x'>", 2000), "policy-violation"},
	{"children after authentication", bound, "<message>" + strings.Repeat("<b/>", 30_000) + "</message>", "policy-violation"},
	{"an acknowledgement too many", bound, "<enable xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='4000000000'/>", "undefined-condition"},
}

func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// deeds are attacks that consist of what is done.
var deeds = []struct {
	name string
	do   func(t *testing.T, s *server)
}{
	{"garbage instead of SASL", garbageSASL},
	{"guesses", guesses},
	{"plaintext with starttls", plaintextWith},
	{"plaintext after starttls", plaintextAfter},
	{"TLS that is none", noTLS},
	{"closed early", closedEarly},
	{"silence before TLS", silence},
	{"one byte a second", slowly},
	{"a flood of junk", floodJunk},
	{"a flood of stanzas", floodStanzas},
	{"a flood of questions", floodQuestions},
	{"clients that do not read", deaf},
}

// TestHostile attacks a server, while a witness has to be answered within a
// second each time and the server grows by 48 MiB at most beyond what everyday
// life costs.
func TestHostile(t *testing.T) {
	s := newServer(t, hostile)
	w := newWitness(t, s)
	everydayLife(t, s)
	begun := w.base
	w.base = max(w.base, w.peak.Swap(0)) // what that costs is no attacker's
	t.Logf("everyday life: %d MiB above the beginning", (w.base-begun)>>20)
	for _, tt := range words {
		t.Run(tt.name, func(t *testing.T) {
			c := s.reach(t, tt.at, "mallory")
			send(c, tt.say)
			got := heard(t, c)
			if tt.want != "" && !regexp.MustCompile(`<(`+tt.want+`) xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>`).MatchString(got) {
				t.Errorf("got %s, want %s", tail(got, 500), tt.want)
			}
			if !strings.HasSuffix(got, "</stream:stream>") {
				t.Errorf("got %s, want the end of the stream", tail(got, 500))
			}
		})
	}
	w.check(t)
	for _, tt := range deeds {
		t.Run(tt.name, func(t *testing.T) {
			tt.do(t, s)
			w.check(t)
		})
	}
}

// everydayLife is two who talk, while a third gets it later.
func everydayLife(t *testing.T, s *server) {
	t.Helper()
	romeo, juliet := s.login(t, "romeo", "orchard"), s.login(t, "juliet", "balcony")
	s.addUser("nurse", coretest.Password("nurse"))
	juliet.Send("<presence/>")
	juliet.Next()
	say := func(to string, n int) {
		romeo.Send(fmt.Sprintf("<message to='%s@%s' type='chat' id='%d'><body>%s</body></message>", to, coretest.Domain, n, strings.Repeat("x", 400)))
	}
	for n := range 200 {
		for range 100 {
			say("juliet", n)
		}
		say("nurse", n)
		for range 100 {
			if e := juliet.Next(); e.Attr("id") != fmt.Sprint(n) {
				t.Fatalf("got %s, want message %d", e, n)
			}
		}
	}
	for _, c := range []*coretest.Client{romeo, juliet} {
		c.Send("</stream:stream>")
		c.Ended()
	}
}

// ended checks how the stream of an attacker has ended.
func ended(t *testing.T, got, condition string) {
	t.Helper()
	if !strings.Contains(got, "<"+condition+" ") || !strings.HasSuffix(got, "</stream:stream>") {
		t.Errorf("got %s, want %s", tail(got, 600), condition)
	}
}

func garbageSASL(t *testing.T, s *server) {
	for _, tt := range []struct{ say, want string }{
		{"<auth mechanism='PLAIN'>!!!!</auth>", "incorrect-encoding"},
		{"<auth mechanism='PLAIN'>AAAA</auth>", "malformed-request"},
		{"<auth mechanism='../../etc/passwd'>AAAA</auth>", "invalid-mechanism"},
		{"<auth/>", "invalid-mechanism"},
		{"<response>AAAA</response>", "malformed-request"},
		{"<abort/>", "aborted"},
		{"<auth mechanism='SCRAM-SHA-256'>" + base64.StdEncoding.EncodeToString([]byte("n,,n=mallory")) + "</auth>", "malformed-request"},
		{"<auth mechanism='SCRAM-SHA-256'>" + base64.StdEncoding.EncodeToString([]byte("n,a=witness,n=mallory,r=abcdef")) + "</auth>", "invalid-authzid"},
		{"<auth mechanism='PLAIN'>" + base64.StdEncoding.EncodeToString([]byte("witness@"+coretest.Domain+"\x00mallory\x00"+coretest.Password("mallory"))) + "</auth>", "invalid-authzid"},
		{"<auth mechanism='PLAIN'>" + base64.StdEncoding.EncodeToString([]byte("\x00\n2026 info\x00x")) + "</auth>", "not-authorized|malformed-request"},
	} {
		c := s.reach(t, opened, "")
		at := strings.IndexAny(tt.say, " />") // behind the name
		send(c, tt.say[:at]+" xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"+tt.say[at:])
		got := until(t, c, "</failure>")
		if !regexp.MustCompile("<(" + tt.want + ")[ />]").MatchString(got) {
			t.Errorf("%s: got %s, want %s", tt.say, got, tt.want)
		}
		send(c, "</stream:stream>")
		heard(t, c)
	}
}

func guesses(t *testing.T, s *server) {
	c := s.reach(t, opened, "")
	for n := range 20 {
		send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"+
			base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\x00witness\x00guess%d", n))+"</auth>")
	}
	got := heard(t, c)
	ended(t, got, "policy-violation")
	if n := strings.Count(got, "<failure"); n < 2 || n > 5 {
		t.Errorf("%d guesses were answered, want 2 to 5 (RFC 6120 section 6.4.5)", n)
	}
}

const starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

func plaintextWith(t *testing.T, s *server) {
	c := s.raw(t)
	send(c, header)
	until(t, c, "</stream:features>")
	send(c, starttls+"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
	if got := heard(t, c); strings.Contains(got, "failure") || strings.Contains(got, "<stream:error") {
		t.Errorf("what came behind starttls was read: %s", got)
	}
}

func plaintextAfter(t *testing.T, s *server) {
	c := s.raw(t)
	send(c, header)
	until(t, c, "</stream:features>")
	send(c, starttls)
	until(t, c, "<proceed")
	send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
	if got := heard(t, c); strings.Contains(got, "<") {
		t.Errorf("what came before the handshake was read: %s", got)
	}
}

func noTLS(t *testing.T, s *server) {
	for _, say := range []string{header, "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", strings.Repeat("\x80", 70_000)} {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.tls))
		if err != nil {
			t.Fatal(err)
		}
		send(c, say)
		if got := heard(t, c); strings.Contains(got, "<") {
			t.Errorf("the server speaks in clear: %q", got)
		}
		_ = c.Close() // it was over
	}
}

// closedEarly hangs up at each step, in order and by a reset.
func closedEarly(t *testing.T, s *server) {
	for n := range 200 {
		c := s.raw(t).(*net.TCPConn)
		switch n % 4 {
		case 1:
			send(c, header[:n%len(header)])
		case 2:
			send(c, header+starttls)
		case 3:
			send(c, header)
			send(c, starttls)
			send(c, "\x16\x03\x01\x02\x00\x01")
		}
		if n%2 == 0 {
			_ = c.SetLinger(0) // reset
		}
		_ = c.Close() // that is the attack
	}
	for _, at := range []state{connected, opened, proved, bound} {
		for range 5 {
			_ = s.reach(t, at, "mallory").Close() // that is the attack
		}
	}
}

// newcomer logs in within a second, whatever else goes on.
func newcomer(t *testing.T, s *server) {
	t.Helper()
	s.addUser("newcomer", coretest.Password("newcomer"))
	begun := time.Now()
	c := s.login(t, "newcomer", "n")
	if took := time.Since(begun); took > answered {
		t.Errorf("a newcomer waited for %v", took.Round(time.Millisecond))
	}
	c.Send("</stream:stream>")
	c.Ended()
}

// silence is 2,000 connections that do not begin, on both ports.
func silence(t *testing.T, s *server) {
	var all []net.Conn
	for n := range 2000 {
		port := []int{s.plain, s.tls}[n%2]
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if port == s.tls && n%4 == 1 {
			send(c, "\x16\x03\x01\x02") // the beginning of a hello
		}
		all = append(all, c)
	}
	newcomer(t, s)
	begun := time.Now()
	for _, c := range all {
		heard(t, c)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("they were let go after %v", took)
	}
}

// slowly is clients that send their header byte by byte, slower than their
// time allows.
func slowly(t *testing.T, s *server) {
	var wg sync.WaitGroup
	for n := range 100 {
		wg.Go(func() {
			var c net.Conn
			var err error
			if n%2 == 0 {
				c, err = s.tryDial()
			} else {
				c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.plain))
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			over := make(chan string)
			go func() { over <- heard(t, c) }()
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case got := <-over:
					if got != "" { // else it has not even begun
						ended(t, got, "connection-timeout")
					}
					return
				case <-tick.C:
					_, _ = c.Write([]byte{header[i%len(header)]}) // it may have hung up
				}
			}
		})
	}
	newcomer(t, s)
	wg.Wait()
}

// pour writes at 10 MB/s for a while, or until the server hangs up.
func pour(c net.Conn, piece []byte, d time.Duration) (n int) {
	const rate = 10_000_000
	begun := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	_ = c.SetWriteDeadline(begun.Add(d)) // the attack is over then
	for range tick.C {
		for due := int(time.Since(begun).Seconds() * rate); n < due; {
			k, err := c.Write(piece)
			n += k
			if err != nil {
				return n
			}
		}
		if time.Since(begun) > d {
			return n
		}
	}
	return n
}

// flooding is how long floods last.
func flooding() time.Duration {
	if long() {
		return 30 * time.Second
	}
	return 2 * time.Second
}

func floodJunk(t *testing.T, s *server) {
	for name, piece := range map[string]string{
		"spaces": strings.Repeat(" ", 16<<10), "markup": strings.Repeat("<a><b c='d'>", 1<<10), "bytes": strings.Repeat("\xff\x00<>&", 4<<10),
	} {
		end := time.Now().Add(flooding())
		total := 0
		for time.Now().Before(end) {
			c := s.raw(t)
			send(c, header)
			go io.Copy(io.Discard, c)
			total += pour(c, []byte(piece), time.Until(end))
			_ = c.Close() // the next one comes
		}
		t.Logf("%s: %d bytes", name, total)
	}
	newcomer(t, s)
}

// floodStanzas has clients send messages to each other, to who is not there,
// and to who is not.
func floodStanzas(t *testing.T, s *server) {
	s.addUser("absent", coretest.Password("absent"))
	var wg sync.WaitGroup
	for _, to := range []string{"", "absent@" + coretest.Domain, "nobody@" + coretest.Domain, "x@elsewhere.example"} {
		c := s.reach(t, bound, "mallory")
		if to == "" {
			to = "mallory@" + coretest.Domain
			send(c, "<presence/>")
		}
		go io.Copy(io.Discard, c)
		piece := []byte(strings.Repeat("<message to='"+to+"' type='chat'><body>"+strings.Repeat("x", 400)+"</body></message>", 32))
		wg.Go(func() {
			n := pour(c, piece, flooding())
			t.Logf("to %s: %d bytes", to, n)
			_ = c.Close() // the flood is over
		})
	}
	newcomer(t, s)
	wg.Wait()
}

// floodQuestions has clients ask without reading the answers.
func floodQuestions(t *testing.T, s *server) {
	var wg sync.WaitGroup
	for _, ask := range []string{
		"<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='jabber:iq:roster'/>",
		"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<nothing xmlns='urn:wrong'/>",
	} {
		c := s.reach(t, bound, "mallory")
		to := coretest.Domain
		if strings.Contains(ask, "roster") {
			to = "mallory@" + to
		}
		piece := []byte(strings.Repeat("<iq type='get' id='q' to='"+to+"'>"+ask+"</iq>", 128))
		wg.Go(func() {
			n := pour(c, piece, flooding())
			t.Logf("%s: %d bytes", ask, n)
			_ = c.Close() // the flood is over
		})
	}
	newcomer(t, s)
	wg.Wait()
}

// deaf is clients that never read, with stream management and without, while
// another sends them 100 MB.
func deaf(t *testing.T, s *server) {
	from := s.login(t, "talker", "t")
	var to []string
	for n := range 20 {
		user := fmt.Sprint("deaf", n)
		c := s.reach(t, bound, user)
		_ = c.(*tls.Conn).NetConn().(*net.TCPConn).SetReadBuffer(4096) // what is not taken here waits there
		if n%2 == 0 {
			send(c, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		}
		send(c, "<presence/>")
		to = append(to, user)
	}
	body := strings.Repeat("x", 10_000)
	for n := range 10_000 {
		kind := "headline"
		if n < 1500 { // these are kept for whoever did not get them
			kind = "chat"
		}
		from.Send(fmt.Sprintf("<message to='%s@%s' type='%s' id='%d'><body>%s</body></message>", to[n%len(to)], coretest.Domain, kind, n, body))
	}
	from.Send("<iq type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		if e := from.Next(); e.Attr("id") == "last" {
			break
		}
	}
	newcomer(t, s)
}
