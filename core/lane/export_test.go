// SPDX-License-Identifier: Apache-2.0

package lane

// QueueCap is how many functions the lane has room for without growing.
func QueueCap(l *Lane) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cap(l.queue)
}
