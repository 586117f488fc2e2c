// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tercet/config"
)

// indexDepth is how deep the folder of certificates is searched, and maxIndexed
// how many files in it are looked at.
const (
	indexDepth = 3
	maxIndexed = 10_000
)

// index is the folder of certificates by the names in them.
type index struct {
	names map[string][]indexed
	files int
}

type indexed struct {
	*pair
	service string // of an SRV name; "" for all
}

// indexFolder reads the folder; what can not be used is left out, unless it
// was good before.
func (s *snapshot) indexFolder(dir string) *index {
	x := &index{names: make(map[string][]indexed)}
	s.indexLevel(x, dir, indexDepth)
	for _, list := range x.names {
		slices.SortFunc(list, s.better)
	}
	return x
}

func (s *snapshot) indexLevel(x *index, dir string, depth int) {
	s.watch.look(dir)
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil || depth == 0 {
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if x.files++; x.files > maxIndexed {
			return
		}
		if isDir(path, e) {
			if e.Name()[0] != '.' {
				s.indexLevel(x, path, depth-1)
			}
			continue
		}
		if strings.HasSuffix(path, ".crt") || strings.Contains(e.Name(), "fullchain") {
			s.indexFile(x, path)
		}
	}
}

// isDir follows links: /etc/letsencrypt/live has some.
func isDir(path string, e os.DirEntry) bool {
	if e.Type() != os.ModeSymlink {
		return e.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (s *snapshot) indexFile(x *index, path string) {
	key := matchingKey(path)
	was := s.store.known(path, key)
	if !was && (!beginsWithCertificate(path) || !isFile(key)) {
		s.watch.look(path)
		s.watch.look(key)
		return
	}
	p, err := s.store.load(s.watch, path, key, "")
	switch {
	case err != nil && p != nil:
		s.warn(config.Value{}, "%s: %v; the certificate from before stays in use", path, err)
	case err != nil:
		s.log.Debug("certificate not used", "file", path, "err", err)
		return
	case !p.validAt(s.now) && !was:
		s.log.Debug("certificate not used: it is not valid now", "file", path)
		return
	}
	for _, i := range p.names {
		x.names[i.name] = append(x.names[i.name], indexed{p, i.service})
	}
}

// better puts valid certificates first, then those that last longest.
func (s *snapshot) better(x, y indexed) int {
	valid := func(i indexed) int {
		if i.validAt(s.now) {
			return 0
		}
		return 1
	}
	return cmp.Or(valid(x)-valid(y), y.cert.Leaf.NotAfter.Compare(x.cert.Leaf.NotAfter), cmp.Compare(x.certFile, y.certFile))
}

// get returns the best certificate with exactly that name.
func (x *index) get(name, service string) *pair {
	for _, i := range x.names[name] {
		if i.service == "" || i.service == srvService(service) {
			return i.pair
		}
	}
	return nil
}

// forName also takes a wildcard for the first label.
func (x *index) forName(name, service string) *pair {
	if p := x.get(name, service); p != nil {
		return p
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		return x.get("*."+parent, service)
	}
	return nil
}

// srvService is the service of SRV names (XEP-0368, RFC 6120 3.2.1).
func srvService(service string) string {
	switch service {
	case "c2s", "legacy_ssl":
		return "xmpp-client"
	case "c2s_direct_tls":
		return "xmpps-client"
	case "s2s":
		return "xmpp-server"
	case "s2s_direct_tls":
		return "xmpps-server"
	}
	return service
}

// hostPair finds the certificate of a host: by the names in certificates, by
// the names of files, then by those of the domain above.
func (s *snapshot) hostPair(host, service string) *pair {
	for name := host; ; {
		if p := s.index.forName(toASCII(name), service); p != nil {
			return p
		}
		option, ok := s.c.Lookup(name, "certificate")
		dir := s.options.Certificates
		if ok && option.Str() != "" {
			dir = option.Str()
		}
		if p := s.files(option, resolvePath(s.c.Dir, dir), name); p != nil {
			return p
		}
		if name == host && s.dataDir != "" {
			if p := s.files(config.Value{}, s.dataDir, name); p != nil {
				return p
			}
		}
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return nil
		}
		name = parent
	}
}

// servicePair finds the certificate of a port that begins with TLS, for
// clients that name no host of ours.
func (s *snapshot) servicePair(service string, port string) *pair {
	option, set := s.c.Lookup("", service+"_certificate")
	if option.Kind() == config.Table {
		byPort, ok := option.Get(port)
		if !ok {
			byPort, set = option.Get("default")
		}
		option = byPort
	}
	if p := s.anyIndexed(service); p != nil {
		if set {
			s.warn(option, "%s_certificate: without effect: the folder of certificates has one, %s", service, p.certFile)
		}
		return p
	}
	if set && option.Str() != "" {
		if p := s.files(option, resolvePath(s.c.Dir, option.Str()), service); p != nil {
			return p
		}
	}
	if p := s.files(config.Value{}, resolvePath(s.c.Dir, s.options.Certificates), service); p != nil {
		return p
	}
	for _, h := range s.hosts {
		if h.pair != nil {
			return h.pair
		}
	}
	return nil
}

// anyIndexed is the indexed certificate of the first host that has one, else
// of the first name.
func (s *snapshot) anyIndexed(service string) *pair {
	for _, h := range s.hosts {
		if p := s.index.forName(h.ascii, service); p != nil {
			return p
		}
	}
	var first string
	for name := range s.index.names {
		if (first == "" || name < first) && s.index.get(name, service) != nil {
			first = name
		}
	}
	return s.index.get(first, service)
}

// files tries a path itself and the files in it that are named after name.
func (s *snapshot) files(option config.Value, base, name string) *pair {
	names := []string{name}
	if ascii := toASCII(name); ascii != name {
		names = append(names, ascii)
	}
	for _, n := range names {
		if strings.ContainsAny(n, "/\x00") {
			continue
		}
		for _, path := range []string{base, base + "/" + n + ".crt", base + "/" + n + "/fullchain.pem", base + "/" + n + ".pem"} {
			key := matchingKey(path)
			s.watch.look(path)
			s.watch.look(key)
			if !s.store.known(path, key) && (!isFile(path) || !isFile(key)) {
				continue
			}
			p, err := s.store.load(s.watch, path, key, "")
			if err != nil && p != nil {
				s.warn(option, "%s: %v; the certificate from before stays in use", path, err)
			} else if err != nil {
				s.warn(option, "certificate for %s: %v", name, err)
			}
			if p != nil {
				return p
			}
		}
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// matchingKey is where the key of a certificate lies: x.crt -> x.key,
// fullchain.pem -> privkey.pem, else in the same file.
func matchingKey(path string) string {
	dir, name := filepath.Split(path)
	if stem, ok := strings.CutSuffix(name, ".crt"); ok {
		name = stem + ".key"
	}
	return dir + strings.ReplaceAll(name, "fullchain", "privkey")
}
