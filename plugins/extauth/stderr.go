// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// maxRead is how much of a line of a script's standard error is looked at,
	// and maxLogged how much of that is logged, in bytes. A password that is
	// cut off behind maxRead began behind maxLogged.
	maxRead, maxLogged = 8 << 10, 1 << 10
	// burst is how many lines are logged at once; then it is one in each pace.
	burst = 30
	pace  = 2 * time.Second
)

// A relay logs what a script writes to its standard error. It reads all, also
// what it does not log, so that the script is never held up.
type relay struct {
	log hclog.Logger
	in  *os.File

	mu      sync.Mutex // guards secrets
	secrets [2]string  // the passwords of the last questions, newest first
}

// hide keeps a password out of the log, and the one before: what a script has
// said of it may still be on the way.
func (r *relay) hide(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if secret != "" && secret != r.secrets[0] {
		r.secrets[0], r.secrets[1] = secret, r.secrets[0]
	}
}

// finish stops reading at once: the script may have left the pipe to others.
func (r *relay) finish() {
	_ = r.in.SetReadDeadline(time.Now().Add(lastWords)) // what is there is read
}

func (r *relay) run() {
	defer func() { _ = r.in.Close() }() // a pipe; nothing is lost
	in := bufio.NewReaderSize(r.in, maxRead)
	left, last, omitted := burst, time.Now(), 0
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			line = bytes.Clone(line)
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the line goes on
			_, err = in.ReadSlice('\n')
		}
		now := time.Now()
		if gained := int(now.Sub(last) / pace); gained > 0 {
			left, last = min(burst, left+gained), now
		}
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		case text == "":
		case left == 0:
			omitted++
		default:
			left--
			r.tell(text, omitted)
			omitted = 0
		}
		if err != nil {
			if omitted > 0 {
				r.log.Info("the script has written more to its standard error than is logged", "omitted", omitted)
			}
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) {
				r.log.Info("the standard error of the script is not read any more", "err", err)
			}
			return
		}
	}
}

func (r *relay) tell(text string, omitted int) {
	r.mu.Lock()
	for _, secret := range r.secrets {
		if len(secret) > maxRead-maxLogged {
			text = "(not shown)"
		} else if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	r.mu.Unlock()
	if len(text) > maxLogged {
		text = text[:maxLogged] + "..."
	}
	args := []any{"text", strings.ToValidUTF8(text, "?")}
	if omitted > 0 {
		args = append(args, "omitted", omitted)
	}
	r.log.Info("the script writes to its standard error", args...)
}
