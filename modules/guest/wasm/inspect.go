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

// The sections of a binary.
const (
	sectionCustom  = 0
	sectionType    = 1
	sectionImport  = 2
	sectionTable   = 4
	sectionGlobal  = 6
	sectionExport  = 7
	sectionStart   = 8
	sectionElement = 9
	sectionCode    = 10
)

// order is that of sections in a binary.
var order = [...]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11}

var errCut = errors.New("the binary is cut off")

// A reader reads a binary. After an error it reads nothing but zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail(errCut)
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// u32 reads a number of at most 32 bits.
func (r *reader) u32() uint32 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > 1<<32-1 {
		r.fail(errCut)
		return 0
	}
	r.rest = r.rest[n:]
	return uint32(v)
}

func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.rest)) {
		r.fail(errCut)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// leb returns a number as it stands, whatever its sign and size.
func (r *reader) leb() []byte {
	for i, b := range r.rest {
		if b < 0x80 {
			return r.bytes(uint32(i + 1))
		}
	}
	r.fail(errCut)
	return nil
}

// count reads how many things follow, each of at least a byte.
func (r *reader) count() uint32 {
	n := r.u32()
	if uint64(n) > uint64(len(r.rest)) {
		r.fail(errCut)
		return 0
	}
	return n
}

// sections cuts a binary up; custom sections, which have names for debuggers,
// are left out.
func sections(code []byte) (map[byte][]byte, error) {
	if !bytes.HasPrefix(code, []byte("\x00asm\x01\x00\x00\x00")) {
		return nil, errors.New("not a WebAssembly binary of version 1")
	}
	all := make(map[byte][]byte)
	for r := (reader{rest: code[8:]}); len(r.rest) > 0; {
		id := r.byte()
		body := r.bytes(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		switch _, twice := all[id]; {
		case id == sectionCustom:
		case twice:
			return nil, fmt.Errorf("section %d is there twice", id)
		case bytes.IndexByte(order[:], id) < 0:
			return nil, fmt.Errorf("section %d is not known", id)
		default:
			all[id] = body
		}
	}
	return all, nil
}

// boundedTable rewrites the section of tables: one table of functions, with a
// maximum. The memory of a guest is bounded by its runtime; a table, which it
// may declare as large as it likes or let grow, is not.
func boundedTable(body []byte) ([]byte, error) {
	r := reader{rest: body}
	switch count := r.u32(); {
	case r.err != nil || count == 0:
		return body, r.err
	case count > 1:
		return nil, fmt.Errorf("%d tables: a guest has at most one", count)
	}
	kind, limited := r.byte(), r.byte()
	least := r.u32()
	most := least
	if limited == 1 {
		most = r.u32()
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case kind != 0x70 || limited > 1 || len(r.rest) > 0:
		return nil, errors.New("a table of something else than functions")
	case least > maxTable:
		return nil, fmt.Errorf("a table of %d functions: at most %d", least, maxTable)
	}
	out := appendU32([]byte{1, 0x70, 1}, least)
	return appendU32(out, max(least, min(most, maxTable))), nil
}

func appendU32(b []byte, v uint32) []byte { return binary.AppendUvarint(b, uint64(v)) }

// counted is the section that has one entry more.
func counted(body, entry []byte) (out []byte, before uint32, err error) {
	r := reader{rest: body}
	if body != nil {
		before = r.u32()
	}
	out = append(appendU32(nil, before+1), r.rest...)
	return append(out, entry...), before, r.err
}
