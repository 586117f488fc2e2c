// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// What is granted has its effect, and what is not granted, or is no XML, has
// none: the answer counts as one that failed.
func TestEffects(t *testing.T) {
	const failed = "internal-server-error"
	for _, tt := range []struct{ name, allow, romeo, juliet string }{
		{"send <message to='juliet@example.org' id='s'><body>from the host</body></message>", "'send'", "", "from the host"},
		{"send <message to='juliet@example.org' id='s'><body>from the host</body></message>", "'replace'", failed, ""},
		{"send <message from='romeo@example.org' to='juliet@example.org'/>", "'send'", failed, ""},
		{"send <message from='example.com' to='juliet@example.org'/>", "'send'", failed, ""},
		{"send <message to='juliet@example.org'>", "'send'", failed, ""},
		{"send <message/>", "'send'", failed, ""},
		{"send <iqq to='juliet@example.org'/>", "'send'", failed, ""},
		{"reply <error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", "'send'", "gone", ""},
		{"reply <body>I am juliet</body>", "'send'", failed, ""},
		{"reply </message><message>", "'send'", failed, ""},
		{"reply <body>&x;</body>", "'send'", failed, ""},
		{"replace <message type='chat' id='m' from='romeo@example.org/orchard' to='juliet@example.org'><body>changed</body></message>", "'replace'", "", "changed"},
		{"replace <message type='chat' id='m' from='romeo@example.org/orchard' to='juliet@example.org'><body>changed</body></message>", "'send'", failed, ""},
		{"replace <message type='chat' id='m' from='juliet@example.org/x' to='juliet@example.org'/>", "'replace'", failed, ""},
		{"replace <presence/>", "'replace'", failed, ""},
		{"twice", "'send'", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.name, "on_failure = 'stop', allow = { 'hook:*', "+tt.allow+" }")
			for range 2 {
				w.romeo.Send("<message type='chat' to='juliet@example.org' id='m'><body>hello</body></message>")
				switch {
				case tt.name == "twice": // it stops
					if e := w.romeo.Next(); e.Attr("type") != "error" {
						t.Errorf("got %s", e)
					}
				case tt.romeo != "":
					if e := w.romeo.Next(); e.Attr("type") != "error" || e.First().First().Local() != tt.romeo {
						t.Errorf("got %s, want %s", e, tt.romeo)
					}
				default:
					if e := w.juliet.Next(); e.ChildText("jabber:client", "body") != tt.juliet {
						t.Errorf("got %s, want %s", e, tt.juliet)
					}
				}
				if strings.HasPrefix(tt.name, "send") && tt.juliet != "" {
					if e := w.juliet.Next(); e.Attr("id") != "m" { // the message itself
						t.Errorf("got %s", e)
					}
				}
			}
			w.romeo.Quiet()
			w.juliet.Quiet()
		})
	}
}

// A timer is an event without a stanza.
func TestEvery(t *testing.T) {
	w := newWorld(t, "timer 100", "allow = { 'hook:*', 'send' }")
	for range 2 {
		if e := w.juliet.Next(); e.Attr("id") != "tick" || e.Attr("from") != "example.org" {
			t.Fatalf("got %s", e)
		}
	}
}

// Values cross as JSON: a wish for an account is refused.
func TestValues(t *testing.T) {
	s := coretest.New(t, "allow_registration = true\n"+strings.Replace(config(t, "values", "allow = { 'hook:*', 'replace' }"), "'disco'", "'register'", 1), modules.All...)
	stranger := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	stranger.Open()
	stranger.Send("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>nurse</username><password>calliope-7</password></query></iq>")
	if e := stranger.Next(); e.Attr("type") != "error" || !strings.Contains(e.String(), "Not you.") {
		t.Errorf("got %s", e)
	}
}

// Requests have their results, in their order; what is put is seen at once, and
// outlives the process.
func TestRequests(t *testing.T) {
	w := newWorld(t, "requests", "allow = { 'hook:*', 'store' }")
	const want = "NONE, OK, OK v, OK, OK, OK empty,k, OK, NONE, OK40, OK42, OK, UNAVAILABLE, OK, LARGE, LARGE, MALFORMED"
	if got := w.asks(t); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := w.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
		t.Fatal(err)
	}
	if got := w.asks(t); !strings.Contains(got, "84") {
		t.Errorf("got %s, where the counter has gone on", got)
	}
}

// Without the grant there is no store.
func TestNoStore(t *testing.T) {
	w := newWorld(t, "requests", "")
	if got, want := w.asks(t), strings.TrimSuffix(strings.Repeat("DENIED, ", 16), ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A process has a folder of its own, what it needs in its environment, and no
// file of ours.
func TestWhere(t *testing.T) {
	t.Setenv("TERCET_SECRET", "x")
	secret, err := os.Create(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	w := newWorld(t, "where", "")
	want := fmt.Sprint(filepath.Join(w.Env.DataDir, "process/probe/example.org"), " -rwx------ [HOME LANG PATH PLUGIN_CLIENT_CERT PLUGIN_MAX_PORT PLUGIN_MIN_PORT PLUGIN_PROTOCOL_VERSIONS PLUGIN_UNIX_SOCKET_DIR TERCET_PLUGIN TERCET_PROBE] [/dev/null pipe pipe ")
	got := w.asks(t)
	for f := range strings.FieldsSeq(got[strings.LastIndex(got, "[")+1:]) {
		if strings.HasPrefix(f, "/") && f != "/dev/null" {
			t.Errorf("it has %s open", f)
		}
	}
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
