// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"testing"

	"tercet/config"
	"tercet/core/coretest"
	"tercet/core/tlspolicy"
)

func TestReadme(t *testing.T) {
	fields := tlspolicy.Fields("S")
	for n := range fields {
		if fields[n].Name == "S_ssl" {
			fields[n].Fields = nil // those of ssl
		}
	}
	coretest.Generated(t, "README.md", "options", config.FieldsTable(fields))
}
