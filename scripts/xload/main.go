// SPDX-License-Identifier: Apache-2.0

// Xload loads any XMPP (or MQTT 3.1.1) server and says what it costs the
// server: CPU microseconds per delivered stanza, and memory per session.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

var cfg struct {
	host, domain, prefix, pw, tls, mech, json, label string
	muc, mam, steps, tag, mqttUser, row              string
	port, first, n, conc, pairs, win, size, total    int
	k, groups, rooms, occ, senders, subs, qos, srcs  int
	rbuf, sm, resources, slow, floodSize             int
	rate, flood                                      float64
	dur, warm, settle, timeout                       time.Duration
	bare, carbons, session, nofill, echo, kept       bool
}

// pids are the roots of the server's process tree.
var pids pidList

var scenarios = map[string]func() error{
	"register": register, "login": logins, "msg": messages, "idle": idle,
	"roster-setup": rosterSetup, "presence": presence, "muc": rooms,
	"offline": offline, "mamquery": archive, "mqtt": mqtt,
	"carbons": copies, "roster-fetch": rosterFetch, "slow": slowReaders,
	"ping": pings,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "xload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "table" {
		return table(os.Stdout, args[1])
	}
	if len(args) == 0 || scenarios[args[0]] == nil {
		names := slices.Sorted(maps.Keys(scenarios))
		return fmt.Errorf("usage: xload %s|table [flags]; see README.md", strings.Join(names, "|"))
	}
	f := flag.NewFlagSet(args[0], flag.ExitOnError)
	serverFlags(f)
	loadFlags(f)
	_ = f.Parse(args[1:]) // exits by itself
	debug.SetGCPercent(400)
	raiseFiles()
	if err := scenarios[args[0]](); err != nil {
		return fmt.Errorf("%s (%s): %w", args[0], cfg.label, err)
	}
	if failures > 0 {
		return fmt.Errorf("%s (%s): %d lost or failed", args[0], cfg.label, failures)
	}
	return nil
}

// serverFlags say where the server is and how to log in.
func serverFlags(f *flag.FlagSet) {
	f.StringVar(&cfg.host, "host", "127.0.0.1", "server address")
	f.IntVar(&cfg.port, "port", 5222, "server port")
	f.StringVar(&cfg.domain, "domain", "localhost", "XMPP domain")
	f.StringVar(&cfg.prefix, "user", "u", "localpart prefix; the index is appended")
	f.StringVar(&cfg.pw, "pw", "pw%d", "password; %d is the index")
	f.StringVar(&cfg.tls, "tls", "starttls", "starttls, direct or none")
	f.StringVar(&cfg.mech, "mech", "SCRAM-SHA-1", "SCRAM-SHA-1, SCRAM-SHA-256 or PLAIN")
	f.StringVar(&cfg.json, "json", "", "append one JSON object per result to this file")
	f.StringVar(&cfg.row, "row", "", "name that the results get beside their scenario")
	f.StringVar(&cfg.label, "label", "server", "name of the server in the output")
	f.StringVar(&cfg.muc, "muc", "", "MUC domain (default conference.<domain>)")
	f.StringVar(&cfg.mam, "mam", "keep", "archive preference set at login: on, off, keep")
	f.StringVar(&cfg.mqttUser, "mqtt-user", "%u@%d", "MQTT user name; %u localpart, %d domain")
	f.IntVar(&cfg.sm, "sm", 0, "enable stream management and ask for an acknowledgement after this many stanzas (0: off)")
	f.IntVar(&cfg.srcs, "srcs", 1, "loopback source addresses to use (>25k sessions)")
	f.DurationVar(&cfg.timeout, "timeout", 60*time.Second, "give up on a step after this")
	f.BoolVar(&cfg.carbons, "carbons", false, "enable message carbons at login")
	f.BoolVar(&cfg.session, "session", false, "send the RFC 3921 session iq even where optional")
	f.Var(&pids, "pid", "server process (its children are included); repeatable")
}

// loadFlags say how much of what is sent.
func loadFlags(f *flag.FlagSet) {
	f.StringVar(&cfg.steps, "steps", "5000,10000", "idle: session counts to stop at")
	f.StringVar(&cfg.tag, "tag", "fixed", "msg -total: name of the result")
	f.IntVar(&cfg.first, "first", 0, "index of the first user")
	f.IntVar(&cfg.n, "n", 200, "register/login/offline: users; mamquery: archive size")
	f.IntVar(&cfg.conc, "c", 8, "concurrent logins")
	f.IntVar(&cfg.pairs, "pairs", 50, "msg: pairs; ping: half the sessions; offline: senders")
	f.IntVar(&cfg.win, "win", 1, "messages in flight per sender, room or topic")
	f.IntVar(&cfg.size, "size", 100, "body or payload bytes")
	f.IntVar(&cfg.total, "total", 0, "msg/offline: messages per user instead of a time")
	f.IntVar(&cfg.k, "k", 50, "roster: contacts per user")
	f.IntVar(&cfg.resources, "resources", 1, "idle, carbons: resources of each account")
	f.IntVar(&cfg.slow, "slow", 5, "slow: sessions that stop to read")
	f.IntVar(&cfg.floodSize, "flood-size", 16384, "slow: bytes of a message to them")
	f.Float64Var(&cfg.flood, "flood", 500, "slow: messages/s to them in all")
	f.IntVar(&cfg.groups, "groups", 4, "roster groups; mqtt topics")
	f.IntVar(&cfg.rooms, "rooms", 1, "muc: rooms")
	f.IntVar(&cfg.occ, "occ", 100, "muc: occupants per room")
	f.IntVar(&cfg.senders, "senders", 1, "muc: occupants who take turns to speak")
	f.IntVar(&cfg.subs, "subs", 1, "mqtt: subscribers per topic")
	f.IntVar(&cfg.qos, "qos", 0, "mqtt: 0 or 1")
	f.IntVar(&cfg.rbuf, "rbuf", 16384, "read buffer per active connection")
	f.Float64Var(&cfg.rate, "rate", 0, "msg: open loop at this many messages/s in all")
	f.DurationVar(&cfg.dur, "d", 5*time.Second, "measured time")
	f.DurationVar(&cfg.warm, "warm", time.Second, "warm-up before it")
	f.DurationVar(&cfg.settle, "settle", 30*time.Second, "idle: rest before memory is read")
	f.BoolVar(&cfg.bare, "bare", false, "msg: to the bare JID")
	f.BoolVar(&cfg.echo, "echo", false, "msg: no XMPP, a TLS server that sends back what it gets")
	f.BoolVar(&cfg.kept, "kept", false, "msg -total: the archives of all must have grown by what was sent and received")
	f.BoolVar(&cfg.nofill, "nofill", false, "mamquery: archive is full already")
}

func raiseFiles() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		l.Cur = l.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
}
