// SPDX-License-Identifier: Apache-2.0

package scram

import (
	"slices"
	"strings"
	"testing"

	xdg "github.com/xdg-go/scram"

	"tercet/core/auth"
)

func client(t *testing.T, v *variant, user, password, authzid string) *xdg.Client {
	t.Helper()
	c, err := xdg.HashGeneratorFcn(v.make).NewClient(user, password, authzid)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// talk runs an exchange to its end.
func talk(t *testing.T, x auth.Exchange, conv *xdg.ClientConversation) (serverErr, clientErr error) {
	t.Helper()
	var challenge []byte
	for range 3 {
		msg, err := conv.Step(string(challenge))
		if err != nil {
			return nil, err
		}
		if conv.Done() {
			return nil, nil
		}
		var done bool
		if challenge, done, err = x.Next(t.Context(), []byte(msg)); err != nil {
			return err, nil
		}
		if done {
			_, err := conv.Step(string(challenge))
			return nil, err
		}
	}
	t.Fatal("no end")
	return nil, nil
}

// A client that we did not write agrees with us on all hashes and bindings.
func TestClient(t *testing.T) {
	kinds := []string{"tls-exporter", "tls-server-end-point", "tls-unique"}
	for i := range variants {
		v := &variants[i]
		for _, kind := range slices.Concat([]string{""}, kinds) {
			t.Run(v.name(kind != "")+" "+kind, func(t *testing.T) {
				for _, c := range []struct{ name, user, password, authzid, want string }{
					{"right", "romeo", passwords["romeo"], "", ""},
					{"right with authzid", "romeo", passwords["romeo"], "romeo@example.org", ""},
					{"escapes", "a,=b", passwords["a,=b"], "a,=b@example.org", ""},
					{"wrong password", "romeo", "what light", "", auth.NotAuthorized},
					{"unknown user", "nobody", "x", "", auth.NotAuthorized},
					{"disabled", "juliet", passwords["juliet"], "", auth.AccountDisabled},
					{"foreign authzid", "romeo", passwords["romeo"], "juliet@example.org", auth.InvalidAuthzid},
				} {
					x := v.mechanism(kind != "", &policy{nonce: newNonce}).Start(&accounts{}, channel(nil, kinds...))
					cl := client(t, v, c.user, c.password, c.authzid)
					conv := cl.NewConversation()
					if kind != "" {
						conv = cl.NewConversationWithChannelBinding(xdg.ChannelBinding{Type: xdg.ChannelBindingType(kind), Data: bindings[kind]})
					}
					serverErr, clientErr := talk(t, x, conv)
					if condition(serverErr) != c.want || clientErr != nil || conv.Valid() != (c.want == "") {
						t.Errorf("%s: server %v, client %v, valid %v; want %q", c.name, serverErr, clientErr, conv.Valid(), c.want)
					}
					if c.want == "" && x.User() != c.user {
						t.Errorf("%s: user %q", c.name, x.User())
					}
				}
			})
		}
	}
}

func TestClientBoundElsewhere(t *testing.T) {
	for i := range variants {
		v := &variants[i]
		x := v.mechanism(true, &policy{nonce: newNonce}).Start(&accounts{}, channel(nil, "tls-exporter"))
		b := xdg.ChannelBinding{Type: "tls-exporter", Data: []byte("the channel to somebody between us")}
		serverErr, _ := talk(t, x, client(t, v, "romeo", passwords["romeo"], "").NewConversationWithChannelBinding(b))
		if condition(serverErr) != auth.NotAuthorized {
			t.Errorf("%s: %v", v.name(true), serverErr)
		}
	}
}

func TestClientDowngrade(t *testing.T) {
	for _, c := range []struct {
		allow bool
		kinds []string
		want  string
	}{
		{false, []string{"tls-exporter"}, auth.MechanismTooWeak},
		{true, []string{"tls-exporter"}, ""},
		{false, nil, ""},
	} {
		v := variantOf(t, "SHA-256")
		x := v.mechanism(false, &policy{nonce: newNonce, allowDowngrade: c.allow}).Start(&accounts{}, channel(nil, c.kinds...))
		serverErr, clientErr := talk(t, x, client(t, v, "romeo", passwords["romeo"], "").NewConversationAdvertisingChannelBinding())
		if condition(serverErr) != c.want || clientErr != nil {
			t.Errorf("allow %v, offered %v: server %v, client %v; want %q", c.allow, c.kinds, serverErr, clientErr, c.want)
		}
	}
}

// The optional attribute of XEP-0474 is there unless it is switched off.
func TestProtection(t *testing.T) {
	for _, off := range []bool{false, true} {
		x := variantOf(t, "SHA-1").mechanism(false, &policy{nonce: newNonce, unprotected: off}).Start(&accounts{}, channel(nil, "tls-exporter"))
		out, _, err := x.Next(t.Context(), []byte("n,,n=romeo,r=abc"))
		if err != nil || strings.Contains(string(out), ",h=") == off {
			t.Errorf("switched off: %v, challenge %s, %v", off, out, err)
		}
	}
}
