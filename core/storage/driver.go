// SPDX-License-Identifier: Apache-2.0

package storage

import "tercet/core/ext"

// Drivers holds the open drivers by the word that selects them in the config's
// `storage` option: "sqlite" (also internal and sql), "memory".
var Drivers = ext.NewMap[string, Driver]("storage-driver")
