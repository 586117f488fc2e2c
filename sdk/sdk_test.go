// SPDX-License-Identifier: Apache-2.0

package sdk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/sdk"
)

// The archive is what lies in the folder go; with TERCET_WRITE=1 it is written.
func TestGoArchive(t *testing.T) {
	names, err := filepath.Glob("go/*")
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	slices.Sort(names)
	want := "The folder go, written by TERCET_WRITE=1 go test ./sdk.\n"
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want += "-- " + filepath.Base(name) + " --\n" + string(b)
	}
	if os.Getenv("TERCET_WRITE") != "" {
		if err := os.WriteFile("go.txtar", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("go.txtar")
	if err != nil || string(got) != want {
		t.Fatal("go.txtar is out of date: run this test with TERCET_WRITE=1", err)
	}
}

func TestFiles(t *testing.T) {
	for language, name := range map[string]string{
		"go": "tercet.go", "c": "tercet.h", "rust": "tercet.rs", "assemblyscript": "tercet.ts", "lua": "tercet.lua",
	} {
		want, err := os.ReadFile(filepath.Join(language, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sdk.Files(language)[name]; !bytes.Equal(got, want) {
			t.Errorf("%s: %s has %d bytes, want %d", language, name, len(got), len(want))
		}
	}
	if got := sdk.Files("lua")["util/stanza.lua"]; !bytes.HasPrefix(got, []byte("---@meta\n")) {
		t.Errorf("lua: util/stanza.lua begins with %.20q", got)
	}
	if got := sdk.Files("cobol"); got != nil {
		t.Error("there is an SDK for cobol:", got)
	}
}
