// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
	"tercet/sdk/proto/modulepb"
)

// authenticate knows one account, romeo's. What it does for others is in their
// names.
func authenticate(_ *probe, events []*modulepb.Event) *modulepb.FromPlugin {
	out := new(modulepb.FromPlugin)
	for _, ev := range events {
		var asked struct{ User, Password string }
		a := &modulepb.Answer{Id: ev.Id, Verdict: modulepb.Verdict_STOP}
		switch err := json.Unmarshal(ev.Body, &asked); {
		case err != nil, asked.User == "fails":
			a.Verdict, a.Error = modulepb.Verdict_FAILED, "no database"
		case asked.User == "dies":
			os.Exit(4)
		case asked.User == "odd":
			a.Replace = []byte(`{"ok": "perhaps"}`)
		case asked.User == "passes":
			a.Verdict = modulepb.Verdict_NEXT
		case asked.User == "romeo" && (ev.Handler == 2 || asked.Password == "rosaline"):
			a.Replace = []byte(`{"ok": true}`)
		default:
			a.Replace = []byte(`{"ok": false}`)
		}
		out.Answers = append(out.Answers, a)
	}
	return out
}

// login is what comes of a login by PLAIN.
func login(t *testing.T, s *coretest.Server, user, password string) string {
	t.Helper()
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Open()
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	c.Send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + token + "</auth>")
	e := c.Next()
	if e.Local() == "failure" {
		return e.First().Local()
	}
	return e.Local()
}

// A process knows the accounts of a host. Whatever it does but saying yes,
// nobody gets in, whichever its policy is; and only its no is a wrong password.
func TestAccounts(t *testing.T) {
	for _, policy := range []string{"pass", "stop", "unload"} {
		t.Run(policy, func(t *testing.T) {
			lua := config(t, "auth", "allow = { 'hook:auth/*', 'add:auth-provider', 'replace' }, on_failure = '"+policy+"'")
			lua = strings.NewReplacer("{ 'disco', 'probe' }", "{ }", "{ probe = {", "{ auth_probe = {").Replace(lua)
			s := coretest.New(t, lua+"authentication = 'probe'\nallow_unencrypted_plain_auth = true\n", modules.All...)
			for _, tt := range []struct{ user, password, want string }{
				{"romeo", "rosaline", "success"},
				{"romeo", "juliet", "not-authorized"},
				{"paris", "rosaline", "not-authorized"},
				{"fails", "rosaline", "temporary-auth-failure"},
				{"odd", "rosaline", "temporary-auth-failure"},
				{"passes", "rosaline", "temporary-auth-failure"},
				{"dies", "rosaline", "temporary-auth-failure"},
			} {
				if got := login(t, s, tt.user, tt.password); got != tt.want {
					t.Errorf("%s: %s, want %s", tt.user, got, tt.want)
				}
			}
			coretest.Eventually(t, "another process lets romeo in", func() bool {
				got := login(t, s, "romeo", "rosaline")
				if got != "success" && got != "temporary-auth-failure" {
					t.Errorf("while there is no process: %s", got)
				}
				return got == "success"
			})
			if err := s.Env.Manager.Unload(t.Context(), coretest.Domain, "auth_probe"); err != nil {
				t.Fatal(err)
			}
			if got := login(t, s, "romeo", "rosaline"); got == "success" {
				t.Error("without the module romeo gets in")
			}
		})
	}
}
