// SPDX-License-Identifier: Apache-2.0

package mam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/jid"
	"tercet/core/storage"
	"tercet/modules"
)

const (
	config = "modules_enabled = { \"ping\", \"roster\", \"mam\", \"carbons\" }\n"
	nsMAM  = "urn:xmpp:mam:2"
	nsRSM  = "http://jabber.org/protocol/rsm"
)

// shelf is the archive of an account, to be filled by hand.
func shelf(t testing.TB, s *coretest.Server) storage.Archive {
	t.Helper()
	d, err := s.Env.Storage.Open("memory")
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.Archive(coretest.Domain, "archive")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// put archives a message for romeo.
func put(t testing.TB, a storage.Archive, with, id string, when time.Time) string {
	t.Helper()
	j := jid.MustParse(with)
	got, c, err := a.Append("romeo", storage.Entry{When: when, With: j, Body: fmt.Appendf(nil, "<message from='%s' to='romeo@example.org' id='%s'><body>hi</body></message>", with, id)})
	if err == nil {
		err = c.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// An answer is what a query gets.
type answer struct {
	ids  []string // of the archived messages
	fin  element.Element
	fail string // the condition, if it failed
}

func (a answer) String() string {
	set := a.fin.Child(nsRSM, "set")
	s := strings.Join(a.ids, "")
	if a.fail != "" {
		return "error " + a.fail
	}
	if a.fin.Attr("complete") == "true" {
		s += "."
	}
	if n := set.ChildText(nsRSM, "count"); n != "" {
		s += " of " + n
	}
	return s
}

func ask(t testing.TB, c *coretest.Client, inner string) (a answer) {
	t.Helper()
	c.Send("<iq type='set' id='q'><query xmlns='" + nsMAM + "'>" + inner + "</query></iq>")
	for {
		e := c.Next()
		switch {
		case e.Attr("id") != "q":
			m := e.First().First().Child(element.NSClient, "message")
			a.ids = append(a.ids, m.Attr("id"))
		case e.Attr("type") == "error":
			a.fail = e.Child(element.NSClient, "error").First().Local()
			return a
		default:
			a.fin = e.First()
			return a
		}
	}
}

func form(fields ...string) string {
	b := "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>" + nsMAM + "</value></field>"
	for i := 0; i < len(fields); i += 2 {
		b += "<field var='" + fields[i] + "'>"
		for v := range strings.SplitSeq(fields[i+1], " ") {
			b += "<value>" + v + "</value>"
		}
		b += "</field>"
	}
	return b + "</x>"
}

func rsm(inner string) string { return "<set xmlns='" + nsRSM + "'>" + inner + "</set>" }

// TestQueries asks an archive of six messages, a to f, a minute apart, in all
// ways that XEP-0313 and XEP-0059 have. Ids are written as {a}; a dot says that
// the answer is complete.
func TestQueries(t *testing.T) {
	s := coretest.New(t, config+"archive_expires_after = \"never\"\n", modules.All...)
	romeo := s.Login("romeo", "orchard")
	a := shelf(t, s)
	begin := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	var names []string
	for i, with := range []string{"juliet@example.org/balcony", "nurse@example.net", "juliet@example.org/garden", "nurse@example.net/x", "juliet@example.org", "example.com"} {
		name := string(rune('a' + i))
		at := begin.Add(time.Duration(i) * time.Minute)
		names = append(names, "{"+name+"}", put(t, a, with, name, at), "["+name+"]", at.Format(time.RFC3339))
	}
	fill := strings.NewReplacer(names...)
	flip := "<flip-page/>"
	cases := []struct{ name, inner, want string }{
		{"all", "", "abcdef. of 6"},
		{"an empty set", rsm(""), "abcdef. of 6"},
		{"with a bare JID", form("with", "juliet@example.org"), "ace."},
		{"with a full JID", form("with", "juliet@example.org/garden"), "c."},
		{"with a domain", form("with", "example.com"), "f."},
		{"with a stranger", form("with", "nobody@example.org"), "."},
		{"start", form("start", "[c]"), "cdef."},
		{"end", form("end", "[c]"), "abc."},
		{"start and end", form("start", "[b]", "end", "[d]"), "bcd."},
		{"start after end", form("start", "[d]", "end", "[b]"), "."},
		{"with and start", form("with", "juliet@example.org", "start", "[b]"), "ce."},
		{"max", rsm("<max>2</max>"), "ab of 6"},
		{"max that is all", rsm("<max>6</max>"), "abcdef. of 6"},
		{"after", rsm("<max>2</max><after>{b}</after>"), "cd of 6"},
		{"after, the end", rsm("<max>2</max><after>{d}</after>"), "ef. of 6"},
		{"after the last", rsm("<max>2</max><after>{f}</after>"), ". of 6"},
		{"last page", rsm("<max>2</max><before/>"), "ef of 6"},
		{"before", rsm("<max>2</max><before>{c}</before>"), "ab. of 6"},
		{"before, more", rsm("<max>2</max><before>{e}</before>"), "cd of 6"},
		{"before the first", rsm("<max>2</max><before>{a}</before>"), ". of 6"},
		{"after and before", rsm("<after>{a}</after><before>{d}</before>"), "bc. of 6"},
		{"count", rsm("<max>0</max>"), " of 6"},
		{"count with", form("with", "juliet@example.org") + rsm("<max>0</max>"), " of 3"},
		{"count after an id", form("after-id", "{b}") + rsm("<max>0</max>"), " of 4"},
		{"count between ids", form("after-id", "{b}", "before-id", "{e}") + rsm("<max>0</max>"), " of 2"},
		{"flipped", rsm("<max>3</max>") + flip, "cba of 6"},
		{"last page, flipped", rsm("<max>3</max><before/>") + flip, "fed of 6"},
		{"after-id", form("after-id", "{d}"), "ef."},
		{"before-id", form("before-id", "{c}"), "ab."},
		{"between ids", form("after-id", "{a}", "before-id", "{e}"), "bcd."},
		{"between ids, a page", form("after-id", "{a}", "before-id", "{e}") + rsm("<max>2</max><before/>"), "cd"},
		{"ids", form("ids", "{e} {b}"), "be."},
		{"ids, a page", form("ids", "{e} {b} {a}") + rsm("<max>1</max><after>{a}</after>"), "b"},
		{"include-groupchat", form("include-groupchat", "true"), "abcdef."},

		{"no such ids", form("ids", "{e} 1"), "error item-not-found"},
		{"no ids", "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field><field var='ids'/></x>", "error bad-request"},
		{"unknown after", rsm("<after>unknown</after>"), "error item-not-found"},
		{"unknown before", rsm("<before>unknown</before>"), "error item-not-found"},
		{"unknown after-id", form("after-id", "0"), "error item-not-found"},
		{"unknown before-id, counted", form("before-id", "0") + rsm("<max>0</max>"), "error item-not-found"},
		{"an index", rsm("<index>2</index>"), "error feature-not-implemented"},
		{"unknown field", form("mood", "sad"), "error feature-not-implemented"},
		{"no JID", form("with", "@@"), "error bad-request"},
		{"no start", form("start", "yesterday"), "error bad-request"},
		{"no end", form("end", "2010-13-01T00:00:00Z"), "error bad-request"},
		{"max is a word", rsm("<max>many</max>"), "error bad-request"},
		{"max is negative", rsm("<max>-1</max>"), "error bad-request"},
		{"max is empty", rsm("<max/>"), "error bad-request"},
		{"max is huge", rsm("<max>99999999999999999999999</max>"), "abcdef. of 6"},
		{"another form", "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:example</value></field></x>", "error bad-request"},
		{"a form without type", "<x xmlns='jabber:x:data' type='submit'><field var='with'><value>juliet@example.org</value></field></x>", "error bad-request"},
		{"a form that is cancelled", "<x xmlns='jabber:x:data' type='cancel'/>", "error bad-request"},
		{"hostile id", rsm("<after>" + strings.Repeat("&#x10FFFF;", 3000) + "</after>"), "error item-not-found"},
		{"id of SQL", rsm("<after>' OR 1=1 --</after>"), "error item-not-found"},
		{"many ids", form("ids", strings.Repeat("{a} ", 501)+"{a}"), "error policy-violation"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ask(t, romeo, fill.Replace(c.inner))
			if got.String() != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			set := got.fin.Child(nsRSM, "set")
			if first := set.ChildText(nsRSM, "first"); got.fail == "" && len(got.ids) > 0 {
				low, high := got.ids[0], got.ids[len(got.ids)-1]
				if first != fill.Replace("{"+min(low, high)+"}") || set.ChildText(nsRSM, "last") != fill.Replace("{"+max(low, high)+"}") {
					t.Errorf("the page is from %s", set)
				}
			}
		})
	}
}

// TestPageOptions has smaller pages, and no totals.
func TestPageOptions(t *testing.T) {
	s := coretest.New(t, config+"max_archive_query_results = 2\nmam_include_total = false\n", modules.All...)
	romeo := s.Login("romeo", "orchard")
	a := shelf(t, s)
	for _, id := range []string{"a", "b", "c"} {
		put(t, a, "juliet@example.org", id, time.Now())
	}
	if got := ask(t, romeo, rsm("<max>1000</max>")).String(); got != "ab" {
		t.Errorf("got %q, want ab", got)
	}
	if got := ask(t, romeo, rsm("<max>0</max>")).String(); got != " of 3" {
		t.Errorf("got %q, want of 3", got)
	}
	s.Reconfigure(config)
	if got := ask(t, romeo, "").String(); got != "abc. of 3" {
		t.Errorf("after the reload: got %q", got)
	}
}

// TestLargePages ends a page of large messages early.
func TestLargePages(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	a := shelf(t, s)
	for i := range 12 {
		body := fmt.Appendf(nil, "<message from='juliet@example.org' id='%c'><body>%s</body></message>", 'a'+i, strings.Repeat("x", 200_000))
		if _, _, err := a.Append("romeo", storage.Entry{When: time.Now(), With: jid.MustParse("juliet@example.org"), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, romeo, "").String(); got != "abcde of 12" {
		t.Errorf("got %q", got)
	}
	if got := ask(t, romeo, rsm("<before/>")).String(); got != "hijkl of 12" {
		t.Errorf("the last page: got %q", got)
	}
}

// TestExpiry removes what is old when the module is loaded.
func TestExpiry(t *testing.T) {
	s := coretest.New(t, config+"archive_expires_after = \"never\"\n", modules.All...)
	romeo := s.Login("romeo", "orchard")
	a := shelf(t, s)
	put(t, a, "juliet@example.org", "a", time.Now().Add(-48*time.Hour))
	put(t, a, "juliet@example.org", "b", time.Now().Add(-time.Hour))
	if got := ask(t, romeo, "").String(); got != "ab. of 2" {
		t.Fatalf("got %q", got)
	}
	s.Reconfigure(config + "archive_expires_after = \"1d\"\n")
	coretest.Eventually(t, "a has expired", func() bool { return ask(t, romeo, "").String() == "b. of 1" })
}

// TestStore has the archive in another store.
func TestStore(t *testing.T) {
	s := coretest.New(t, config+"archive_store = \"archive2\"\n", modules.All...)
	romeo := s.Login("romeo", "orchard")
	put(t, shelf(t, s), "juliet@example.org", "a", time.Now())
	if got := ask(t, romeo, "").String(); got != ". of 0" {
		t.Errorf("got %q", got)
	}
	s.Reconfigure(config)
	if got := ask(t, romeo, "").String(); got != "a. of 1" {
		t.Errorf("got %q", got)
	}
}
