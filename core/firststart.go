// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"

	"tercet/config"
	"tercet/core/tlspolicy"
)

// isNew reports whether a directory holds nothing but what this start has
// made.
func isNew(dir string) bool {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	for _, e := range entries {
		if e.Name() != lockName {
			return false
		}
	}
	return err == nil
}

// firstCertificates makes self-signed certificates for the virtual hosts of a
// server that starts for the first time and has none for them: clients can
// connect, and warn of the certificate.
func firstCertificates(ctx context.Context, c *config.Config, dir string, p *tlspolicy.Policy, log *slog.Logger) {
	made := false
	for _, h := range c.Hosts {
		if h.Kind != config.VirtualHost || !h.Enabled() {
			continue
		}
		if cfg, err := p.Server(h.Name, "c2s"); err == nil && cfg != nil {
			continue
		}
		file, _, err := tlspolicy.SelfSigned(dir, []string{h.Name})
		if err != nil {
			log.WarnContext(ctx, "no certificate", "host", h.Name, "err", err)
			continue
		}
		log.InfoContext(ctx, "self-signed certificate made", "host", h.Name, "file", file)
		made = true
	}
	if made {
		p.Reload()
	}
}
