// SPDX-License-Identifier: Apache-2.0

//go:build wasip1

package tercet

import "unsafe"

//go:wasmimport tercet hook
func hook(name *byte, n int32, prio float64, filter *byte, fn int32) int32

//go:wasmimport tercet add
func add(point *byte, n int32, json *byte, jn int32) int32

//go:wasmimport tercet every
func every(ms int32) int32

//go:wasmimport tercet option
func option(name *byte, n int32, buf *byte, cap int32) int32

//go:wasmimport tercet get
func get(owner *byte, on int32, key *byte, kn int32, buf *byte, cap int32) int32

//go:wasmimport tercet put
func put(owner *byte, on int32, key *byte, kn int32, value *byte, vn int32) int32

//go:wasmimport tercet find
func find(owner *byte, on int32, prefix *byte, pn int32, buf *byte, cap int32) int32

//go:wasmimport tercet count
func count(owner *byte, on int32, key *byte, kn int32, by int64) int64

//go:wasmimport tercet reply
func reply(xml *byte, n int32) int32

//go:wasmimport tercet send
func send(xml *byte, n int32) int32

//go:wasmimport tercet replace
func replace(text *byte, n int32) int32

//go:wasmimport tercet http
func http(json *byte, n int32) int32

//go:wasmimport tercet log
func log(level int32, text *byte, n int32)

//go:wasmimport tercet now
func now() int64

//go:wasmexport abi
func abi() int32 { return 1 }

// buffer is where the host puts events; it is kept from the collector here.
var buffer []byte

//go:wasmexport alloc
func alloc(n int32) *byte {
	buffer = make([]byte, n)
	return unsafe.SliceData(buffer)
}

//go:wasmexport load
func load() int32 {
	if Load == nil {
		Log(Error, "the guest has no Load")
		return 1
	}
	if err := Load(); err != nil {
		Log(Error, err.Error())
		return 1
	}
	return 0
}

//go:wasmexport event
func event(handler int32, at *byte, n int32) int32 {
	fn := handlers[handler]
	if fn == nil {
		return int32(Failed)
	}
	return int32(fn(unsafe.Slice(at, n)))
}
