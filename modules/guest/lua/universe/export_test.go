// SPDX-License-Identifier: Apache-2.0

package universe

// Coroutines returns how many have not ended.
func (u *Universe) Coroutines() int {
	u.take()
	defer u.leave(nil)
	return len(u.coroutines)
}
