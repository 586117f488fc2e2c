// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Never is what "never" becomes in a period that allows it.
const Never time.Duration = 0

// Set is an unordered list of words.
type Set []string

// Rate is a number of bytes per second.
type Rate int64

// Size is a number of bytes.
type Size int64
