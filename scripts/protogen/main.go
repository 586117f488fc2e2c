// SPDX-License-Identifier: Apache-2.0

// Protogen turns a .proto file into Go, messages and gRPC services, without
// protoc: it compiles the file by itself and runs the two generators that
// scripts/tools.mod pins.
//
//	go run ./scripts/protogen FILE.proto DIR
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: protogen FILE.proto DIR")
		os.Exit(2)
	}
	if err := generate(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

// generate writes what the generators make of the file into the folder.
func generate(ctx context.Context, file, dir string) error {
	request, err := compile(ctx, file)
	if err != nil {
		return err
	}
	for _, tool := range []string{"protoc-gen-go", "protoc-gen-go-grpc"} {
		if err := run(ctx, tool, request, dir); err != nil {
			return fmt.Errorf("%s: %w", tool, err)
		}
	}
	return nil
}

// compile makes of a file, which imports nothing but what Google ships, what
// protoc would hand to a generator.
func compile(ctx context.Context, file string) ([]byte, error) {
	name := filepath.Base(file)
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{filepath.Dir(file)}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(ctx, name)
	if err != nil {
		return nil, err
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: []string{name}, Parameter: new("paths=source_relative")}
	compiled := files[0]
	for i := range compiled.Imports().Len() {
		request.ProtoFile = append(request.ProtoFile, protoutil.ProtoFromFileDescriptor(compiled.Imports().Get(i).FileDescriptor))
	}
	request.ProtoFile = append(request.ProtoFile, protoutil.ProtoFromFileDescriptor(compiled))
	request.SourceFileDescriptors = []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(compiled)}
	return proto.Marshal(request)
}

// run has one generator write its files.
func run(ctx context.Context, tool string, request []byte, dir string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	mod := filepath.Join(string(bytes.TrimSpace(root)), "scripts", "tools.mod")
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile="+mod, tool) //nolint:gosec // the tools named above
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return errors.New(response.GetError())
	}
	for _, f := range response.GetFile() {
		if err := os.WriteFile(filepath.Join(dir, f.GetName()), []byte(f.GetContent()), 0o644); err != nil { //nolint:gosec // source code
			return err
		}
	}
	return nil
}
