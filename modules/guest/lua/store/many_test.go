// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"fmt"
	"testing"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
	"tercet/modules/guest/lua/store"
)

// TestMany reads a large archive from Lua, whole and by pages.
func TestMany(t *testing.T) {
	const entries = 10_000
	for driver, open := range drivers {
		t.Run(driver, func(t *testing.T) {
			d := open(t)
			defer func() { must(t, d.Close()) }()
			a, err := d.Archive("example.org", "archive")
			if err != nil {
				t.Fatal(err)
			}
			var last storage.Commit
			with := [2]jid.JID{jid.MustParse("juliet@example.org/balcony"), jid.MustParse("nurse@example.org/garden")}
			for i := range entries {
				body := fmt.Appendf(nil, "<message from='%s' to='romeo@example.org'><body>text %d</body></message>", with[i%2], i)
				if _, last, err = a.Append("romeo", storage.Entry{When: time.Unix(1_700_000_000+int64(i), 0), With: with[i%2], Body: body}); err != nil {
					t.Fatal(err)
				}
			}
			must(t, last.Wait(t.Context()))
			s := newServer(t, d, store.Options{})
			begun := time.Now()
			s.run(t, true, "test", `
				local a, n = open("archive", "archive"), 0;
				for id, stanza, when, with in a:find("romeo") do
					assert(stanza:get_child_text("body") == "text " .. n and when == 1700000000 + n);
					n = n + 1;
				end
				assert(n == 10000);
				n = 0;
				local last;
				repeat
					local found = false;
					for id, stanza in a:find("romeo", { with = "nurse@example.org", before = last, limit = 100, reverse = true }) do
						n, last, found = n + 1, id, true;
						assert(stanza:get_child_text("body") == "text " .. (10001 - 2 * n));
					end
				until not found;
				assert(n == 5000);
				local iter, total = a:find("romeo", { total = true, limit = 0 });
				assert(iter() == nil and total == 10000);
				assert(a:summary("romeo").counts["nurse@example.org"] == 5000);
				assert(#a:dates("romeo") == 2);
				assert(a:delete("romeo", { truncate = 100 }) == 9900);
				assert(select(2, a:find("romeo", { total = true })) == 100);`)
			t.Logf("all in %s", time.Since(begun))
		})
	}
}
