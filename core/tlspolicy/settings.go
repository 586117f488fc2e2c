// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"tercet/config"
)

// options are those of the config that are no ssl table.
type options struct {
	Profile      string `lua:"tls_profile" enum:"intermediate|modern|old|legacy" doc:"Preset of versions and ciphers, after Mozilla's guideline 5.6."`
	Certificates string `lua:"certificates" doc:"Folder of certificates, relative to the config file; each host finds its own in it."`
	Certificate  string `lua:"certificate" doc:"File or folder of a host's certificate, beside the folder of all."`
}

func defaults() options { return options{Profile: "intermediate", Certificates: "certs"} }

// table is an ssl table. Pointers and nil are what was not written.
type table struct {
	Certificate  *string      `lua:"certificate" doc:"PEM file with the chain; relative to the config file."`
	Key          *string      `lua:"key" doc:"PEM file with the private key; found beside the certificate when absent."`
	Password     *string      `lua:"password" secret:"true" doc:"Password of the private key."`
	Protocol     *protocols   `lua:"protocol" type:"string" doc:"\"tlsv1_2\" for that version alone, \"tlsv1_2+\" for that and later."`
	Ciphers      joined       `lua:"ciphers" type:"string or list" doc:"OpenSSL cipher string for TLS 1.2 and before."`
	CipherSuites joined       `lua:"ciphersuites" type:"string or list" doc:"Those of TLS 1.3; all of them are on."`
	Curve        joined       `lua:"curve" type:"string" doc:"One group for the key exchange."`
	CurvesList   joined       `lua:"curveslist" type:"string or list" doc:"Groups for the key exchange."`
	DHParam      config.Value `lua:"dhparam" type:"string" doc:"Accepted; finite-field DH is not offered."`
	CAFile       *string      `lua:"cafile" doc:"PEM file with authorities that are trusted beside those of capath."`
	CAPath       *string      `lua:"capath" doc:"Folder with authorities that are trusted; empty for none."`
	Depth        *int         `lua:"depth" min:"0" max:"100" doc:"Most certificates between a peer's and the authority's."`
	Verify       joined       `lua:"verify" type:"string or list" doc:"\"none\", \"peer\", \"fail_if_no_peer_cert\", \"selfsigned_peer\"."`
	VerifyExt    flags        `lua:"verifyext" type:"list or table" doc:"\"lsec_continue\": judge later; \"lsec_ignore_purpose\": any key usage."`
	Options      flags        `lua:"options" type:"list or table" doc:"\"no_tlsv1_2\" and the like; others have no effect."`
	ALPN         joined       `lua:"alpn" type:"string or list" doc:"Application protocols of a direct TLS port."`
	CRLs         joined       `lua:"crlfile" type:"string or list" doc:"PEM or DER files with revocation lists for peers' certificates."`
	CRLExpired   *string      `lua:"crl_expired" enum:"fail|warn" doc:"What a list does whose time is over."`
	DANE         config.Value `lua:"dane" type:"boolean" doc:"Accepted; use_dane decides."`
	Compression  config.Value `lua:"compression" type:"boolean" doc:"Accepted; there is no compression."`
	Mode         config.Value `lua:"mode" type:"string" doc:"Accepted; the use decides."`
	ports        map[string]*table
}

// Fields describes the options, with <service>_ssl and <service>_certificate of
// the services that are named.
func Fields(services ...string) []config.Field {
	fields := config.Schema(defaults())
	ssl := config.Field{Name: "ssl", Type: "table", Doc: "TLS of all services.", Fields: config.Schema(table{})}
	fields = append(fields, ssl)
	for _, s := range services {
		ssl.Name, ssl.Doc = s+"_ssl", "TLS of "+s+", where it differs."
		fields = append(fields, ssl, config.Field{
			Name: s + "_certificate", Type: "string or table",
			Doc: "File or folder of the certificate of a port of " + s + ", or a table of such by port.",
		})
	}
	return fields
}

// joined is a string, or a list that is joined by colons.
type joined []string

