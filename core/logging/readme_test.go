// SPDX-License-Identifier: Apache-2.0

package logging_test

import (
	"testing"

	"tercet/config"
	"tercet/core/coretest"
	"tercet/core/logging"
)

func TestReadme(t *testing.T) {
	coretest.Generated(t, "README.md", "options", config.FieldsTable(logging.Fields()))
}
