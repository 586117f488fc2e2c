// SPDX-License-Identifier: Apache-2.0

package element_test

import (
	"fmt"
	"sync"
	"testing"

	"tercet/core/element"
)

// TestHammer reads many streams at once out of pooled memory: elements that
// were read stay as they are, whatever others write where they came from.
func TestHammer(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var kept [16]element.Element
			r := element.NewReader(element.DefaultLimits)
			feed(r, clientHeader)
			if _, err := r.Next(); err != nil {
				t.Error(err)
			}
			want := func(i int) string {
				return fmt.Sprintf("<message xml:lang='de' id='%d' to='a%d@b'><body>%d &lt; %d</body></message>", i, g, i, g)
			}
			for i := range 3000 {
				in := fmt.Sprintf("<message id='%d' to='a%d@b'><body>%d <![CDATA[<]]> %d</body></message>", i, g, i, g)
				if i%3 > 0 {
					in = fmt.Sprintf("<message id='%d' xmlns='jabber:client' to='a%d@b'><body>%d &lt; %d</body></message>", i, g, i, g)
				}
				cut := i % len(in)
				feed(r, in[:cut])
				if cut > 0 {
					r.Release()
				}
				feed(r, in[cut:])
				tok, err := r.Next()
				if err != nil {
					t.Error(err)
					return
				}
				r.Release()
				if old := kept[i%16]; i >= 16 && old.String() != want(i-16) {
					t.Errorf("got %s, want %s", old, want(i-16))
					return
				}
				kept[i%16] = tok.Element
			}
		})
	}
	wg.Wait()
}
