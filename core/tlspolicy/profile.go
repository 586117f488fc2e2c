// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"crypto/tls"
	"slices"
)

// builtin is what holds before anything is configured.
func builtin() table {
	depth, capath := 9, systemCAs
	return table{
		Protocol: &protocols{tls.VersionTLS12, tls.VersionTLS13},
		Verify:   joined{"none"}, Depth: &depth, CAPath: &capath,
	}
}

// systemCAs is Prosody's default for capath; it stands for the system's
// authorities wherever they are.
const systemCAs = "/etc/ssl/certs"

// profiles are Mozilla's presets, without finite-field DH.
var profiles = map[string]table{
	"modern": {Protocol: &protocols{tls.VersionTLS13, tls.VersionTLS13}},
	"intermediate": {
		Protocol: &protocols{tls.VersionTLS12, tls.VersionTLS13},
		Ciphers:  joined{"kECDHE+AESGCM", "kECDHE+CHACHA20"},
	},
	"old": {
		Protocol: &protocols{tls.VersionTLS10, tls.VersionTLS13},
		Ciphers:  joined{"kECDHE+AESGCM", "kECDHE+CHACHA20", "kECDHE+AES", "kRSA+AES", "kRSA+3DES"},
	},
	"legacy": {
		Protocol: &protocols{tls.VersionTLS10, tls.VersionTLS13},
		Ciphers:  joined{"HIGH+kECDHE", "HIGH", "!3DES", "!aNULL"},
	},
}

// serviceTables are what services say before the config does. A server that
// connects shows its certificate; it is judged later, by SASL EXTERNAL or
// dialback (XEP-0178).
var serviceTables = map[string]table{
	"s2s": {
		Verify:    joined{"peer", "client_once"},
		VerifyExt: flags{"lsec_continue": true, "lsec_ignore_purpose": true},
	},
}

// family is the service whose ssl table a direct TLS service starts from.
func family(service string) string {
	switch service {
	case "c2s_direct_tls", "legacy_ssl":
		return "c2s"
	case "s2s_direct_tls":
		return "s2s"
	}
	return service
}

// noVersion are the options that take a version away.
var noVersion = map[string]uint16{
	"no_tlsv1": tls.VersionTLS10, "no_tlsv1_1": tls.VersionTLS11,
	"no_tlsv1_2": tls.VersionTLS12, "no_tlsv1_3": tls.VersionTLS13,
}

// config makes the part of a tls.Config that both ends have in common. When the
// table leaves no version, low is above high: no handshake succeeds.
func (t table) config() *tls.Config {
	low, high := t.Protocol.low, t.Protocol.high
	out := &tls.Config{
		Renegotiation:               tls.RenegotiateNever,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
	}
	if t.Ciphers != nil {
		out.CipherSuites, _ = parseCiphers(t.Ciphers.String())
		if len(out.CipherSuites) == 0 { // an empty list would mean Go's
			low = tls.VersionTLS13
		}
	}
	off := make(map[uint16]bool)
	for name, v := range noVersion {
		off[v] = t.Options[name]
	}
	for low <= high && off[low] {
		low++
	}
	for low <= high && off[high] {
		high--
	}
	out.MinVersion, out.MaxVersion = low, high
	names := t.CurvesList
	if names == nil {
		names = t.Curve
	}
	if names != nil {
		out.CurvePreferences, _ = parseCurves(names.String())
	}
	if t.ALPN != nil {
		out.NextProtos = slices.Clone(t.ALPN)
	}
	return out
}
