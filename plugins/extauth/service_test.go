// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tercet/sdk/proto/accountpb"
)

func load(t *testing.T, s *service, set settings) error {
	t.Helper()
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Load(t.Context(), &accountpb.Options{Json: b})
	return err
}

func TestLoad(t *testing.T) {
	good := settings{Command: []string{os.Args[0], "script"}, Protocol: "ejabberd", Processes: 1, Timeout: 1000}
	for _, c := range []struct {
		name string
		edit func(*settings)
		want codes.Code
	}{
		{"good", func(*settings) {}, codes.OK},
		{"as many as cores", func(s *settings) { s.Processes = 0 }, codes.OK},
		{"no command", func(s *settings) { s.Command = nil }, codes.InvalidArgument},
		{"no timeout", func(s *settings) { s.Timeout = 0 }, codes.InvalidArgument},
		{"another protocol", func(s *settings) { s.Protocol = "json" }, codes.InvalidArgument},
		{"less than none", func(s *settings) { s.Processes = -1 }, codes.InvalidArgument},
		{"no program", func(s *settings) { s.Command = []string{"/nowhere"} }, codes.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := good
			c.edit(&set)
			s := &service{log: hclog.NewNullLogger()}
			defer s.close()
			if err := load(t, s, set); status.Code(err) != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if c.want != codes.OK {
				return
			}
			if err := load(t, s, set); status.Code(err) != codes.FailedPrecondition {
				t.Errorf("a second time: %v", err)
			}
		})
	}
	s := &service{log: hclog.NewNullLogger()}
	if _, err := s.Load(t.Context(), &accountpb.Options{Json: []byte("{")}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("broken JSON: %v", err)
	}
	if _, err := s.Check(t.Context(), &accountpb.Credentials{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("asked before: %v", err)
	}
}

func TestVerdicts(t *testing.T) {
	s := &service{log: hclog.NewNullLogger()}
	defer s.close()
	if err := load(t, s, settings{Command: []string{os.Args[0], "script"}, Protocol: "ejabberd", Processes: 1, Timeout: 2000}); err != nil {
		t.Fatal(err)
	}
	romeo := &accountpb.User{User: "romeo", Host: "example.org"}
	with := func(password string) *accountpb.Credentials {
		return &accountpb.Credentials{Account: romeo, Password: password}
	}
	type call func(context.Context, *accountpb.Credentials) (*accountpb.Verdict, error)
	for _, c := range []struct {
		name string
		call call
		in   *accountpb.Credentials
		want accountpb.Answer
		text string
	}{
		{"right", s.Check, with(right), accountpb.Answer_YES, ""},
		{"wrong", s.Check, with("wrong"), accountpb.Answer_NO, "no"},
		{"late", s.Check, with("late 3s"), accountpb.Answer_UNAVAILABLE, "in time"},
		{"dies", s.Check, with("die"), accountpb.Answer_UNAVAILABLE, "ended"},
		{"set", s.SetPassword, with(right), accountpb.Answer_YES, ""},
		{"register", s.Register, with("wrong"), accountpb.Answer_NO, "no"},
		{"remove", s.Remove, with(""), accountpb.Answer_YES, ""},
		{"remove by password", s.Remove, with("wrong"), accountpb.Answer_NO, "no"},
		{"too long", s.Check, with(strings.Repeat("x", 1<<16)), accountpb.Answer_UNSUPPORTED, "bytes"},
		{"nobody", s.Check, &accountpb.Credentials{Password: right}, accountpb.Answer_UNSUPPORTED, "empty"},
		{"a colon", s.Check, &accountpb.Credentials{Account: &accountpb.User{User: "a:b", Host: "h"}, Password: right}, accountpb.Answer_UNSUPPORTED, "colon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			v, err := c.call(ctx, c.in)
			if err != nil || v.GetAnswer() != c.want || !strings.Contains(v.GetReason(), c.text) {
				t.Errorf("%v, %v; want %v", v, err, c.want)
			}
			if p := c.in.GetPassword(); p != "" && strings.Contains(v.GetReason(), p) {
				t.Errorf("the reason shows the password: %s", v.GetReason())
			}
		})
	}
	if v, err := s.Exists(t.Context(), romeo); err != nil || v.GetAnswer() != accountpb.Answer_YES {
		t.Errorf("exists: %v, %v", v, err)
	}
	s.close()
	if v, err := s.Exists(t.Context(), romeo); err == nil {
		t.Errorf("after the end: %v", v)
	}
}
