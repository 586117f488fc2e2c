// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"context"
	"fmt"

	"tercet/core/ext"
)

type greeting struct{ words string }

var (
	greet    = ext.NewHook[greeting]("example-greet")
	greetLog = ext.NewList[string]("example-log")
)

// A module stages what it attaches; Swap makes all of it live, and takes the old
// instance away in the same step; Close waits until nothing of it runs.
func Example() {
	ctx := context.Background()
	table := ext.NewTable()
	load := func(word string) *ext.Scope {
		s := ext.NewScope(ctx, "greeter", table)
		greet.Handle(s, 0, func(_ context.Context, ev *greeting) ext.Verdict {
			ev.words += word
			return ext.Next
		})
		greetLog.Add(s, "says "+word)
		s.Defer(func() error { fmt.Println("closed:", word); return nil })
		return s
	}
	event := func() {
		p := table.Enter()
		defer p.Leave()
		var ev greeting
		greet.Fire(ctx, p, &ev)
		for line := range greetLog.All(p) {
			fmt.Println(line, "->", ev.words)
		}
	}

	hello := load("hello")
	if err := ext.Swap(table, []ext.Change{{New: hello}}); err != nil {
		fmt.Println(err)
	}
	event()
	salve := load("salve")
	if err := ext.Swap(table, []ext.Change{{Old: hello, New: salve}}); err != nil {
		fmt.Println(err)
	}
	if err := hello.Close(ctx); err != nil {
		fmt.Println(err)
	}
	event()
	if err := salve.Close(ctx); err != nil {
		fmt.Println(err)
	}
	event()
	// Output:
	// says hello -> hello
	// closed: hello
	// says salve -> salve
	// closed: salve
}
