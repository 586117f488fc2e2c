// SPDX-License-Identifier: Apache-2.0

package modulepb_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"

	"tercet/sdk/proto/modulepb"
)

const python = `# SPDX-License-Identifier: Apache-2.0
# Code generated from sdk/proto/module.proto. DO NOT EDIT.
"""sdk/proto/module.proto in Python, for protobuf 3.20 and later."""

from google.protobuf import descriptor_pool
from google.protobuf.internal import builder

DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(
%s)
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, "module_pb2", globals())
`

// TestPython compares the protocol in Python, which is what protoc would make
// of it, with the one in Go; with TERCET_WRITE=1 it writes it.
func TestPython(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(modulepb.File_module_proto)
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for len(b) > 0 {
		n := min(len(b), 24)
		var line strings.Builder
		for _, c := range b[:n] {
			fmt.Fprintf(&line, "\\x%02x", c)
		}
		lines = append(lines, `    b"`+line.String()+`"`)
		b = b[n:]
	}
	want := fmt.Appendf(nil, python, strings.Join(lines, "\n"))
	const name = "../../python/module_pb2.py"
	got, err := os.ReadFile(name)
	switch {
	case bytes.Equal(got, want):
	case os.Getenv("TERCET_WRITE") != "":
		if err := os.WriteFile(name, want, 0o600); err != nil {
			t.Fatal(err)
		}
	case err != nil:
		t.Fatal(err)
	default:
		t.Fatal(name + " is out of date: run go generate ./sdk/...")
	}
}

// The copy for plugins in Go is the same, but for nothing.
func TestCopy(t *testing.T) {
	for _, name := range []string{"module.pb.go", "module_grpc.pb.go"} {
		ours, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := os.ReadFile("../../process/modulepb/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Errorf("%s differs from the copy in sdk/process: run go generate ./sdk/...", name)
		}
	}
}
