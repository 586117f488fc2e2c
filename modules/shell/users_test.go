// SPDX-License-Identifier: Apache-2.0

package shell_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"tercet/core/auth"
	"tercet/core/control"
	"tercet/core/module"
)

// unlisted are accounts that nobody can list.
type unlisted struct{ auth.Provider }

func (unlisted) Users(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", auth.ErrNotSupported) }
}

// Accounts that are kept elsewhere do not keep those of other hosts from being
// listed; who asks for them is told.
func TestUnlisted(t *testing.T) {
	elsewhere := module.Define("auth_elsewhere", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		auth.Accounts.Offer(s, unlisted{})
		return nil
	})
	x := newTool(t, "VirtualHost \"a.example\"\n\tauthentication = \"elsewhere\"\nVirtualHost \"b.example\"\n", elsewhere)
	x.AddUser("b.example", "romeo", "secret")
	if got, code := x.call(control.Request{Args: []string{"users"}}); code != 0 || !strings.Contains(got, "romeo@b.example") {
		t.Errorf("all: %d, %s", code, got)
	}
	if got, code := x.call(control.Request{Args: []string{"users", "a.example"}}); code == 0 || !strings.Contains(got, "a.example") {
		t.Errorf("the host: %d, %s", code, got)
	}
}
