// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"tercet/core/module"
	"tercet/core/storage"
)

// Module is the driver that forgets everything when the server ends.
var Module = module.Define("storage/memory", module.OnServer, struct{}{}, load).Named("storage_memory").Auto()

func load(s *module.Scope, _ struct{}) error {
	s.Env.Storage.Register(func() (storage.Driver, error) { return New(), nil }, "memory")
	return nil
}
