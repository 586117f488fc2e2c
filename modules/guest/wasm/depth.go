// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"errors"
	"fmt"
)

// maxStack is how deep a guest may be in calls, in words of about eight bytes
// on our stack. Wazero lets it grow to a hundred megabytes.
const maxStack = 1 << 20

const sectionFunction = 3

// weight is about how many words a call of a function takes.
func weight(locals uint64, body int) int64 {
	return 16 + int64(min(locals, maxStack)) + int64(body/8)
}

// results finds what each function of the binary returns: the type of a block
// that has the same result.
func results(all map[byte][]byte) ([]byte, error) {
	r := reader{rest: all[sectionType]}
	var types []byte
	if r.rest != nil {
		for range r.count() {
			if form := r.byte(); r.err == nil && form != 0x60 {
				return nil, fmt.Errorf("a type %x is not known", form)
			}
			r.bytes(r.u32())
			switch out := r.bytes(r.u32()); len(out) {
			case 0:
				types = append(types, 0x40)
			case 1:
				types = append(types, out[0])
			default:
				types = append(types, 0) // functions must not have it
			}
		}
	}
	f := reader{rest: all[sectionFunction]}
	var list []byte
	if f.rest != nil {
		for range f.count() {
			index := f.u32()
			switch {
			case uint64(index) >= uint64(len(types)):
				f.fail(errors.New("a function of a type that is not there"))
			case types[index] == 0:
				f.fail(errors.New("a function with several results"))
			default:
				list = append(list, types[index])
			}
		}
	}
	return list, errors.Join(r.err, f.err)
}

// enter counts a call and what it weighs, and begins the block that its body
// becomes, so that each way out of it comes by leave.
func (w *rewriter) enter(out []byte, words int64, result byte) []byte {
	get, set := appendU32([]byte{0x23}, w.globals+1), appendU32([]byte{0x24}, w.globals+1)
	out = append(appendSigned(append(append(out, get...), 0x41), words), 0x6a) // more words
	out = append(append(out, set...), get...)
	out = append(appendSigned(append(out, 0x41), maxStack), 0x4b) // if that is beyond
	return append(out, 0x04, 0x40, 0x00, 0x0b, 0x02, result)      // unreachable; block
}

func (w *rewriter) leave(out []byte, words int64) []byte {
	get, set := appendU32([]byte{0x23}, w.globals+1), appendU32([]byte{0x24}, w.globals+1)
	out = append(appendSigned(append(append(append(out, 0x0b), get...), 0x41), words), 0x6b)
	return append(out, set...)
}
