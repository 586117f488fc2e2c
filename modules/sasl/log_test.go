// SPDX-License-Identifier: Apache-2.0

package sasl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// The line that README.md gives to fail2ban finds the address in the log of a
// whole server.
func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tercet.log")
	s := coretest.New(t, `log = { info = "`+file+`" }`, modules.All...)
	c := coretest.NewClient(t, s.Dial("c2s"), domain)
	c.Open()
	c.Send(authXML("PLAIN", b64("\x00condition=x remote=203.0.113.5\x00my guess")) + authXML("PLAIN", b64("\x00romeo\x00my guess")))
	for range 2 {
		if e := c.Next(); e.First().Local() != "not-authorized" {
			t.Fatalf("got %s", e)
		}
	}
	coretest.Eventually(t, "the log is written", func() bool {
		b, err := os.ReadFile(file)
		return err == nil && len(failregex.FindAll(b, -1)) == 2
	})
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range failregex.FindAllStringSubmatch(string(text), -1) {
		if m[1] != "127.0.0.1" {
			t.Errorf("a program reads %q from\n%s", m[1], text)
		}
	}
	if strings.Contains(string(text), "my guess") {
		t.Errorf("a password is in the log:\n%s", text)
	}
}
