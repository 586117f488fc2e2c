// SPDX-License-Identifier: Apache-2.0

package adhoc

import "tercet/core/route"

// Held is how many command sessions a host keeps.
func Held(h *route.Host) int {
	l := hostSessions.Of(h)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}
