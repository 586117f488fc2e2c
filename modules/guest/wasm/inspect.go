// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// maxTable is how many functions a guest's table may hold: 512 KiB of ours.
const maxTable = 1 << 16

const sectionTable = 4

// bounded returns the binary with a bound on its table. The memory of a guest
// is bounded by its runtime; a table, which a guest may declare as large as it
// likes or let grow, is not.
func bounded(code []byte) ([]byte, error) {
	if !bytes.HasPrefix(code, []byte("\x00asm\x01\x00\x00\x00")) {
		return nil, errors.New("not a WebAssembly binary of version 1")
	}
	out := append(make([]byte, 0, len(code)+8), code[:8]...)
	for rest := code[8:]; len(rest) > 0; {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errors.New("a section is cut off")
		}
		body := rest[1+n : 1+n+int(size)] //nolint:gosec // it is within rest
		rest = rest[1+n+int(size):]       //nolint:gosec // it is within rest
		if id == sectionTable {
			var err error
			if body, err = boundedTable(body); err != nil {
				return nil, err
			}
		}
		out = append(binary.AppendUvarint(append(out, id), uint64(len(body))), body...)
	}
	return out, nil
}

// boundedTable rewrites the table section: one table of functions, with a
// maximum.
func boundedTable(body []byte) ([]byte, error) {
	errTable := errors.New("the section of tables is malformed")
	count, n := binary.Uvarint(body)
	switch {
	case n <= 0:
		return nil, errTable
	case count == 0:
		return body, nil
	case count > 1:
		return nil, fmt.Errorf("%d tables: a guest has at most one", count)
	}
	body = body[n:]
	if len(body) < 2 || body[0] != 0x70 || body[1] > 1 {
		return nil, errors.New("a table of something else than functions")
	}
	limited := body[1] == 1
	least, n := binary.Uvarint(body[2:])
	if n <= 0 {
		return nil, errTable
	}
	most := max(least, 1)
	if limited {
		if most, n = binary.Uvarint(body[2+n:]); n <= 0 {
			return nil, errTable
		}
	}
	if least > maxTable {
		return nil, fmt.Errorf("a table of %d functions: at most %d", least, maxTable)
	}
	out := []byte{1, 0x70, 1}
	return binary.AppendUvarint(binary.AppendUvarint(out, least), max(least, min(most, maxTable))), nil
}
