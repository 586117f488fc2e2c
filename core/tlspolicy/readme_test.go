// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"testing"

	"tercet/config"
	"tercet/core/coretest"
	"tercet/core/tlspolicy"
)

func TestReadme(t *testing.T) {
	coretest.Generated(t, "README.md", "options", config.FieldsTable(tlspolicy.Fields("S")))
}
