// SPDX-License-Identifier: Apache-2.0

package mam

import (
	"context"
	"time"
)

// expirePeriod is how often old messages are removed.
const expirePeriod = time.Hour

// expire removes what is older than the config says, in slices that let
// writers pass.
func (a *archive) expire(ctx context.Context) {
	began := time.Now()
	n, err := a.store.Expire(ctx, began.Add(-a.ExpireAfter))
	if err != nil && ctx.Err() == nil {
		a.scope.Log.ErrorContext(ctx, "old messages not removed", "err", err)
		return
	}
	if n > 0 {
		a.scope.Log.InfoContext(ctx, "old messages removed", "count", n, "took", time.Since(began).Round(time.Millisecond))
	}
}