// UnmarshalConfig reads either.
func (j *joined) UnmarshalConfig(v config.Value) error {
	*j = joined{}
	items := v.List()
	if v.Kind() == config.String {
		items = []config.Value{v}
	} else if v.Kind() != config.Table {
		return config.Errorf(v, "want a string or a list of strings, got %s", v)
	}
	for _, item := range items {
		if item.Kind() != config.String {
			return config.Errorf(item, "want a string, got %s", item)
		}
		*j = append(*j, item.Str())
	}
	return nil
}

func (j joined) String() string { return strings.Join(j, ":") }

// flags is a list of words, or a table of words and booleans.
type flags map[string]bool

// UnmarshalConfig reads { "no_tlsv1" } and { no_tlsv1 = true }.
func (f *flags) UnmarshalConfig(v config.Value) error {
	*f = flags{}
	if v.Kind() == config.String {
		(*f)[v.Str()] = true
		return nil
	}
	if v.Kind() != config.Table {
		return config.Errorf(v, "want a list of words, got %s", v)
	}
	for _, item := range v.List() {
		(*f)[item.Str()] = true
	}
	for _, p := range v.Fields() {
		(*f)[p.Key] = p.Value.Kind() != config.Bool || p.Value.Bool()
	}
	return nil
}

// protocols is a range of TLS versions.
type protocols struct{ low, high uint16 }

var versions = map[string]uint16{
	"tlsv1": tls.VersionTLS10, "tlsv1_0": tls.VersionTLS10, "tlsv1_1": tls.VersionTLS11,
	"tlsv1_2": tls.VersionTLS12, "tlsv1_3": tls.VersionTLS13,
}

// UnmarshalConfig reads "tlsv1_2", "tlsv1.2+", or versions joined by colons.
func (p *protocols) UnmarshalConfig(v config.Value) error {
	if v.Kind() != config.String {
		return config.Errorf(v, `want a version such as "tlsv1_2+", got %s`, v)
	}
	out := protocols{}
	for word := range strings.FieldsFuncSeq(v.Str(), func(r rune) bool { return strings.ContainsRune(":, ", r) }) {
		name, andLater := strings.CutSuffix(strings.ReplaceAll(strings.ToLower(word), ".", "_"), "+")
		switch name {
		case "sslv2", "sslv3":
			return config.Errorf(v, "%s is broken (RFC 6176, RFC 7568) and not available; use \"tlsv1_2+\"", name)
		case "sslv23", "tls", "any":
			name, andLater = "tlsv1_2", true
		}
		n, ok := versions[name]
		if !ok {
			return config.Errorf(v, `want a version such as "tlsv1_2+", got %s`, v)
		}
		high := n
		if andLater {
			high = tls.VersionTLS13
		}
		if out.low == 0 || n < out.low {
			out.low = n
		}
		out.high = max(out.high, high)
	}
	if out.low == 0 {
		return config.Errorf(v, `want a version such as "tlsv1_2+", got %s`, v)
	}
	*p = out
	return nil
}

// reader reads ssl tables and collects what is wrong in them.
type reader struct {
	c        *config.Config
	problems []config.Problem
}

func (r *reader) add(pos config.Pos, s config.Severity, format string, args ...any) {
	r.problems = append(r.problems, config.Problem{Pos: pos, Severity: s, Text: fmt.Sprintf(format, args...)})
}

// table reads one ssl table; ports may be tables within it. It is nil when
// there is none.
func (r *reader) table(name string, v config.Value, nested bool) *table {
	if v.IsZero() || v.Kind() == config.Bool && !v.Bool() {
		return nil
	}
	if v.Kind() != config.Table {
		r.add(v.Pos, config.Error, "%s: want a table, got %s", name, v)
		return nil
	}
	t := &table{}
	own := config.New(r.c.File, r.c.Dir)
	known := config.Names(table{})
	for i, item := range v.List() { // { [1] = {} } is no port, but may be meant as one
		r.add(item.Pos, config.Warning, "%s[%d]: ignored: not a key of an ssl table", name, i+1)
	}
	for _, p := range v.Fields() {
		switch {
		case slices.Contains(known, p.Key):
			own.Global.Options[p.Key] = p.Value
		case !nested && isPort(p.Key):
			if t.ports == nil {
				t.ports = make(map[string]*table)
			}
			t.ports[p.Key] = r.table(name+"["+p.Key+"]", p.Value, true)
			if strings.Trim(p.Key, "0123456789") != "" {
				r.add(p.Value.Pos, config.Warning, "%s[%s]: ignored: TLS differs by port, not by interface", name, p.Key)
			}
		default:
			hint := ""
			if near := config.Suggest(p.Key, known); near != "" {
				hint = "; did you mean " + near + "?"
			}
			r.add(p.Value.Pos, config.Warning, "%s: no key %s%s", name, p.Key, hint)
		}
	}
	for _, p := range config.Decode(own, "", t) {
		p.Text = name + "." + p.Text
		r.problems = append(r.problems, p)
	}
	r.explain(name, v, t)
	return t
}

