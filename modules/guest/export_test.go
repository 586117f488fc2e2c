// SPDX-License-Identifier: Apache-2.0

package guest

// Awake reports whether the watchdog looks at calls.
func Awake() bool { return watchdog.awake.Load() }
