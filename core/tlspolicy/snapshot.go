// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tercet/config"
)

// snapshot is what one reading of the config and the files gave. It is not
// changed; what is asked for first later is added under its mutex.
type snapshot struct {
	c       *config.Config
	options options
	dataDir string
	log     *slog.Logger
	store   *store
	watch   *watch
	now     time.Time
	index   *index
	tables  map[string]*table // global: by service; "" is ssl
	hosts   []*host
	byName  map[string]*host // as configured
	byASCII map[string]*host
	others  map[string]other // by option and name: "http_host upload.example.org"

	problems []config.Problem
	building bool

	mu       sync.Mutex // guards what follows
	contexts map[contextKey]*tlsContext
	defaults map[string]*pair // of direct services, by service and port
	trusts   map[string]*trust
}

// host is an enabled VirtualHost or Component.
type host struct {
	name, ascii string
	section     *config.Section
	tables      map[string]*table // its own, as in snapshot
	pair        *pair             // by discovery; nil: none
}

// other is a host's name for one service, as by http_host.
type other struct {
	host string
	pair *pair
}

type contextKey struct {
	host, service, port, alpn string
	pair                      *pair // where no host says which
}

// tlsContext is the TLS of one host and service.
type tlsContext struct {
	table table
	pair  *pair
	trust *trust
	conf  *tls.Config // nil without a certificate
	outer *tls.Config // what callers get; made when first asked for
}

// build reads everything. It always gives a snapshot. Hosts that have lost their
// certificate keep that of the snapshot before, if there is one.
func build(c *config.Config, o Options, st *store, before *snapshot, now time.Time) *snapshot {
	s := &snapshot{
		c: c, options: defaults(), dataDir: o.DataDir, log: o.Log, store: st, watch: newWatch(), now: now, building: true,
		byName: make(map[string]*host), byASCII: make(map[string]*host), others: make(map[string]other),
		contexts: make(map[contextKey]*tlsContext), defaults: make(map[string]*pair), trusts: make(map[string]*trust),
	}
	s.problems = config.Decode(c, "", &s.options)
	r := &reader{c: c}
	s.tables = r.tables(c.Global)
	for _, section := range c.Hosts {
		if section.Enabled() {
			h := &host{name: section.Name, ascii: toASCII(section.Name), section: section, tables: r.tables(section)}
			s.hosts = append(s.hosts, h)
			s.byName[h.name], s.byASCII[h.ascii] = h, h
		}
	}
	s.problems = append(s.problems, r.problems...)
	if v, ok := c.Lookup("", "tls_profile"); ok && (s.options.Profile == "old" || s.options.Profile == "legacy") {
		s.warn(v, "tls_profile: %q allows TLS before 1.2, which is deprecated (RFC 8996)", s.options.Profile)
	}
	s.index = s.indexFolder(resolvePath(c.Dir, s.options.Certificates))
	for _, h := range s.hosts {
		h.pair = s.hostPair(h.name, "")
		if h.pair == nil && before != nil && before.byName[h.name] != nil && before.byName[h.name].pair != nil {
			h.pair = before.byName[h.name].pair
			s.warn(config.Value{Pos: h.section.Pos}, "%s: no certificate is found any more; %s from before stays in use", h.name, h.pair.certFile)
		}
	}
	s.findOthers()
	s.prepare()
	s.building = false
	return s
}

// prepare makes what is known to be needed, so that its problems are seen now.
func (s *snapshot) prepare() {
	services := []string{"c2s", "s2s"}
	for name := range s.tables {
		services = append(services, name)
	}
	told := make(map[*pair]bool)
	for _, h := range s.hosts {
		names := services
		for name := range h.tables {
			names = append(slices.Clip(names), name)
		}
		slices.Sort(names)
		for _, service := range slices.Compact(names) {
			if service == "" || strings.HasPrefix(service, "client_") {
				continue
			}
			x := s.context(contextKey{host: h.name, service: service})
			if x.pair != nil && !told[x.pair] {
				told[x.pair] = true
				s.checkPair(h, x.pair)
			}
			if x.conf != nil && x.conf.MinVersion > x.conf.MaxVersion {
				s.problems = append(s.problems, config.Problem{
					Pos: h.section.Pos, Severity: config.Error,
					Text: fmt.Sprintf("%s: the options of TLS for %s leave no version", h.name, service),
				})
			}
		}
	}
	for name := range s.c.Global.Options {
		if service, ok := strings.CutSuffix(name, "_certificate"); ok {
			s.defaultPair(service, "")
		}
	}
}

