// SPDX-License-Identifier: Apache-2.0

// Peers is the part of "make bench-peers" that is no shell: the table of the
// results with its ratios and goals, and the TLS echo that is the reference of
// what the bytes cost without a server.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "table":
		return printTable(w, args[1])
	case len(args) > 0 && args[0] == "meta":
		return json.NewEncoder(w).Encode(record{Meta: describe(args[1:])})
	case len(args) > 0 && args[0] == "echo":
		f := flag.NewFlagSet("echo", flag.ContinueOnError)
		listen := f.String("listen", "127.0.0.1:5223", "address")
		cert, key := f.String("cert", "", "certificate"), f.String("key", "", "its key")
		if err := f.Parse(args[1:]); err != nil {
			return err
		}
		return echo(*listen, *cert, *key)
	}
	return errors.New("usage: peers table FILE | meta NAME=VERSION... | echo -listen ADDRESS -cert FILE -key FILE")
}

// describe says what machine this is; versions are NAME=VERSION.
func describe(versions []string) *meta {
	m := &meta{Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Cores: runtime.NumCPU(), Versions: map[string]string{}}
	m.CPU = field("/proc/cpuinfo", "model name")
	m.Memory = field("/proc/meminfo", "MemTotal")
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	m.System = strings.Trim(field("/etc/os-release", "PRETTY_NAME"), `"`)
	m.Settings = settings(os.Environ())
	for _, v := range versions {
		name, version, _ := strings.Cut(v, "=")
		m.Versions[name] = version
	}
	return m
}

// settings are the variables that changed what was measured: all of run.sh's
// but those that say where things are.
func settings(environment []string) []string {
	var out []string
	for _, v := range environment {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case name == "PEERS_DIR" || name == "PEERS_TERCET" || name == "PEERS_PORT" || value == "":
		case name == "PEERS" || strings.HasPrefix(name, "PEERS_"):
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// field is the value behind a name in a file of lines "name: value" or
// "name=value".
func field(file, name string) string {
	b, _ := os.ReadFile(file)
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, name); ok {
			return strings.Trim(rest, " \t\n:=")
		}
	}
	return ""
}
