// SPDX-License-Identifier: Apache-2.0

package store

import lua "github.com/yuin/gopher-lua"

// Loaders returns the libraries core.storagemanager and util.datamanager.
func (s *Stores) Loaders() map[string]lua.LGFunction { return nil }