// soon is how long before the end of a certificate that is said.
const soon = 14 * 24 * time.Hour

// checkPair says what an admin should know of a certificate.
func (s *snapshot) checkPair(h *host, p *pair) {
	leaf := p.cert.Leaf
	at := config.Value{Pos: h.section.Pos}
	switch {
	case s.now.After(leaf.NotAfter):
		s.warn(at, "%s: the certificate %s ended on %s", h.name, p.certFile, leaf.NotAfter.UTC().Format(time.DateTime))
	case s.now.Before(leaf.NotBefore):
		s.warn(at, "%s: the certificate %s begins on %s", h.name, p.certFile, leaf.NotBefore.UTC().Format(time.DateTime))
	case leaf.NotAfter.Sub(s.now) < soon:
		s.warn(at, "%s: the certificate %s ends on %s", h.name, p.certFile, leaf.NotAfter.UTC().Format(time.DateTime))
	}
	if !p.covers(h.ascii) {
		s.warn(at, "%s: the certificate %s has no such name", h.name, p.certFile)
	}
	if readableByAll(p.keyFile) {
		s.warn(at, "%s: everybody on this machine may read the key %s", h.name, p.keyFile)
	}
}

func (s *snapshot) warn(at config.Value, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !s.building {
		s.log.Warn("TLS is not as configured", "err", text)
		return
	}
	p := config.Problem{Pos: at.Pos, Severity: config.Warning, Text: text}
	if p.Pos.File == "" {
		p.Pos.File = s.c.File
	}
	if !slices.Contains(s.problems, p) {
		s.problems = append(s.problems, p)
	}
}

// tables reads ssl and each <service>_ssl of a section.
func (r *reader) tables(section *config.Section) map[string]*table {
	out := make(map[string]*table)
	for name, v := range section.Options {
		service, ok := strings.CutSuffix(name, "_ssl")
		if name == "ssl" {
			service, ok = "", true
		}
		if !ok {
			continue
		}
		if t := r.table(name, v, false); t != nil {
			out[service] = t
		}
	}
	return out
}

// above is the host whose domain the host's extends, if it is one of ours.
func (s *snapshot) above(h *host) *host {
	_, parent, _ := strings.Cut(h.name, ".")
	return s.byName[parent]
}

// tableFor is what there is about a host and service. h may be nil. Whoever
// asks for TLS 1.0 or 1.1, and for no ciphers, wants some that these have.
func (s *snapshot) tableFor(h *host, p *pair, service, port string) table {
	t := s.merged(h, p, service, port)
	if t.Protocol.low < tls.VersionTLS12 && slices.Equal(t.Ciphers, profiles["intermediate"].Ciphers) {
		t.Ciphers = profiles["legacy"].Ciphers
	}
	return t
}

// merged merges the layers, the most general first.
func (s *snapshot) merged(h *host, p *pair, service, port string) table {
	t := builtin()
	if p != nil {
		t.Certificate, t.Key = &p.certFile, &p.keyFile
	}
	profile := profiles[s.options.Profile]
	t = profile.over(t)
	t = s.tables[""].over(t)
	layers := []string{service}
	if base := family(service); base != service {
		layers = []string{base, service}
	}
	for _, name := range layers {
		own := serviceTables[name]
		t = own.over(t)
		t = s.tables[name].over(t)
	}
	t = s.tables[""].port(port).over(t)
	t = s.tables[service].port(port).over(t)
	if h == nil {
		return t
	}
	for _, name := range append([]string{""}, layers...) {
		own := h.tables[name]
		if up := s.above(h); own == nil && up != nil {
			own = up.tables[name]
		}
		t = own.over(t)
	}
	return t
}

