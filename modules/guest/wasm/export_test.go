// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"
)

// AddPanic gives guests a function of the host that panics, until the test ends.
func AddPanic(t testing.TB) {
	before := functions
	functions = append(slices.Clip(functions), function{"panics", nil, []api.ValueType{i32}, func(*instance, []uint64) {
		panic("no more ideas")
	}})
	t.Cleanup(func() { functions = before })
}
