// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
)

// v2 makes a binary header.
func v2(versionCommand, family byte, body ...byte) string {
	b := append([]byte(nil), proxyV2Signature...)
	b = append(b, versionCommand, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return string(append(b, body...))
}

var v4Body = []byte{192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x14, 0x66}

func v6Body() []byte {
	a, b := netip.MustParseAddr("2001:db8::1").As16(), netip.MustParseAddr("2001:db8::2").As16()
	return append(append(a[:], b[:]...), 0x30, 0x39, 0x14, 0x66)
}

var headers = []struct {
	name, in       string
	source, target string // empty: no origin
	err            string // part of the error
}{
	{"1: TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 5222\r\n", "192.0.2.1:12345", "198.51.100.2:5222", ""},
	{"1: TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 12345 5222\r\n", "[2001:db8::1]:12345", "[2001:db8::2]:5222", ""},
	{"1: TCP6 with a mapped address", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 1 2\r\n", "192.0.2.1:1", "198.51.100.2:2", ""},
	{
		"1: longest", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "",
	},
	{"1: unknown", "PROXY UNKNOWN\r\n", "", "", ""},
	{"1: unknown with addresses", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "", "", ""},
	{"1: too long", "PROXY UNKNOWN " + strings.Repeat("x", 200) + "\r\n", "", "", "longer than 107"},
	{"1: no CR", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 5222\n", "", "", "without its end"},
	{"1: family and address differ", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "", "", "not of TCP4"},
	{"1: zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", "", "", "not of TCP6"},
	{"1: port", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n", "", "", "port"},
	{"1: port with zeros", "PROXY TCP4 192.0.2.1 198.51.100.2 1 02\r\n", "", "", "port"},
	{"1: port with a sign", "PROXY TCP4 192.0.2.1 198.51.100.2 1 +2\r\n", "", "", "port"},
	{"1: octets with zeros", "PROXY TCP4 192.0.02.1 198.51.100.2 1 2\r\n", "", "", "address"},
	{"1: two spaces", "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", "", "", "PROXY line"},
	{"1: UDP4", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "", "", "PROXY line"},
	{"1: cut off", "PROXY TCP4 192.0.2.1", "", "", "EOF"},
	{"2: TCP over IPv4", v2(0x21, 0x11, v4Body...), "192.0.2.1:12345", "198.51.100.2:5222", ""},
	{"2: TCP over IPv6", v2(0x21, 0x21, v6Body()...), "[2001:db8::1]:12345", "[2001:db8::2]:5222", ""},
	{"2: TLVs are skipped", v2(0x21, 0x11, append(bytes.Clone(v4Body), 0x02, 0, 3, 'a', 'b', 'c', 0xff)...), "192.0.2.1:12345", "198.51.100.2:5222", ""},
	{"2: LOCAL", v2(0x20, 0x11, v4Body...), "", "", ""},
	{"2: LOCAL without addresses", v2(0x20, 0x00), "", "", ""},
	{"2: unspecified", v2(0x21, 0x00, 1, 2, 3), "", "", ""},
	{"2: unix", v2(0x21, 0x31, make([]byte, 216)...), "", "", ""},
	{"2: UDP", v2(0x21, 0x12, v4Body...), "", "", "family and transport"},
	{"2: version 1", v2(0x11, 0x11, v4Body...), "", "", "version 1"},
	{"2: unknown command", v2(0x22, 0x11, v4Body...), "", "", "command 2"},
	{"2: too short", v2(0x21, 0x21, v4Body...), "", "", "addresses of 12 bytes"},
	{"2: too long", v2(0x21, 0x11, make([]byte, 5000)...), "", "", "header of 5000 bytes"},
	{"2: cut off", v2(0x21, 0x11, v4Body...)[:20], "", "", "EOF"},
	{"a stream header", "<?xml version='1.0'?><stream:stream>", "", "", "does not begin"},
	{"nothing", "", "", "", "EOF"},
}

func TestReadHeader(t *testing.T) {
	const after = "<stream>"
	for _, tt := range headers {
		t.Run(tt.name, func(t *testing.T) {
			in := iotest.OneByteReader(strings.NewReader(tt.in + after))
			if strings.Contains(tt.err, "EOF") {
				in = strings.NewReader(tt.in)
			}
			got, err := readHeader(in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want an error with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want origin
			if tt.source != "" {
				want = origin{netip.MustParseAddrPort(tt.source), netip.MustParseAddrPort(tt.target)}
			}
			if got != want {
				t.Errorf("got %v, want %v", got, want)
			}
			if rest, _ := io.ReadAll(in); string(rest) != after {
				t.Errorf("left %q, want %q", rest, after)
			}
		})
	}
}

// Whatever comes: no panic, no byte read beyond the bounds, and addresses that
// can be written as a header that reads the same.
func FuzzReadHeader(f *testing.F) {
	for _, tt := range headers {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		got, err := readHeader(r)
		if read := len(b) - r.Len(); read > proxyV2Fixed+proxyV2Longest {
			t.Fatalf("%d bytes read", read)
		}
		if err != nil || !got.source.IsValid() {
			if err != nil && got.source.IsValid() && got.target.IsValid() {
				t.Fatalf("an error and an origin: %v, %v", got, err)
			}
			return
		}
		for _, a := range []netip.AddrPort{got.source, got.target} {
			if a.Addr().Is4In6() || a.Addr().Zone() != "" {
				t.Fatalf("address %v is not in its plain form", a)
			}
		}
		a, b16 := got.source.Addr().As16(), got.target.Addr().As16()
		body := append(append([]byte(nil), a[:]...), b16[:]...)
		body = binary.BigEndian.AppendUint16(body, got.source.Port())
		body = binary.BigEndian.AppendUint16(body, got.target.Port())
		again, err := readHeader(strings.NewReader(v2(0x21, 0x21, body...)))
		if err != nil || again != got {
			t.Fatalf("written and read: got %v, want %v: %v", again, got, err)
		}
	})
}