// isPort reports whether a key is a port or an interface.
func isPort(key string) bool {
	return key == "*" || key != "" && strings.Trim(key, "0123456789") == "" || net.ParseIP(key) != nil
}

// explain says what of a table has no effect, or one that should be known.
func (r *reader) explain(name string, v config.Value, t *table) {
	warn := func(key, format string, args ...any) {
		at, _ := v.Get(key)
		r.add(at.Pos, config.Warning, name+"."+key+": "+format, args...)
	}
	if !t.DHParam.IsZero() {
		warn("dhparam", "finite-field DH is not offered, ECDHE is used")
	}
	if t.Protocol != nil && t.Protocol.low < tls.VersionTLS12 {
		warn("protocol", "TLS before 1.2 is deprecated (RFC 8996)")
	}
	if text, _ := v.Get("protocol"); slices.Contains([]string{"sslv23", "tls", "any"}, strings.ToLower(text.Str())) {
		warn("protocol", `read as "tlsv1_2+"`)
	}
	if t.Ciphers != nil {
		ids, unknown := parseCiphers(t.Ciphers.String())
		for _, word := range unknown {
			warn("ciphers", "no cipher is called %q", word)
		}
		if len(ids) == 0 {
			warn("ciphers", "nothing of it is available, so there is no TLS before 1.3")
		}
	}
	if t.CipherSuites != nil {
		warn("ciphersuites", "those of TLS 1.3 are all on")
	}
	for _, key := range []string{"curve", "curveslist"} {
		list := t.CurvesList
		if key == "curve" {
			list = t.Curve
		}
		if list == nil {
			continue
		}
		ids, unknown := parseCurves(list.String())
		for _, word := range unknown {
			warn(key, "no group is called %q", word)
		}
		if len(ids) == 0 {
			warn(key, "nothing of it is available, so it has no effect")
		}
	}
	for _, word := range t.Verify {
		if !slices.Contains([]string{"none", "peer", "client_once", "fail_if_no_peer_cert", "selfsigned_peer"}, word) {
			warn("verify", "no way to verify is called %q", word)
		}
	}
}

// over puts t over base: what t says replaces what base says, flags are merged.
func (t *table) over(base table) table {
	if t == nil {
		return base
	}
	replace(&base.Certificate, t.Certificate)
	if t.Certificate != nil {
		base.Key = nil // a key found or named for another certificate
	}
	replace(&base.Key, t.Key)
	replace(&base.Password, t.Password)
	replace(&base.Protocol, t.Protocol)
	replace(&base.CAFile, t.CAFile)
	replace(&base.CAPath, t.CAPath)
	replace(&base.Depth, t.Depth)
	replace(&base.CRLExpired, t.CRLExpired)
	for _, x := range []struct{ to, from *joined }{
		{&base.Ciphers, &t.Ciphers},
		{&base.CurvesList, &t.CurvesList},
		{&base.Verify, &t.Verify},
		{&base.ALPN, &t.ALPN},
		{&base.CRLs, &t.CRLs},
	} {
		if *x.from != nil {
			*x.to = *x.from
		}
	}
	if t.Curve != nil {
		base.Curve = t.Curve
		if t.CurvesList == nil {
			base.CurvesList = nil
		}
	}
	base.VerifyExt = merge(base.VerifyExt, t.VerifyExt)
	base.Options = merge(base.Options, t.Options)
	return base
}

func replace[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

func merge(base, over flags) flags {
	if len(over) == 0 {
		return base
	}
	out := maps.Clone(base)
	if out == nil {
		out = flags{}
	}
	maps.Copy(out, over)
	return out
}

// resolvePath makes a path of the config absolute.
func resolvePath(dir, p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(dir, p)
}
