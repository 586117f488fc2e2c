// SPDX-License-Identifier: Apache-2.0

package auth

import "errors"

// ErrPassword says that a password can not be used: it is empty, too long, or
// holds what SASLprep forbids.
var ErrPassword = errors.New("auth: not a usable password")
