// SPDX-License-Identifier: Apache-2.0

// Package modulepb is sdk/proto/module.proto in Go. Plugins in Go have a copy
// of it in sdk/process, those in Python have sdk/python/module_pb2.py.
package modulepb

//go:generate go run ../../../scripts/protogen ../module.proto .
//go:generate go run ../../../scripts/protogen ../module.proto ../../process/modulepb
//go:generate env TERCET_WRITE=1 go test -run TestPython .
