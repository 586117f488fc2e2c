// SPDX-License-Identifier: Apache-2.0

package process

import (
	"testing"
	"time"
)

// How long a silence is borne.
func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration // an event
		limit time.Duration
		late  bool          // answers come, too late
		want  time.Duration // until the process is ended
	}{
		{"many events", time.Millisecond, 100 * time.Millisecond, false, 1001 * time.Millisecond},
		{"few events", 200 * time.Millisecond, 100 * time.Millisecond, false, 1800 * time.Millisecond},
		{"a long limit", time.Second, 10 * time.Second, false, 31 * time.Second},
		{"late answers", 100 * time.Millisecond, 100 * time.Millisecond, true, 10100 * time.Millisecond},
		{"hardly any events", time.Minute, 100 * time.Millisecond, false, 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s silence
			began := time.Now()
			for at := began; ; at = at.Add(tt.every) {
				ended := s.more(at, tt.limit)
				s.late = tt.late
				if took := at.Sub(began); ended || took > time.Hour {
					if took != tt.want {
						t.Errorf("after %v, want %v", took, tt.want)
					}
					return
				}
			}
		})
	}
}
