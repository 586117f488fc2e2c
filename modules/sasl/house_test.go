// SPDX-License-Identifier: Apache-2.0

package sasl_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core/auth"
	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/storage"
	"tercet/core/stream"
	"tercet/core/transport"
	"tercet/modules/auth/accounts"
	"tercet/modules/sasl"
	"tercet/modules/sasl/plain"
	"tercet/modules/sasl/scram"
	"tercet/modules/storage/memory"
)

const (
	domain   = coretest.Domain
	password = "soft, what light"
)

// A house is the part of a server that authenticates: real modules, streams
// and TLS, without listeners.
type house struct {
	t    testing.TB
	env  *module.Env
	log  *lines
	cert tls.Certificate
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newHouse(tb testing.TB, lua string) *house {
	tb.Helper()
	h := &house{t: tb, log: new(lines), cert: certificate(tb)}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	h.env = &module.Env{
		Router: route.NewRouter(log), Log: log, Started: time.Now(),
		Storage: new(module.Stores), Streams: stream.NewGroup(ctx),
	}
	h.env.Storage.Register(func() (storage.Driver, error) { return memory.New(), nil }, "memory")
	h.env.Manager = module.NewManager(h.env, module.NewCatalogue([]module.Definition{
		sasl.Module, scram.Module, plain.Module, accounts.Module, accounts.Plain,
	}))
	tb.Cleanup(func() {
		stop, done := context.WithTimeout(context.Background(), 10*time.Second)
		defer done()
		if err := h.env.Streams.Stop(stop, stream.Fail(stream.SystemShutdown, "")); err != nil {
			tb.Error(err)
		}
		h.env.Manager.Close(stop)
		cancel()
	})
	h.use(lua)
	for _, user := range []string{"romeo", "juliet"} {
		if accounts := h.accounts(); accounts != nil {
			if err := accounts.Create(tb.Context(), user, password); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return h
}

// use loads a config, or another one.
func (h *house) use(lua string) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "tercet.cfg.lua")
	text := "storage = \"memory\"\ndefault_iteration_count = 4096\n" + lua + "\nVirtualHost \"" + domain + "\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	c, err := luacfg.Load(file)
	if err != nil {
		h.t.Fatal(err)
	}
	plan, err := h.env.Manager.Apply(h.t.Context(), c)
	if err != nil {
		h.t.Fatal(err, plan.Problems)
	}
	for _, p := range plan.Problems {
		h.t.Log(p)
	}
	h.env.Use(c)
}

func problems(t *testing.T, lua string) []config.Problem {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tercet.cfg.lua")
	if err := os.WriteFile(file, []byte(lua+"\nVirtualHost \""+domain+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := luacfg.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return module.Check(module.NewCatalogue([]module.Definition{sasl.Module, scram.Module, plain.Module, accounts.Module, accounts.Plain}), c)
}

func (h *house) host() *route.Host { return h.env.Router.Host(domain) }

func (h *house) accounts() auth.Provider {
	h.t.Helper()
	p := h.host().Table.Enter()
	defer p.Leave()
	a, _ := auth.Accounts.In(p)
	return a
}

// attach adds to the host what a module would.
func (h *house) attach(fn func(*ext.Scope)) {
	h.t.Helper()
	s := ext.NewScope(h.t.Context(), "a test", h.host().Table)
	fn(s)
	if err := ext.Swap(h.host().Table, []ext.Change{{New: s}}); err != nil {
		h.t.Fatal(err)
	}
}

func certificate(tb testing.TB) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A visitor is one client stream.
type visitor struct {
	*coretest.Client
	t        testing.TB
	tls      *tls.Conn // nil in clear
	features element.Element
}

// visit opens a stream from an address, over TLS of that version, or in clear
// if it is 0.
func (h *house) visit(version uint16, addr string) *visitor {
	h.t.Helper()
	ours, theirs := pipe(h.t)
	remote := netip.AddrPortFrom(netip.MustParseAddr(addr), 40000)
	st := stream.New(transport.New(theirs, transport.Options{Limit: 1 << 20, SendTimeout: time.Minute}), remote, &stream.Options{
		Kind: "c2s", Content: element.NSClient, Negotiation: time.Minute, Log: h.env.Log,
		Limits: element.Limits{Bytes: 10_000, Depth: 16, Attrs: 32, Children: 256}, Authed: element.DefaultLimits,
		Open: func(st *stream.Stream, _ element.Header) error {
			st.Enter(h.host().Name, h.host().Table)
			return nil
		},
	})
	v := &visitor{t: h.t}
	if version == 0 {
		h.env.Streams.Start(st, nil)
		v.Client = coretest.NewClient(h.t, ours, domain)
	} else {
		h.env.Streams.Start(st, &tls.Config{Certificates: []tls.Certificate{h.cert}, MinVersion: version, MaxVersion: version})
		v.tls = tls.Client(ours, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if err := v.tls.HandshakeContext(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
		v.Client = coretest.NewClient(h.t, v.tls, domain)
	}
	v.features = v.Open()
	return v
}

// pipe is a pair of TCP connections: net.Pipe would wait for the peer to read.
func pipe(tb testing.TB) (client, server net.Conn) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }() // no longer needed
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		tb.Fatal(err)
	}
	return client, server
}

const nsSASL = "urn:ietf:params:xml:ns:xmpp-sasl"

func (v *visitor) mechanisms() (names []string) {
	for e := range v.features.Child(nsSASL, "mechanisms").Children() {
		names = append(names, e.Text())
	}
	return names
}

func (v *visitor) bindings() (kinds []string) {
	for e := range v.features.Child("urn:xmpp:sasl-cb:0", "sasl-channel-binding").Children() {
		kinds = append(kinds, e.Attr("type"))
	}
	return kinds
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func authXML(mechanism, initial string) string {
	return "<auth xmlns='" + nsSASL + "' mechanism='" + mechanism + "'>" + initial + "</auth>"
}

func responseXML(body string) string {
	return "<response xmlns='" + nsSASL + "'>" + body + "</response>"
}

// gets is the name of the next element; of a failure its condition.
func (v *visitor) gets() (name, text string) {
	v.t.Helper()
	e, err := v.Try(10 * time.Second)
	switch {
	case err != nil:
		return "end", ""
	case e.Is(element.NSStream, "error"):
		return "stream error " + e.First().Local(), e.ChildText("urn:ietf:params:xml:ns:xmpp-streams", "text")
	case e.Space() != nsSASL:
		return e.Local(), e.Text()
	case e.Local() == "failure":
		return e.First().Local(), e.ChildText(nsSASL, "text")
	}
	if e.Text() == "" || e.Text() == "=" {
		return e.Local(), e.Text()
	}
	b, err := base64.StdEncoding.DecodeString(e.Text())
	if err != nil {
		v.t.Errorf("%s is not base64: %v", e, err)
	}
	return e.Local(), string(b)
}

func (v *visitor) want(names ...string) {
	v.t.Helper()
	for _, want := range names {
		if got, text := v.gets(); got != want {
			v.t.Fatalf("got %s %q, want %s", got, text, want)
		}
	}
}

// plain tries PLAIN.
func (v *visitor) plain(user, password string) {
	v.Send(authXML("PLAIN", b64("\x00"+user+"\x00"+password)))
}