// port is the table within a table for one port.
func (t *table) port(port string) *table {
	if t == nil || port == "" {
		return nil
	}
	return t.ports[port]
}

// get is context under the mutex.
func (s *snapshot) get(k contextKey) *tlsContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.context(k)
}

// context makes the TLS of a host and service, once.
func (s *snapshot) context(k contextKey) *tlsContext {
	if x := s.contexts[k]; x != nil {
		return x
	}
	h, found := s.byName[k.host], k.pair
	if h != nil && found == nil {
		if found = h.pair; found == nil {
			found = s.hostPair(h.name, k.service) // by an SRV name
		}
	}
	t := s.tableFor(h, found, k.service, k.port)
	x := &tlsContext{table: t, pair: s.pairOf(t, found)}
	s.contexts[k] = x
	x.trust = s.trustOf(t)
	if x.pair == nil {
		return x
	}
	x.conf = t.config()
	cert := &x.pair.cert
	x.conf.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }
	if k.alpn != "" {
		x.conf.NextProtos = append(strings.Split(k.alpn, " "), x.conf.NextProtos...)
	}
	x.trust.demand(x.conf, t)
	return x
}

// pairOf is the certificate that a merged table names, or that was found.
func (s *snapshot) pairOf(t table, found *pair) *pair {
	if t.Certificate == nil {
		return nil
	}
	certFile := resolvePath(s.c.Dir, *t.Certificate)
	keyFile := matchingKey(certFile)
	if t.Key != nil {
		keyFile = resolvePath(s.c.Dir, *t.Key)
	}
	if found != nil && certFile == found.certFile && keyFile == found.keyFile {
		return found
	}
	password := ""
	if t.Password != nil {
		password = *t.Password
	}
	p, err := s.store.load(s.watch, certFile, keyFile, password)
	if err != nil && p != nil {
		s.warn(config.Value{}, "ssl: %v; the certificate from before stays in use", err)
	} else if err != nil {
		s.warn(config.Value{}, "ssl: %v", err)
	}
	return p
}

// defaultPair is the certificate of a direct TLS service for clients that name
// no host of ours.
func (s *snapshot) defaultPair(service, port string) *pair {
	k := service + " " + port
	p, ok := s.defaults[k]
	if !ok {
		p = s.servicePair(service, port)
		s.defaults[k] = p
	}
	return p
}

// direct chooses the context for a client of a direct TLS service. It is nil
// when there is no certificate at all.
func (s *snapshot) direct(k contextKey, sni string) *tlsContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	sni = strings.ToLower(strings.TrimSuffix(sni, "."))
	if sni != "" {
		if h := s.byASCII[sni]; h != nil {
			k.host = h.name
		} else {
			k.host, k.pair = s.alternate(k.service, sni)
		}
		if k.host != "" || k.pair != nil {
			if x := s.context(k); x.conf != nil {
				return x
			}
		}
	}
	k.host, k.pair = "", s.defaultPair(k.service, k.port)
	if x := s.context(k); x.conf != nil {
		return x
	}
	return nil
}

// findOthers collects the names that services have for hosts.
func (s *snapshot) findOthers() {
	for _, h := range s.hosts {
		for _, section := range []*config.Section{h.section, s.c.Global} {
			for option, v := range section.Options {
				k := option + " " + toASCII(v.Str())
				if _, taken := s.others[k]; taken || v.Str() == "" || !strings.HasSuffix(option, "_host") {
					continue
				}
				s.others[k] = other{h.name, s.hostPair(v.Str(), strings.TrimSuffix(option, "_host"))}
			}
		}
	}
}

// alternate finds the host that a service has under another name (http_host),
// or a certificate for a name that is no host.
func (s *snapshot) alternate(service, sni string) (host string, p *pair) {
	o, ok := s.others[service+"_host "+sni]
	if !ok && service == "https" {
		o, ok = s.others["http_host "+sni]
	}
	if ok {
		return o.host, o.pair
	}
	return "", s.index.forName(sni, service)
}

func portWord(port int) string {
	if port <= 0 {
		return ""
	}
	return strconv.Itoa(port)
}
