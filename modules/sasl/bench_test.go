// SPDX-License-Identifier: Apache-2.0

package sasl_test

import "testing"

// A login by PLAIN with a remembered password: connection, stream header,
// features, authentication, in clear and over real sockets.
func BenchmarkLogin(b *testing.B) {
	h := newHouse(b, "c2s_require_encryption = false; allow_unencrypted_plain_auth = true; c2s_max_auth_failures = 0")
	msg := authXML("PLAIN", b64("\x00romeo\x00"+password))
	b.ReportAllocs()
	for b.Loop() {
		v := h.visit(0, "192.0.2.1")
		v.Send(msg)
		if got, _ := v.gets(); got != "success" {
			b.Fatal(got)
		}
		_ = v.Conn.Close() // the stream ends
	}
}
