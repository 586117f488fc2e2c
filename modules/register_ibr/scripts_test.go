// SPDX-License-Identifier: Apache-2.0

package register_ibr_test

import (
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }
