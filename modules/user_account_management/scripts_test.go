// SPDX-License-Identifier: Apache-2.0

package user_account_management_test

import (
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }
