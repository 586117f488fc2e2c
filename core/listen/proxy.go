// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Sizes of PROXY headers.
const (
	proxyShortest  = 15   // "PROXY UNKNOWN\r\n", shorter than any header of version 2
	proxyV1Longest = 107  // with the CRLF
	proxyV2Fixed   = 16   // signature, command, family, length
	proxyV2Longest = 4096 // of addresses and TLVs; haproxy sends a few hundred bytes
)

var proxyV2Signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// origin is what a PROXY header says. The zero origin is a connection that the
// proxy made for itself, or knows nothing about: LOCAL, UNKNOWN.
type origin struct{ source, target netip.AddrPort }

// trusts reports whether a header from that peer is believed. A peer without
// an IP address came over a unix socket: its file's mode is the trust.
func (o *ProxyOptions) trusts(peer netip.AddrPort) bool {
	if !peer.IsValid() {
		return true
	}
	for _, p := range o.Trusted {
		if p.Contains(peer.Addr().WithZone("")) {
			return true
		}
	}
	return false
}

// readProxy reads the header of a trusted peer, puts it into info, and applies
// the limits to the address in it. If it returns false the connection is closed.
func (t *tracked) readProxy(o *ProxyOptions, info *Info) bool {
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	via := info.Remote
	stop := context.AfterFunc(t.claim.scope.Context(), func() { _ = t.Close() }) // reading shows it
	_ = t.raw.SetReadDeadline(time.Now().Add(timeout))                           // reading shows it
	from, err := readHeader(t.raw)
	if !stop() { // the scope closes, and has closed the connection
		return false
	}
	if err != nil {
		t.socket.r.o.Log.Warn("no proper PROXY header from a trusted proxy", "address", via, "err", err)
		t.refuse(badProxy, via.Addr())
		return false
	}
	_ = t.raw.SetReadDeadline(time.Time{}) // reading shows it
	if !from.source.IsValid() {
		return true // the proxy speaks for itself: a health check
	}
	info.Via, info.Proxied = via, true
	info.Remote, info.Local = from.source, from.target
	t.show(from)
	if why := t.count(info.Remote.Addr()); why != "" {
		t.refuse(why, info.Remote.Addr())
		return false
	}
	return true
}

// show lets the connection's addresses be those of the header.
func (t *tracked) show(from origin) {
	local, remote := net.TCPAddrFromAddrPort(from.target), net.TCPAddrFromAddrPort(from.source)
	switch c := t.conn.(type) {
	case *tcpConn:
		c.local, c.remote = local, remote
	case *unixConn:
		c.local, c.remote = local, remote
	}
}

// readHeader reads one header and not a byte more.
func readHeader(r io.Reader) (origin, error) {
	var buf [proxyV2Fixed + proxyV2Longest]byte
	head := buf[:proxyShortest]
	if _, err := io.ReadFull(r, head); err != nil {
		return origin{}, fmt.Errorf("read PROXY header: %w", err)
	}
	if bytes.HasPrefix(head, proxyV2Signature) {
		return readV2(r, buf[:])
	}
	if !bytes.HasPrefix(head, []byte("PROXY ")) {
		return origin{}, errors.New("it does not begin with a PROXY header")
	}
	n := proxyShortest
	for buf[n-1] != '\n' { // a byte at a time, since what follows is not ours
		if n == proxyV1Longest {
			return origin{}, fmt.Errorf("PROXY line longer than %d bytes", proxyV1Longest)
		}
		if _, err := io.ReadFull(r, buf[n:n+1]); err != nil {
			return origin{}, fmt.Errorf("read PROXY line: %w", err)
		}
		n++
	}
	return parseV1(string(buf[:n]))
}

// readV2 reads the rest of a binary header, of which buf has proxyShortest.
func readV2(r io.Reader, buf []byte) (origin, error) {
	if _, err := io.ReadFull(r, buf[proxyShortest:proxyV2Fixed]); err != nil {
		return origin{}, fmt.Errorf("read PROXY header: %w", err)
	}
	length := int(binary.BigEndian.Uint16(buf[14:]))
	if length > proxyV2Longest {
		return origin{}, fmt.Errorf("PROXY header of %d bytes", length)
	}
	if _, err := io.ReadFull(r, buf[proxyV2Fixed:proxyV2Fixed+length]); err != nil {
		return origin{}, fmt.Errorf("read PROXY header: %w", err)
	}
	return parseV2(buf[:proxyV2Fixed+length])
}

// parseV1 reads a whole line: PROXY TCP4 source target sourceport targetport.
func parseV1(line string) (origin, error) {
	body, ok := strings.CutSuffix(line, "\r\n")
	if !ok || len(line) > proxyV1Longest {
		return origin{}, errors.New("PROXY line without its end")
	}
	f := strings.Split(body, " ")
	if f[0] != "PROXY" || len(f) < 2 {
		return origin{}, errors.New("no PROXY line")
	}
	if f[1] == "UNKNOWN" { // whatever follows
		return origin{}, nil
	}
	if len(f) != 6 || f[1] != "TCP4" && f[1] != "TCP6" {
		return origin{}, fmt.Errorf("PROXY line %q", body)
	}
	source, err := endpointV1(f[1], f[2], f[4])
	if err != nil {
		return origin{}, err
	}
	target, err := endpointV1(f[1], f[3], f[5])
	return origin{source, target}, err
}

func endpointV1(family, host, port string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("PROXY address: %w", err)
	}
	if addr.Zone() != "" || addr.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, fmt.Errorf("PROXY address %s is not of %s", host, family)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || len(port) > 1 && port[0] == '0' || port[0] == '+' {
		return netip.AddrPort{}, fmt.Errorf("PROXY port %q", port)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), nil
}

// parseV2 reads a whole binary header; TLVs after the addresses are skipped.
func parseV2(b []byte) (origin, error) {
	if len(b) < proxyV2Fixed || !bytes.HasPrefix(b, proxyV2Signature) || len(b) != proxyV2Fixed+int(binary.BigEndian.Uint16(b[14:])) {
		return origin{}, errors.New("no PROXY header of version 2")
	}
	version, command, family, body := b[12]>>4, b[12]&0x0f, b[13], b[proxyV2Fixed:]
	if version != 2 || command > 1 {
		return origin{}, fmt.Errorf("PROXY version %d, command %d", version, command)
	}
	if command == 0 { // LOCAL: the family and the rest are to be ignored
		return origin{}, nil
	}
	var size int
	switch family {
	case 0x00, 0x31: // unspecified; a unix stream, which has no address for us
		return origin{}, nil
	case 0x11:
		size = 4
	case 0x21:
		size = 16
	default:
		return origin{}, fmt.Errorf("PROXY address family and transport %#02x", family)
	}
	if len(body) < 2*size+4 {
		return origin{}, fmt.Errorf("PROXY addresses of %d bytes", len(body))
	}
	ports := body[2*size:]
	return origin{
		source: endpointV2(body[:size], ports),
		target: endpointV2(body[size:2*size], ports[2:]),
	}, nil
}

func endpointV2(addr, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(addr) // of 4 or 16 bytes
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}
