// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"errors"
	"fmt"
)

// slice is how many steps a guest runs before it looks whether its time is up.
// A step is a round of a loop or a call; an instruction that fills or copies
// memory counts as bulk of them.
const (
	slice = 20_000
	bulk  = 5_000
)

// checkName is the function that a rewritten guest calls after each slice.
const checkName = "check"

// A rewriter puts into a guest what stops it: a global that counts steps down
// at each loop and function, and a call of the host where it comes to zero.
//
// Wazero's own way looks at the end of each round of a loop, from Go, which
// costs ten times as much, and never in a recursion without loops: that would
// not even let the collector of this process run.
type rewriter struct {
	imports uint32 // functions; the check comes behind them, all others move up
	globals uint32 // fuel comes behind them
	results []byte // of the functions
	site    []byte // counts one step
	heavy   []byte // counts bulk of them
}

// rewrite returns a binary that stops.
func rewrite(code []byte) ([]byte, error) {
	all, err := sections(code)
	if err != nil {
		return nil, err
	}
	w := new(rewriter)
	if w.results, err = results(all); err != nil {
		return nil, err
	}
	if err := w.header(all); err != nil {
		return nil, err
	}
	w.site, w.heavy = w.counting(1), w.counting(bulk)
	for id, fn := range map[byte]func(*reader, []byte) []byte{
		sectionGlobal: w.globalSection, sectionExport: w.exportSection, sectionStart: w.startSection,
		sectionElement: w.elementSection, sectionCode: w.codeSection,
	} {
		body, ok := all[id]
		if !ok {
			continue
		}
		r := reader{rest: body}
		all[id] = fn(&r, make([]byte, 0, len(body)+len(body)/4))
		if r.err == nil && len(r.rest) > 0 {
			r.err = errors.New("it has a rest")
		}
		if r.err != nil {
			return nil, fmt.Errorf("section %d: %w", id, r.err)
		}
	}
	fuel := []byte{0x7f, 1, 0x41} // an i32 that changes: slice
	if all[sectionGlobal], _, err = counted(all[sectionGlobal], append(appendSigned(fuel, slice), 0x0b)); err != nil {
		return nil, err
	}
	if all[sectionGlobal], _, err = counted(all[sectionGlobal], []byte{0x7f, 1, 0x41, 0, 0x0b}); err != nil { // the depth
		return nil, err
	}
	out := append([]byte(nil), code[:8]...)
	for _, id := range order {
		if body, ok := all[id]; ok {
			out = append(appendU32(append(out, id), uint32(len(body))), body...) //nolint:gosec // about the file's size
		}
	}
	return out, nil
}

// header adds the import of the check and its type, and bounds the table.
func (w *rewriter) header(all map[byte][]byte) (err error) {
	var typ uint32
	if all[sectionType], typ, err = counted(all[sectionType], []byte{0x60, 0, 0}); err != nil {
		return err
	}
	entry := append([]byte{6}, "tercet"...)
	entry = append(append(entry, byte(len(checkName))), checkName...)
	entry = appendU32(append(entry, 0), typ)
	if all[sectionImport], w.imports, err = counted(all[sectionImport], entry); err != nil {
		return err
	}
	r := reader{rest: all[sectionImport]}
	for range r.u32() {
		module, name := string(r.bytes(r.u32())), string(r.bytes(r.u32()))
		if kind := r.byte(); r.err == nil && kind != 0 {
			return fmt.Errorf("it imports %s.%s, which is no function", module, name)
		}
		r.u32()
	}
	if r.err != nil {
		return r.err
	}
	g := reader{rest: all[sectionGlobal]}
	if g.rest != nil {
		w.globals = g.u32()
	}
	if body, ok := all[sectionTable]; ok {
		if all[sectionTable], err = boundedTable(body); err != nil {
			return err
		}
	}
	return g.err
}

// counting is the code that counts n steps, and calls the check at the end of
// a slice.
func (w *rewriter) counting(n int64) []byte {
	get, set := appendU32([]byte{0x23}, w.globals), appendU32([]byte{0x24}, w.globals)
	out := append([]byte(nil), get...)
	out = append(appendSigned(append(out, 0x41), n), 0x6b) // less n
	out = append(append(out, set...), get...)
	out = append(out, 0x41, 0, 0x4c, 0x04, 0x40) // if it is <= 0
	out = append(appendSigned(append(out, 0x41), slice), set...)
	return append(appendU32(append(out, 0x10), w.imports), 0x0b)
}

