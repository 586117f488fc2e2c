// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// costDate is about what the table of os.date takes.
const costDate = 3000

func osTime(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		l.Push(lua.LNumber(time.Now().Unix()))
		return 1
	}
	t := l.CheckTable(1)
	field := func(name string, otherwise int) int {
		v := t.RawGetString(name)
		n, ok := v.(lua.LNumber)
		if s, isString := v.(lua.LString); isString {
			f, parsed := ParseNumber(string(s))
			n, ok = lua.LNumber(f), parsed
		}
		if !ok {
			if otherwise < 0 {
				l.RaiseError("field '%s' missing in date table", name)
			}
			return otherwise
		}
		return int(n)
	}
	year, month, day := field("year", -1), field("month", -1), field("day", -1)
	at := time.Date(year, time.Month(month), day, field("hour", 12), field("min", 0), field("sec", 0), 0, time.Local)
	l.Push(lua.LNumber(at.Unix()))
	return 1
}

func (b *Library) osDate(l *lua.LState) int {
	format, at := OptArg(l, 1, "%c"), time.Now()
	if l.Get(2) != lua.LNil {
		at = time.Unix(int64(l.CheckNumber(2)), 0)
	}
	if rest, ok := strings.CutPrefix(format, "!"); ok {
		format, at = rest, at.UTC()
	}
	if strings.HasPrefix(format, "*t") {
		b.meter.Alloc(l, costDate)
		t := l.CreateTable(0, 9)
		for name, n := range map[string]int{
			"year": at.Year(), "month": int(at.Month()), "day": at.Day(), "hour": at.Hour(), "min": at.Minute(),
			"sec": at.Second(), "wday": int(at.Weekday()) + 1, "yday": at.YearDay(),
		} {
			t.RawSetString(name, lua.LNumber(n))
		}
		t.RawSetString("isdst", lua.LBool(at.IsDST()))
		l.Push(t)
		return 1
	}
	b.meter.Alloc(l, 32*len(format))
	l.Push(lua.LString(strftime(format, at)))
	return 1
}

// goLayouts are the conversions of strftime (C locale) that package time knows.
var goLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006",
	'd': "02", 'D': "01/02/06", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'm': "01", 'M': "04",
	'p': "PM", 'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// strftime writes t as C's strftime does in the C locale.
func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		c := format[i]
		if (c == 'E' || c == 'O') && i+1 < len(format) {
			i++
			c = format[i]
		}
		if layout, ok := goLayouts[c]; ok {
			b.WriteString(t.Format(layout))
			continue
		}
		switch c {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'C':
			b.WriteString(pad2(t.Year()/100, '0'))
		case 'G':
			year, _ := t.ISOWeek()
			b.WriteString(strconv.Itoa(year))
		case 'g':
			year, _ := t.ISOWeek()
			b.WriteString(pad2(year%100, '0'))
		case 'V':
			_, week := t.ISOWeek()
			b.WriteString(pad2(week, '0'))
		case 'U':
			b.WriteString(pad2((t.YearDay()+6-int(t.Weekday()))/7, '0'))
		case 'W':
			b.WriteString(pad2((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, '0'))
		case 'j':
			b.WriteString(t.Format("002"))
		case 'k':
			b.WriteString(pad2(t.Hour(), ' '))
		case 'l':
			b.WriteString(pad2((t.Hour()+11)%12+1, ' '))
		case 'u':
			b.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case 'w':
			b.WriteString(strconv.Itoa(int(t.Weekday())))
		default:
			b.WriteByte('%')
			b.WriteByte(c)
		}
	}
	return b.String()
}

func pad2(n int, fill byte) string {
	if n < 10 {
		return string(fill) + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
