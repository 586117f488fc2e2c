// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// TestMain is a script when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "script" {
		os.Exit(script(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// right is the password of everybody.
const right = "soft, what light"

var yes, no = []byte{0, 2, 0, 1}, []byte{0, 2, 0, 0}

// script speaks ejabberd's protocol; the password says how badly. With words
// it does something before the first question.
func script(words []string) int {
	for _, w := range words {
		switch what, arg, _ := strings.Cut(w, "="); what {
		case "early":
			os.Stdout.Write(yes)
		case "unless": // it ends unless the file is there
			if _, err := os.Stat(arg); err != nil {
				return 3
			}
		case "child": // leaves a process behind, and its number in a file
			cmd := exec.Command("sleep", "1000")
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			if cmd.Start() == nil {
				os.WriteFile(arg, fmt.Append(nil, cmd.Process.Pid), 0o600)
			}
		case "deaf":
			select {}
		}
	}
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(os.Stdin, head); err != nil {
			return 0
		}
		question := make([]byte, binary.BigEndian.Uint16(head))
		if _, err := io.ReadFull(os.Stdin, question); err != nil {
			return 1
		}
		field := strings.SplitN(string(question), ":", 4)
		if len(field) < 4 {
			os.Stdout.Write(yes)
			continue
		}
		if code := behave(field[3]); code >= 0 {
			return code
		}
	}
}

// behave answers a question, or does something else. It returns a code to end
// with, or -1.
func behave(password string) int {
	word, arg, _ := strings.Cut(password, " ")
	switch word {
	case "die":
		return 7
	case "once": // dies the first time, over the file of that name
		if f, err := os.OpenFile(arg, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			f.Close()
			return 7
		}
		os.Stdout.Write(yes)
	case "hang":
		time.Sleep(time.Hour)
	case "late": // as if it were somebody else's answer
		d, _ := time.ParseDuration(arg)
		time.Sleep(d)
		os.Stdout.Write(yes)
	case "bytes":
		os.Stdout.WriteString(arg)
		time.Sleep(time.Hour)
	case "twice":
		os.Stdout.Write(yes)
		time.Sleep(20 * time.Millisecond)
		os.Stdout.Write(yes)
	case "slowly":
		for _, b := range yes {
			os.Stdout.Write([]byte{b})
			time.Sleep(5 * time.Millisecond)
		}
	case "mute": // ends its output, not itself
		os.Stdout.Close()
		time.Sleep(time.Hour)
	case "flood":
		for range 4000 {
			fmt.Fprintln(os.Stderr, strings.Repeat("nothing but noise ", 30))
		}
		os.Stdout.Write(yes)
	case "endless": // a line of 1 MiB
		fmt.Fprintln(os.Stderr, strings.Repeat("x", 1<<20))
		os.Stdout.Write(yes)
	case "tell":
		fmt.Fprintln(os.Stderr, "I was told "+password+", and that was that")
		os.Stdout.Write(yes)
	case "gush": // more than anybody reads
		for range 1000 {
			os.Stdout.Write(bytes.Repeat(yes, 1000))
		}
	default:
		if password == right {
			os.Stdout.Write(yes)
		} else {
			os.Stdout.Write(no)
		}
	}
	return -1
}

// lines is a log that several goroutines write.
type lines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// newScripts is a pool of the script above.
func newScripts(t testing.TB, size int, timeout time.Duration, words ...string) (*pool, *lines) {
	t.Helper()
	log := new(lines)
	argv := append([]string{os.Args[0], "script"}, words...)
	p, err := newPool(argv, protocols["ejabberd"], size, timeout, hclog.New(&hclog.LoggerOptions{Output: log, JSONFormat: true}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p, log
}
