// SPDX-License-Identifier: Apache-2.0

package sasl_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	xdg "github.com/xdg-go/scram"

	"tercet/core/auth"
	"tercet/core/ext"
)

var (
	scrams = []string{"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"}
	plus   = []string{"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"}
	hashes = map[string]func() hash.Hash{"SCRAM-SHA-512": sha512.New, "SCRAM-SHA-256": sha256.New, "SCRAM-SHA-1": sha1.New}
)

// What is offered, on which channel (XEP-0440 too): only what would pass.
func TestFeatures(t *testing.T) {
	all := slices.Concat(plus, scrams, []string{"PLAIN"})
	for _, c := range []struct {
		name, lua string
		version   uint16
		want      []string
		bindings  []string
	}{
		{"TLS 1.3", "", tls.VersionTLS13, all, []string{"tls-exporter", "tls-server-end-point"}},
		{"TLS 1.2", "", tls.VersionTLS12, all, []string{"tls-exporter", "tls-unique", "tls-server-end-point"}},
		{"in clear", "", 0, nil, nil},
		{"in clear, allowed", "c2s_require_encryption = false", 0, scrams, nil},
		{"in clear, by the older name", "require_encryption = false", 0, scrams, nil},
		{"PLAIN in clear", "c2s_require_encryption = false; allow_unencrypted_plain_auth = true", 0, append(slices.Clone(scrams), "PLAIN"), nil},
		{"others insecure", `c2s_require_encryption = false; insecure_sasl_mechanisms = { "SCRAM-SHA-1", "PLAIN" }`, 0, []string{"SCRAM-SHA-512", "SCRAM-SHA-256"}, nil},
		{"insecure ones over TLS", `insecure_sasl_mechanisms = { "SCRAM-SHA-1" }`, tls.VersionTLS13, all, []string{"tls-exporter", "tls-server-end-point"}},
		{"disabled", `disable_sasl_mechanisms = { "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS" }`, tls.VersionTLS13, []string{"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256"}, []string{"tls-exporter", "tls-server-end-point"}},
		{"no binding left", `disable_sasl_mechanisms = { "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS" }`, tls.VersionTLS13, append(slices.Clone(scrams), "PLAIN"), nil},
		{"one hash", `password_hash = "SHA-256"`, tls.VersionTLS13, []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"}, []string{"tls-exporter", "tls-server-end-point"}},
		{"without the module scram", `modules_disabled = { "scram" }`, tls.VersionTLS13, []string{"PLAIN"}, nil},
		{"internal_plain", `authentication = "internal_plain"`, tls.VersionTLS13, all, []string{"tls-exporter", "tls-server-end-point"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newHouse(t, c.lua).visit(c.version, "192.0.2.1")
			if got := v.mechanisms(); !slices.Equal(got, c.want) {
				t.Errorf("mechanisms %v, want %v", got, c.want)
			}
			if got := v.bindings(); !slices.Equal(got, c.bindings) {
				t.Errorf("bindings %v, want %v", got, c.bindings)
			}
		})
	}
}

// binding is the client's side of a channel binding.
func (v *visitor) binding(kind string) xdg.ChannelBinding {
	v.t.Helper()
	s := v.tls.ConnectionState()
	b := xdg.NewTLSUniqueBinding(s.TLSUnique)
	var err error
	switch kind {
	case "tls-exporter": // RFC 9266: a context of no bytes
		b.Type = xdg.ChannelBindingTLSExporter
		b.Data, err = s.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	case "tls-server-end-point":
		b, err = xdg.NewTLSServerEndpointBinding(&s)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return b
}

// scram logs romeo in by a client that we did not write, and returns the server's
// first message.
func (v *visitor) scram(mechanism, kind string) (first, outcome string) {
	v.t.Helper()
	client, err := xdg.HashGeneratorFcn(hashes[strings.TrimSuffix(mechanism, "-PLUS")]).NewClient("romeo", password, "")
	if err != nil {
		v.t.Fatal(err)
	}
	conv := client.NewConversation()
	switch kind {
	case "":
	case "y":
		conv = client.NewConversationAdvertisingChannelBinding()
	default:
		conv = client.NewConversationWithChannelBinding(v.binding(kind))
	}
	msg, err := conv.Step("")
	if err != nil {
		v.t.Fatal(err)
	}
	v.Send(authXML(mechanism, b64(msg)))
	outcome, first = v.gets()
	if outcome != "challenge" {
		return first, outcome
	}
	if msg, err = conv.Step(first); err != nil {
		v.t.Fatal(err)
	}
	v.Send(responseXML(b64(msg)))
	outcome, last := v.gets()
	if outcome == "success" {
		if _, err := conv.Step(last); err != nil || !conv.Valid() {
			v.t.Errorf("the server has not proved that it knows the password: %v", err)
		}
	}
	return first, outcome
}

// Each mechanism with each type of binding that each version of TLS has.
func TestScram(t *testing.T) {
	h := newHouse(t, "c2s_require_encryption = false")
	for _, c := range []struct {
		version uint16
		kinds   []string
	}{
		{0, nil},
		{tls.VersionTLS12, []string{"tls-exporter", "tls-unique", "tls-server-end-point"}},
		{tls.VersionTLS13, []string{"tls-exporter", "tls-server-end-point"}},
	} {
		for _, name := range scrams {
			for _, kind := range append([]string{""}, c.kinds...) {
				mechanism := name
				if kind != "" {
					mechanism += "-PLUS"
				}
				t.Run(fmt.Sprintf("%s %s over %s", mechanism, kind, tls.VersionName(c.version)), func(t *testing.T) {
					v := h.visit(c.version, "192.0.2.1")
					v.t = t
					first, outcome := v.scram(mechanism, kind)
					if outcome != "success" {
						t.Fatalf("got %s %s", outcome, first)
					}
					if want := v.protection(name); !strings.HasSuffix(first, want) {
						t.Errorf("server-first-message %s, want %s at its end", first, want)
					}
					if f := v.Open(); !f.Child(nsSASL, "mechanisms").IsZero() {
						t.Errorf("still offered: %s", f)
					}
				})
			}
		}
	}
}

// protection is the attribute of XEP-0474 5.1 for what this client has seen.
func (v *visitor) protection(mechanism string) string {
	offered := strings.Join(slices.Sorted(slices.Values(v.mechanisms())), "\x1e")
	if kinds := v.bindings(); len(kinds) > 0 {
		offered += "\x1f" + strings.Join(slices.Sorted(slices.Values(kinds)), "\x1e")
	}
	sum := hashes[mechanism]()
	sum.Write([]byte(offered))
	return ",h=" + base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// Where no mechanism binds to the channel, nothing is said of bindings, and a
// client that can do it says "y" with reason.
func TestWithoutPlus(t *testing.T) {
	h := newHouse(t, `disable_sasl_mechanisms = { "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS" }`)
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	first, outcome := v.scram("SCRAM-SHA-256", "y")
	if want := v.protection("SCRAM-SHA-256"); outcome != "success" || !strings.HasSuffix(first, want) {
		t.Errorf("%s after %s, want %s at its end", outcome, first, want)
	}
	v = h.visit(tls.VersionTLS13, "192.0.2.1")
	v.Send(authXML("SCRAM-SHA-256-PLUS", b64("p=tls-exporter,,n=romeo,r=abc")))
	v.want("invalid-mechanism")
}

// slixmpp 1.8 claims tls-unique on TLS 1.3, then "y": each is refused in a way
// in which it may go on, and "n" passes.
func TestMistakenClient(t *testing.T) {
	h := newHouse(t, "")
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	for _, mechanism := range plus {
		v.Send(authXML(mechanism, b64("p=tls-unique,,n=romeo,r=abc")))
		v.want("invalid-mechanism")
	}
	for _, mechanism := range scrams {
		if _, outcome := v.scram(mechanism, "y"); outcome != "mechanism-too-weak" {
			t.Fatalf("y: %s", outcome)
		}
	}
	if _, outcome := v.scram("SCRAM-SHA-256", ""); outcome != "success" {
		t.Fatalf("n: %s", outcome)
	}
	for _, part := range []string{"remote=192.0.2.1", "binding=tls-unique", `channel_binding_downgrade = \"allow\"`} {
		if !strings.Contains(h.log.String(), part) {
			t.Errorf("log lacks %s", part)
		}
	}

	h = newHouse(t, `channel_binding_downgrade = "allow"`)
	if _, outcome := h.visit(tls.VersionTLS13, "192.0.2.1").scram("SCRAM-SHA-1", "y"); outcome != "success" {
		t.Errorf("y where it is allowed: %s", outcome)
	}
}

// Somebody between client and server has a channel of his own to each.
func TestBoundElsewhere(t *testing.T) {
	h := newHouse(t, "")
	for _, kind := range []string{"tls-exporter", "tls-server-end-point"} {
		v, other := h.visit(tls.VersionTLS13, "192.0.2.1"), newHouse(t, "").visit(tls.VersionTLS13, "192.0.2.1")
		v.tls = other.tls // of which the client takes its binding
		if _, outcome := v.scram("SCRAM-SHA-256-PLUS", kind); outcome != "not-authorized" {
			t.Errorf("%s: %s", kind, outcome)
		}
	}
}

func TestPlain(t *testing.T) {
	h := newHouse(t, "")
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	v.plain("romeo", "wrong")
	v.want("not-authorized")
	v.plain("nobody", password)
	v.want("not-authorized")
	v.Send(authXML("PLAIN", ""))
	v.want("challenge")
	v.Send(responseXML(b64("romeo@" + domain + "\x00romeo\x00" + password)))
	v.want("success")
	v.Open()
	v.plain("juliet", password) // RFC 6120 6.4.6: it is over
	v.want("stream error unsupported-stanza-type")
}

// What is neither base64 nor what the mechanism wants (RFC 6120 6.5).
func TestMalformed(t *testing.T) {
	good := b64("\x00romeo\x00" + password)
	for _, c := range []struct {
		name string
		send []string
		want []string
	}{
		{"no mechanism", []string{"<auth xmlns='" + nsSASL + "'>" + good + "</auth>"}, []string{"invalid-mechanism"}},
		{"unknown mechanism", []string{authXML("GSSAPI", good)}, []string{"invalid-mechanism"}},
		{"mechanism in lower case", []string{authXML("plain", good)}, []string{"invalid-mechanism"}},
		{"not base64", []string{authXML("PLAIN", "!!!!")}, []string{"incorrect-encoding"}},
		{"padding missing", []string{authXML("PLAIN", strings.TrimRight(b64("\x00a\x00b"), "=")+"=A")}, []string{"incorrect-encoding"}},
		{"loose bits", []string{authXML("PLAIN", "AB==")}, []string{"incorrect-encoding"}},
		{"line end", []string{authXML("PLAIN", good[:8]+"\n"+good[8:])}, []string{"incorrect-encoding"}},
		{"space", []string{authXML("PLAIN", " "+good)}, []string{"incorrect-encoding"}},
		{"empty initial response", []string{authXML("PLAIN", "=")}, []string{"malformed-request"}},
		{"child", []string{authXML("PLAIN", "<x/>"+good)}, []string{"malformed-request"}},
		{"three NULs", []string{authXML("PLAIN", b64("\x00romeo\x00"+password+"\x00"))}, []string{"malformed-request"}},
		{"response first", []string{responseXML(good)}, []string{"malformed-request"}},
		{"response with a child", []string{authXML("PLAIN", ""), responseXML("<x/>")}, []string{"challenge", "malformed-request"}},
		{"response not base64", []string{authXML("PLAIN", ""), responseXML("?")}, []string{"challenge", "incorrect-encoding"}},
		{"empty response", []string{authXML("PLAIN", ""), responseXML("")}, []string{"challenge", "malformed-request"}},
		{"abort first", []string{"<abort xmlns='" + nsSASL + "'/>"}, []string{"aborted"}},
		{"abort", []string{authXML("PLAIN", ""), "<abort xmlns='" + nsSASL + "'/>", responseXML(good)}, []string{"challenge", "aborted", "malformed-request"}},
		{"response after failure", []string{authXML("PLAIN", b64("\x00romeo\x00x")), responseXML(good)}, []string{"not-authorized", "malformed-request"}},
		{"another begun", []string{authXML("SCRAM-SHA-1", b64("n,,n=romeo,r=abc")), authXML("PLAIN", good)}, []string{"challenge", "success"}},
		{"foreign authzid", []string{authXML("PLAIN", b64("juliet@"+domain+"\x00romeo\x00"+password))}, []string{"invalid-authzid"}},
		{"foreign authzid in SCRAM", []string{authXML("SCRAM-SHA-1", b64("n,a=juliet,n=romeo,r=abc"))}, []string{"invalid-authzid"}},
		{"garbage in SCRAM", []string{authXML("SCRAM-SHA-1", b64("\x00\xff"))}, []string{"malformed-request"}},
		{"success from a client", []string{"<success xmlns='" + nsSASL + "'/>"}, []string{"stream error not-authorized"}},
		{"auth of another namespace", []string{"<auth xmlns='urn:xmpp:sasl:9' mechanism='PLAIN'>" + good + "</auth>"}, []string{"stream error not-authorized"}},
		{"stanza before", []string{"<message to='juliet@" + domain + "'><body>x</body></message>"}, []string{"stream error not-authorized"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newHouse(t, "").visit(tls.VersionTLS13, "192.0.2.1")
			v.t = t
			for _, s := range c.send {
				v.Send(s)
			}
			v.want(c.want...)
			if last := c.want[len(c.want)-1]; strings.HasPrefix(last, "stream error") || last == "success" {
				return
			}
			v.Send(authXML("PLAIN", good)) // the stream is as good as before
			v.want("success")
		})
	}
}

func TestUnsecured(t *testing.T) {
	for _, c := range []struct{ lua, mechanism, want string }{
		{"", "PLAIN", "encryption-required"},
		{"", "SCRAM-SHA-1", "encryption-required"},
		{"", "GSSAPI", "encryption-required"},
		{"c2s_require_encryption = false", "PLAIN", "encryption-required"},
		{"c2s_require_encryption = false", "GSSAPI", "invalid-mechanism"},
		{"c2s_require_encryption = false", "SCRAM-SHA-1-PLUS", "invalid-mechanism"},
		{`c2s_require_encryption = false; disable_sasl_mechanisms = { "PLAIN" }`, "PLAIN", "invalid-mechanism"},
		{"c2s_require_encryption = false; allow_unencrypted_plain_auth = true", "PLAIN", "success"},
	} {
		v := newHouse(t, c.lua).visit(0, "192.0.2.1")
		v.Send(authXML(c.mechanism, b64("\x00romeo\x00"+password)))
		if got, _ := v.gets(); got != c.want {
			t.Errorf("%s with %q: got %s, want %s", c.mechanism, c.lua, got, c.want)
		}
	}
}

func TestDisabledMechanism(t *testing.T) {
	v := newHouse(t, `disable_sasl_mechanisms = { "PLAIN" }`).visit(tls.VersionTLS13, "192.0.2.1")
	v.plain("romeo", password)
	v.want("invalid-mechanism")
}

// A stream may fail three times; whatever it begins, it may do so a dozen times.
func TestStreamLimit(t *testing.T) {
	h := newHouse(t, "")
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	for range 2 {
		v.plain("romeo", "wrong")
		v.want("not-authorized")
	}
	v.Send(authXML("PLAIN", b64("\x00romeo\x00wrong")) + authXML("PLAIN", b64("\x00romeo\x00"+password)))
	v.want("not-authorized", "stream error policy-violation")

	for _, s := range []string{authXML("GSSAPI", ""), "<abort xmlns='" + nsSASL + "'/>"} {
		v = h.visit(tls.VersionTLS13, "192.0.2.1")
		n := 0
		for ; n < 100; n++ {
			v.Send(s)
			if got, _ := v.gets(); strings.HasPrefix(got, "stream error") {
				break
			}
		}
		if n != 12 {
			t.Errorf("%s: ended after %d", s, n)
		}
	}
}

func TestAddressLimit(t *testing.T) {
	h := newHouse(t, `c2s_max_auth_failures = 4; c2s_auth_ban_lifetime = "1 hour"; auth_limit_allow = { "198.51.100.0/24", "2001:db8::7" }`)
	fail := func(addr string, n int) *visitor {
		v := h.visit(tls.VersionTLS13, addr)
		for range n {
			v.plain("romeo", "wrong")
			v.want("not-authorized")
		}
		return v
	}
	early := h.visit(tls.VersionTLS13, "::ffff:127.0.0.1")
	fail("127.0.0.1", 2)
	v := fail("127.0.0.1", 2)
	v.want("stream error policy-violation")
	v = h.visit(tls.VersionTLS13, "127.0.0.1")
	v.plain("romeo", password) // even with the right one
	if got, text := v.gets(); got != "stream error policy-violation" || !strings.Contains(text, "too many failed logins from this address") {
		t.Errorf("got %s %q", got, text)
	}
	early.plain("romeo", password) // from a stream that was there before
	early.want("stream error policy-violation")
	v = h.visit(tls.VersionTLS13, "192.0.2.9")
	v.plain("romeo", password)
	v.want("success")

	for range 5 { // those who are on the list
		fail("198.51.100.3", 2)
		fail("2001:db8::7", 2)
	}
	for _, addr := range []string{"198.51.100.3", "2001:db8::7"} {
		v = h.visit(tls.VersionTLS13, addr)
		v.plain("romeo", password)
		v.want("success")
	}
	h.use(`c2s_max_auth_failures = 4; c2s_auth_ban_lifetime = "2 hours"`) // a reload forgives nothing
	v = h.visit(tls.VersionTLS13, "127.0.0.1")
	v.plain("romeo", password)
	v.want("stream error policy-violation")
	h.use("c2s_max_auth_failures = 0")
	v = h.visit(tls.VersionTLS13, "127.0.0.1")
	v.plain("romeo", password)
	v.want("success")
}

// A client that cannot do what is offered is no attacker.
func TestNoBanForMistakes(t *testing.T) {
	h := newHouse(t, "c2s_max_auth_failures = 1")
	for range 3 {
		v := h.visit(tls.VersionTLS13, "192.0.2.1")
		v.Send(authXML("SCRAM-SHA-1-PLUS", b64("p=tls-unique,,n=romeo,r=abc")))
		v.want("invalid-mechanism")
		v.Send(authXML("SCRAM-SHA-1", b64("y,,n=romeo,r=abc")))
		v.want("mechanism-too-weak")
		v.Send(authXML("PLAIN", "!"))
		v.want("incorrect-encoding")
	}
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	v.plain("romeo", password)
	v.want("success")
}

// What comes behind the last message of SASL belongs to the new stream.
func TestPipelined(t *testing.T) {
	h := newHouse(t, "")
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	v.Send(authXML("PLAIN", b64("\x00romeo\x00"+password)) +
		"<?xml version='1.0'?><stream:stream to='" + domain + "' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>" +
		"<iq type='get' id='1'><query xmlns='jabber:iq:unknown'/></iq>")
	v.want("success", "features", "stream error not-authorized") // the IQ was read, as one before binding
}

func TestEvents(t *testing.T) {
	h := newHouse(t, "")
	var mu sync.Mutex
	var got []string
	note := func(_ context.Context, ev *auth.LoginEvent) ext.Verdict {
		mu.Lock()
		defer mu.Unlock()
		what := "success"
		if ev.Failure != nil {
			what = ev.Failure.Condition
		}
		got = append(got, fmt.Sprint(ev.User, " ", ev.Host, " ", ev.Mechanism, " ", ev.Remote, " ", what))
		return ext.Next
	}
	h.attach(func(s *ext.Scope) {
		auth.Success.Handle(s, 0, note)
		auth.Failed.Handle(s, 0, note)
	})
	v := h.visit(tls.VersionTLS13, "::ffff:192.0.2.1")
	v.plain("Juliet", "wrong")
	v.want("not-authorized")
	v.Send(authXML("GSSAPI", ""))
	v.want("invalid-mechanism")
	if _, outcome := v.scram("SCRAM-SHA-256-PLUS", "tls-exporter"); outcome != "success" {
		t.Fatal(outcome)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []string{
		"juliet example.org PLAIN 192.0.2.1 not-authorized",
		" example.org  192.0.2.1 invalid-mechanism",
		"romeo example.org SCRAM-SHA-256-PLUS 192.0.2.1 success",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// failregex is what README.md tells admins to give to fail2ban; slog's text
// stands for what the log file holds.
var failregex = regexp.MustCompile(`failed login.*? remote=(\S+) condition=(?:not-authorized|invalid-authzid) `)

func TestLog(t *testing.T) {
	h := newHouse(t, "")
	v := h.visit(tls.VersionTLS13, "192.0.2.66")
	v.plain("romeo", "my guess")
	v.want("not-authorized")
	v.plain("remote=203.0.113.5", "my guess")
	v.want("not-authorized")
	v.Send(authXML("x remote=203.0.113.5 condition=not-authorized ", b64("my guess")))
	v.want("invalid-mechanism")
	if _, outcome := v.scram("SCRAM-SHA-1", ""); outcome != "success" {
		t.Fatal(outcome)
	}
	text := h.log.String()
	found := failregex.FindAllStringSubmatch(text, -1)
	if len(found) != 2 || found[0][1] != "192.0.2.66" || found[1][1] != "192.0.2.66" {
		t.Errorf("a program reads %v from\n%s", found, text)
	}
	for _, part := range []string{"user=romeo", "mechanism=PLAIN", "mechanism=SCRAM-SHA-1", "msg=authenticated"} {
		if !strings.Contains(text, part) {
			t.Errorf("log lacks %s:\n%s", part, text)
		}
	}
	for _, secret := range []string{"my guess", password, b64("\x00romeo\x00my guess"), "GSSAPI", ",p="} {
		if strings.Contains(text, secret) {
			t.Errorf("log has %q:\n%s", secret, text)
		}
	}
}

// broken is a provider whose database is down.
type broken struct{ auth.Provider }

func (broken) Hashes() []string { return []string{"SHA-1"} }
func (broken) Check(context.Context, string, string) (bool, error) {
	return false, errors.New("password of the database is hunter2")
}

func (broken) Keys(context.Context, string, string) (k auth.ScramKeys, ok bool, err error) {
	return k, false, errors.New("password of the database is hunter2")
}

func TestServerFault(t *testing.T) {
	h := newHouse(t, `authentication = "null"`)
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	if got := v.mechanisms(); got != nil {
		t.Errorf("without accounts: %v", got)
	}
	v.plain("romeo", password)
	v.want("invalid-mechanism")
	if !strings.Contains(h.log.String(), "nobody can log in") {
		t.Errorf("log: %s", h.log.String())
	}

	h.attach(func(s *ext.Scope) { auth.Accounts.Offer(s, broken{}) })
	v = h.visit(tls.VersionTLS13, "192.0.2.1")
	if got, want := v.mechanisms(), []string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"}; !slices.Equal(got, want) {
		t.Errorf("mechanisms %v, want %v", got, want)
	}
	for range 4 {
		v.Send(authXML("SCRAM-SHA-1", b64("n,,n=romeo,r=abc")))
		if got, text := v.gets(); got != "temporary-auth-failure" || text != "" {
			t.Errorf("got %s %q", got, text)
		}
		v.plain("romeo", password)
		if got, text := v.gets(); got != "temporary-auth-failure" || text != "" {
			t.Errorf("got %s %q", got, text)
		}
	}
	if !strings.Contains(h.log.String(), "hunter2") {
		t.Error("the admin is not told why")
	}
}

// An exchange that has begun ends as it would have, whatever is reloaded
// meanwhile.
func TestReload(t *testing.T) {
	h := newHouse(t, "")
	v := h.visit(tls.VersionTLS13, "192.0.2.1")
	client, err := xdg.SHA256.NewClient("romeo", password, "")
	if err != nil {
		t.Fatal(err)
	}
	conv := client.NewConversation()
	msg, _ := conv.Step("")
	v.Send(authXML("SCRAM-SHA-256", b64(msg)))
	_, first := v.gets()
	h.use(`c2s_max_auth_failures = 7; auth_cache_size = 77; channel_binding_downgrade = "allow"; allow_unencrypted_plain_auth = true`)
	if msg, err = conv.Step(first); err != nil {
		t.Fatal(err)
	}
	v.Send(responseXML(b64(msg)))
	v.want("success")
	h.use(`modules_disabled = { "sasl" }`)
	v = h.visit(tls.VersionTLS13, "192.0.2.1")
	if got := v.mechanisms(); got != nil {
		t.Errorf("without the module: %v", got)
	}
	v.plain("romeo", password)
	v.want("stream error not-authorized")
}

// Many streams log in while the modules are loaded again and again.
func TestReloadHammer(t *testing.T) {
	h := newHouse(t, "")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				v := h.visit(0, "192.0.2.1")
				v.Send("</stream:stream>")
			}
		})
	}
	for i := range 20 {
		h.use(fmt.Sprintf("auth_cache_size = %d; c2s_max_auth_failures = %d", 100+i, 10+i))
		v := h.visit(tls.VersionTLS13, "192.0.2.1")
		if i%2 == 0 {
			v.plain("romeo", password)
			v.want("success")
		} else if _, outcome := v.scram("SCRAM-SHA-256", ""); outcome != "success" {
			t.Errorf("login %d: %s", i, outcome)
		}
	}
	close(stop)
	wg.Wait()
}

func TestConfig(t *testing.T) {
	for _, c := range []struct{ lua, want string }{
		{`auth_limit_allow = "192.0.2.1"`, ""},
		{`auth_limit_allow = { "192.0.2.0/24", "2001:db8::/32" }`, ""},
		{`auth_limit_allow = { "example.org" }`, `want an address or a network`},
		{`auth_limit_allow = 7`, `want an address or a network`},
		{`c2s_max_auth_failures = -1`, "c2s_max_auth_failures"},
		{`c2s_auth_ban_lifetime = "never"`, "c2s_auth_ban_lifetime"},
		{`disable_sasl_mechanisms = "PLAIN"`, ""},
		{`fqdn = "xmpp.example.org"`, "DIGEST-MD5 is not offered"},
		{`channel_binding_downgrade = "yes"`, "channel_binding_downgrade"},
		{`password_hash = "SHA-1"`, ""},
		{`password_hash = { "SHA-1", "SHA-512" }`, ""},
		{`password_hash = "MD5"`, "password_hash"},
		{`password_hash = {}`, "want at least one hash"},
		{`default_iteration_count = 1000`, "default_iteration_count"},
		{`auth_cache_life_time = "never"`, ""},
	} {
		got := problems(t, c.lua)
		if (len(got) > 0) != (c.want != "") || (c.want != "" && !strings.Contains(fmt.Sprint(got), c.want)) {
			t.Errorf("%s: %v, want %q", c.lua, got, c.want)
		}
	}
}

// Whatever a stranger sends, nobody is authenticated by it and the server
// lives on.
func FuzzNegotiation(f *testing.F) {
	for _, s := range []string{
		authXML("PLAIN", "="), authXML("SCRAM-SHA-1", b64("n,,n=romeo,r=abc")) + responseXML("="), responseXML("A"), "<abort xmlns='" + nsSASL + "'/>",
		authXML("SCRAM-SHA-256-PLUS", b64("p=tls-exporter,,n=romeo,r=abc")) + "<abort xmlns='" + nsSASL + "'/>", "<auth", "</stream:stream>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := newHouse(t, `c2s_require_encryption = false; allow_unencrypted_plain_auth = true; password_hash = "SHA-1"`)
		v := h.visit(0, "192.0.2.1")
		v.Send(s + "</stream:stream>")
		for {
			got, _ := v.gets()
			if got == "success" {
				t.Fatalf("%q is a login", s)
			}
			if got == "end" {
				break
			}
		}
	})
}
