// SPDX-License-Identifier: Apache-2.0

package web

import (
	"io"
	"net/http"
	"strings"

	httpd "tercet/modules/http"
)

// readBody reads the body of a request; release gives its memory back.
func (w *Web) readBody(r *http.Request) (body string, release func(), err error) {
	if r.Body == nil || r.Body == http.NoBody {
		return "", func() {}, nil
	}
	held := int64(0)
	release = func() { w.bodies.Add(held) }
	size := int64(32 << 10)
	if r.ContentLength >= 0 {
		size = min(size, r.ContentLength+1)
	}
	var b strings.Builder
	part := make([]byte, size)
	for {
		n, err := r.Body.Read(part)
		held += int64(n)
		if w.bodies.Add(-int64(n)) < 0 {
			return "", release, &httpd.Error{Code: http.StatusServiceUnavailable}
		}
		b.Write(part[:n])
		if err == io.EOF {
			return b.String(), release, nil
		}
		if err != nil {
			return "", release, err
		}
	}
}
