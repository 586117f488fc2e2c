// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"math"
	"regexp"
	"strconv"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// datetimeFunctions is util.datetime (XEP-0082 and, as legacy, XEP-0091).
func datetimeFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"datetime": dateAs("2006-01-02T15:04:05Z"),
		"date":     dateAs("2006-01-02"),
		"time":     dateAs("15:04:05"),
		"legacy":   dateAs("20060102T15:04:05"),
		"parse":    parseDatetime,
	}
}

// dateAs writes argument 1, in seconds since 1970, or the present time.
func dateAs(layout string) lua.LGFunction {
	return func(l *lua.LState) int {
		at := time.Now()
		if l.Get(1) != lua.LNil {
			f := float64(l.CheckNumber(1))
			if math.IsNaN(f) || math.Abs(f) > 1e15 {
				l.ArgError(1, "time out of range")
			}
			at = time.Unix(int64(math.Floor(f)), 0)
		}
		return one(l, lua.LString(at.UTC().Format(layout)))
	}
}

var datetimeForm = regexp.MustCompile(`^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d*)?(?:Z|([+-])(\d\d):?(\d\d))?$`)

// parseDatetime returns seconds since 1970, or nil. Fractions are dropped.
func parseDatetime(l *lua.LState) int {
	s, _ := optString(l, 1)
	at, ok := datetime(s)
	if !ok {
		return one(l, lua.LNil)
	}
	return one(l, lua.LNumber(at))
}

func datetime(s string) (int64, bool) {
	m := datetimeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n := func(i int) int {
		v, _ := strconv.Atoi(m[i])
		return v
	}
	at := time.Date(n(1), time.Month(n(2)), n(3), n(4), n(5), n(6), 0, time.UTC).Unix()
	zone := int64(n(8)*3600 + n(9)*60)
	if m[7] == "-" {
		zone = -zone
	}
	return at - zone, true
}
