// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tercet/core/listen"
	"tercet/core/logging"
	"tercet/core/module"
	"tercet/core/tlspolicy"
)

// attachLists sets the commands that show what the server has.
func (m *shell) attachLists(s *module.Scope) {
	Command.Set(s, "storage", Spec{Doc: "List each kind of stored data, its driver and its place.", Run: m.storage})
	Command.Set(s, "listeners", Spec{Doc: "List the addresses that the server listens on.", Run: m.listeners})
	Command.Set(s, "cert", Spec{Args: "[HOST]", Doc: "Show the certificates in use.", Run: m.certificates})
	Command.Set(s, "log", Spec{
		Args: "[COUNT]", Doc: "Show the last lines of the log (20).", Run: m.log,
		Flags: []Flag{
			{"follow", "", "Go on with what comes, until interrupted."},
			{"level", "LEVEL", "Follow from this level on: debug, info, warn or error."},
		},
	})
}

type storeRow struct {
	Driver string `json:"driver"`
	Host   string `json:"host"`
	Store  string `json:"store"`
	Kind   string `json:"kind"`
	Rows   int    `json:"rows"`
	Place  string `json:"place"`
}

func (m *shell) storage(ctx context.Context, c *Call) error {
	all := []storeRow{}
	drivers := m.env.Storage.All()
	for _, word := range slices.Sorted(maps.Keys(drivers)) {
		stores, err := drivers[word].Stores(ctx)
		if err != nil {
			return fmt.Errorf("list the stores of %s: %w", word, err)
		}
		for _, s := range stores {
			all = append(all, storeRow{word, s.Host, s.Store, fmt.Sprint(s.Kind), s.Rows, s.Place})
		}
	}
	slices.SortFunc(all, func(a, b storeRow) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Store, b.Store), cmp.Compare(a.Driver, b.Driver))
	})
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{cmp.Or(s.Host, "(server)"), s.Store, s.Kind, strconv.Itoa(s.Rows), s.Driver, s.Place})
	}
	c.Table([]string{"HOST", "STORE", "KIND", "ROWS", "DRIVER", "PLACE"}, rows)
	return c.Result(all)
}

type listenerRow struct {
	Service     string    `json:"service"`
	Network     string    `json:"network"`
	Address     string    `json:"address"`
	TLS         string    `json:"tls"`
	Connections int       `json:"connections"`
	Private     bool      `json:"private"`
	Activated   bool      `json:"activated"`
	Accepting   bool      `json:"accepting"`
	Since       time.Time `json:"since"`
}

func (m *shell) listeners(_ context.Context, c *Call) error {
	all := []listenerRow{}
	var rows [][]string
	for _, l := range m.env.Listeners.List() {
		all = append(all, listenerRow{l.Service, l.Network, l.Address, l.TLS, l.Connections, l.Private, l.Activated, l.Accepting, l.Since})
		rows = append(rows, []string{cmp.Or(l.Service, "(none)"), l.Network, l.Address, l.TLS, strconv.Itoa(l.Connections), remark(l)})
	}
	c.Table([]string{"SERVICE", "NETWORK", "ADDRESS", "TLS", "CONNECTIONS", ""}, rows)
	return c.Result(all)
}

func remark(l listen.Listening) string {
	var words []string
	if l.Private {
		words = append(words, "private")
	}
	if l.Activated {
		words = append(words, "from systemd")
	}
	if !l.Accepting {
		words = append(words, "not accepting")
	}
	return strings.Join(words, ", ")
}

type certRow struct {
	Host        string    `json:"host"`
	Service     string    `json:"service,omitempty"`
	File        string    `json:"file"`
	Key         string    `json:"key"`
	Names       []string  `json:"names"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Fingerprint string    `json:"fingerprint"`
	Pin         string    `json:"pin"`
	TLSA        string    `json:"tlsa"`
	SelfSigned  bool      `json:"self_signed"`
	Covers      bool      `json:"covers_host"`
}

func (m *shell) certificates(_ context.Context, c *Call) error {
	if name := c.Arg(0); name != "" && m.env.Router.Host(name) == nil {
		return m.noHost(name)
	}
	all := []certRow{}
	for _, i := range m.env.TLS.Certificates() {
		if c.Arg(0) != "" && i.Host != c.Arg(0) {
			continue
		}
		all = append(all, certRow{
			i.Host, i.Service, i.File, i.Key, i.Names, i.NotBefore, i.NotAfter, i.Subject, i.Issuer,
			i.Fingerprint, i.Pin, i.TLSA, i.SelfSigned, i.Covers,
		})
		printCertificate(c, i)
	}
	if len(all) == 0 {
		c.Printf("no certificate is in use\n")
	}
	return c.Result(all)
}

func printCertificate(c *Call, i tlspolicy.CertInfo) {
	c.Printf("%s\n", strings.TrimSpace(i.Host+" "+i.Service))
	issuer := i.Issuer
	if i.SelfSigned {
		issuer = "itself: clients ask before they trust it"
	}
	if !i.Covers && i.Host != "" {
		c.Printf("  it does not name %s\n", i.Host)
	}
	c.Printf("  names        %s\n  issued by    %s\n", strings.Join(i.Names, ", "), issuer)
	c.Printf("  valid        %s to %s (%d days left)\n", i.NotBefore.Format(time.DateOnly), i.NotAfter.Format(time.DateOnly), int(time.Until(i.NotAfter).Hours()/24))
	c.Printf("  fingerprint  %s\n  TLSA         %s\n  file         %s\n", i.Fingerprint, i.TLSA, i.File)
}

type logRow struct {
	Time   time.Time `json:"time"`
	Level  string    `json:"level"`
	Source string    `json:"source"`
	Text   string    `json:"text"`
}

func (m *shell) log(ctx context.Context, c *Call) error {
	count, err := strconv.Atoi(cmp.Or(c.Arg(0), "20"))
	if err != nil || count < 0 {
		return Usagef("%q is no number of lines", c.Arg(0))
	}
	level := slog.LevelInfo
	word, leveled := c.Flag("level")
	if leveled && level.UnmarshalText([]byte(word)) != nil {
		return Usagef("--level is debug, info, warn or error, not %q", word)
	}
	_, follow := c.Flag("follow")
	var next <-chan logging.Entry
	if follow {
		next = m.env.Logger.Follow(ctx, level)
	}
	for _, e := range m.env.Logger.Tail(count) {
		if leveled && e.Level < level {
			continue
		}
		if err := printEntry(c, e); err != nil {
			return err
		}
	}
	if !follow {
		return nil
	}
	for {
		c.Flush()
		e, ok := <-next
		if !ok {
			return nil // the client is gone, or the server goes
		}
		if err := printEntry(c, e); err != nil {
			return err
		}
	}
}

func printEntry(c *Call, e logging.Entry) error {
	c.Printf("%s\n", e)
	return c.Result(logRow{e.Time, e.Level.String(), e.Source, e.Text})
}
