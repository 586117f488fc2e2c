// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"path/filepath"

	"tercet/core/module"
	"tercet/core/storage"
)

// Module is the SQLite storage driver; Prosody's words for its own drivers
// mean it, too.
var Module = module.Define("storage/sqlite", module.OnServer, Defaults, load).
	Named("storage_sqlite", "storage_internal", "storage_sql").Auto()

// file is the database of the server, below its data directory. Nothing of
// Prosody's own files there is touched.
const file = "tercet/tercet.sqlite"

func load(s *module.Scope, o Options) error {
	log := s.Log
	s.Env.Storage.Register(func() (storage.Driver, error) {
		o.Warn = func(text string) { log.WarnContext(context.Background(), "sqlite", "problem", text) }
		return Open(filepath.Join(s.Env.DataDir, file), o)
	}, "sqlite", "internal", "sql", "sql2")
	return nil
}
