// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"os"
)

// Main is the program: it runs a command and returns the exit code.
func Main(b Build, args []string) int {
	p := &program{Build: b, out: os.Stdout, err: os.Stderr, in: os.Stdin}
	return p.run(context.Background(), args)
}
