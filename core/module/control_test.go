// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"context"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
)

// TestReloadAtTheStart: who is loaded with the first config and asks for a
// change at once gets it when the config is in force.
func TestReloadAtTheStart(t *testing.T) {
	done := make(chan error, 1)
	eager := module.Define("eager", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		if s.Env.Config() == nil {
			go func() { done <- s.Env.Manager.Reload(context.Background(), coretest.Domain, "other") }()
		}
		return nil
	})
	loaded := 0
	other := module.Define("other", module.OnHost, struct{}{}, func(*module.Scope, struct{}) error {
		loaded++ // under the manager's lock
		return nil
	})
	coretest.New(t, `modules_enabled = { "eager", "other" }`, append([]module.Definition{eager, other}, modules.All...)...)
	select {
	case err := <-done:
		if err != nil || loaded != 2 {
			t.Errorf("%v; loaded %d times, want 2", err, loaded)
		}
	case <-time.After(10 * time.Second):
		t.Error("no answer")
	}
}
