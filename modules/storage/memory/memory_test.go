// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"testing"

	"tercet/core/storage"
	"tercet/core/storage/storagetest"
	"tercet/modules/storage/memory"
)

func TestContract(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.Driver { return memory.New() })
}