// appendSigned appends a signed number as WebAssembly has it.
func appendSigned(b []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

// function is where a function is now.
func (w *rewriter) function(out []byte, index uint32) []byte {
	if index >= w.imports {
		index++
	}
	return appendU32(out, index)
}

func (w *rewriter) globalSection(r *reader, out []byte) []byte {
	n := r.count()
	out = appendU32(out, n)
	for range n {
		out = append(out, r.byte(), r.byte())
		out = w.expression(r, out, nil)
	}
	return out
}

func (w *rewriter) exportSection(r *reader, out []byte) []byte {
	n := r.count()
	out = appendU32(out, n)
	for range n {
		name := r.bytes(r.u32())
		kind := r.byte()
		index := r.u32()
		out = append(append(appendU32(out, uint32(len(name))), name...), kind) //nolint:gosec // it was read
		if kind == 0 {
			out = w.function(out, index)
		} else {
			out = appendU32(out, index)
		}
	}
	return out
}

func (w *rewriter) startSection(r *reader, out []byte) []byte { return w.function(out, r.u32()) }

func (w *rewriter) elementSection(r *reader, out []byte) []byte {
	n := r.count()
	out = appendU32(out, n)
	for range n {
		kind := r.u32()
		if kind > 7 {
			r.fail(errors.New("an element segment that is not known"))
			return out
		}
		out = appendU32(out, kind)
		if kind&1 == 0 { // active
			if kind&2 != 0 {
				out = append(out, r.leb()...) // in a table
			}
			out = w.expression(r, out, nil)
		}
		if kind&3 != 0 {
			out = append(out, r.byte()) // of a kind or a type
		}
		items := r.count()
		out = appendU32(out, items)
		for range items {
			if kind&4 != 0 {
				out = w.expression(r, out, nil)
			} else {
				out = w.function(out, r.u32())
			}
		}
	}
	return out
}

func (w *rewriter) codeSection(r *reader, out []byte) []byte {
	n := r.count()
	out = appendU32(out, n)
	if int(n) != len(w.results) {
		r.fail(errors.New("there are more functions, or less, than types of them"))
	}
	var body []byte
	for i := range n {
		f := reader{rest: r.bytes(r.u32())}
		groups := f.count()
		body = appendU32(body[:0], groups)
		locals := uint64(0)
		for range groups {
			same := f.u32()
			locals += uint64(same)
			body = append(appendU32(body, same), f.byte())
		}
		if r.err != nil {
			return out
		}
		words := weight(locals, len(f.rest))
		body = w.enter(append(body, w.site...), words, w.results[i])
		body = w.expression(&f, body, w.site)
		body = append(w.leave(body[:max(0, len(body)-1)], words), 0x0b)
		if f.err == nil && len(f.rest) > 0 {
			f.err = errors.New("a function has a rest")
		}
		if f.err != nil {
			r.fail(f.err)
			return out
		}
		out = append(appendU32(out, uint32(len(body))), body...) //nolint:gosec // about the file's size
	}
	return out
}

// expression copies instructions up to the end of the expression; site is put
// at the begin of each loop.
func (w *rewriter) expression(r *reader, out, site []byte) []byte {
	for depth := 1; depth > 0 && r.err == nil; {
		op := r.byte()
		switch {
		case op == 0x0b: // end
			depth--
		case op >= 0x02 && op <= 0x04: // block, loop, if
			depth++
		case op == 0xfc && site != nil && len(r.rest) > 0 && r.rest[0] >= 8:
			out = append(out, w.heavy...)
		}
		if op == 0x0f && site != nil { // return: to the end of the block that the body is
			out = appendU32(append(out, 0x0c), uint32(depth-1)) //nolint:gosec // at least 1
			continue
		}
		out = append(out, op)
		out = w.immediates(r, out, op)
		if op == 0x03 {
			out = append(out, site...)
		}
	}
	return out
}

// immediates copies what belongs to an instruction.
func (w *rewriter) immediates(r *reader, out []byte, op byte) []byte {
	lebs := func(n uint32) {
		for range n {
			out = append(out, r.leb()...)
		}
	}
	switch {
	case op == 0x10, op == 0xd2: // call, ref.func
		return w.function(out, r.u32())
	case op == 0x23, op == 0x24: // global.get, global.set
		index := r.u32()
		if index >= w.globals {
			r.fail(fmt.Errorf("a global %d that is not there", index))
		}
		return appendU32(out, index)
	case op == 0x00, op == 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	case op >= 0x02 && op <= 0x04, op == 0x0c, op == 0x0d, op >= 0x20 && op <= 0x26, op >= 0x3f && op <= 0x42, op == 0xd0:
		lebs(1)
	case op == 0x11, op >= 0x28 && op <= 0x3e: // call_indirect; memory
		lebs(2)
	case op == 0x0e: // br_table
		n := r.count()
		out = appendU32(out, n)
		lebs(n + 1)
	case op == 0x1c: // select
		n := r.count()
		out = appendU32(out, n)
		lebs(n)
	case op == 0x43:
		out = append(out, r.bytes(4)...)
	case op == 0x44:
		out = append(out, r.bytes(8)...)
	case op == 0xfc:
		sub := r.u32()
		out = appendU32(out, sub)
		switch {
		case sub < 8:
		case sub == 8, sub == 10, sub == 12, sub == 14:
			lebs(2)
		case sub <= 17:
			lebs(1)
		default:
			r.fail(fmt.Errorf("instruction fc %d is not known", sub))
		}
	case op == 0xfd:
		return vector(r, out)
	default:
		r.fail(fmt.Errorf("instruction %x is not known", op))
	}
	return out
}

// vector copies what belongs to an instruction on vectors.
func vector(r *reader, out []byte) []byte {
	sub := r.u32()
	out = appendU32(out, sub)
	switch {
	case sub <= 11, sub == 92, sub == 93: // memory
		out = append(append(out, r.leb()...), r.leb()...)
	case sub == 12, sub == 13: // a constant, a shuffle
		out = append(out, r.bytes(16)...)
	case sub >= 21 && sub <= 34: // a lane
		out = append(out, r.byte())
	case sub >= 84 && sub <= 91: // memory and a lane
		out = append(append(append(out, r.leb()...), r.leb()...), r.byte())
	case sub > 255:
		r.fail(fmt.Errorf("instruction fd %d is not known", sub))
	}
	return out
}
