// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/route"
)

// Stanza is the codec of hooks whose event is a stanza on its way. A guest may
// answer the stanza, replace its payload, and stop it.
func Stanza(h ext.Hook[route.Event]) Door {
	return About(func(ev *route.Event) *route.Event { return ev })(h)
}

// About is Stanza for events that hold the stanza's.
func About[E any](of func(*E) *route.Event) func(ext.Hook[E]) Door {
	return func(h ext.Hook[E]) Door {
		return Door{Kind: "hook", Payload: "stanza", Hook: func(o ext.Owner, _ string, prio float64, f Filter, fn Handler) error {
			h.Handle(o, prio, func(ctx context.Context, ev *E) ext.Verdict {
				out := of(ev)
				if f.on && !f.match(out.Stanza) {
					return ext.Next
				}
				return fn(ctx, &Event{Route: out})
			})
			return nil
		}}
	}
}

// JSON is the codec of all other hooks: view picks what a guest sees of an
// event, which is a struct of its own with names in JSON. Whatever the guest's
// verdict, the event goes on.
func JSON[E, V any](view func(*E) V) func(ext.Hook[E]) Door {
	return Changing(view, nil)
}

// Changing is JSON for an event that guests may change: change takes over the
// view that a guest returns, or refuses it.
func Changing[E, V any](view func(*E) V, change func(*E, V) error) func(ext.Hook[E]) Door {
	return func(h ext.Hook[E]) Door {
		d := Door{Kind: "hook", Payload: shape[V]()}
		if change != nil {
			d.Payload += ", may be changed"
		}
		d.Hook = func(o ext.Owner, _ string, prio float64, _ Filter, fn Handler) error {
			h.Handle(o, prio, func(ctx context.Context, ev *E) ext.Verdict {
				out := &Event{Value: view(ev)}
				if change != nil {
					out.Change = func(b json.RawMessage) error {
						var v V
						if err := json.Unmarshal(b, &v); err != nil {
							return fmt.Errorf("read what the guest returned: %w", err)
						}
						return change(ev, v)
					}
				}
				return fn(ctx, out) && change != nil // what is only told is told to all
			})
			return nil
		}
		return d
	}
}

// Strings is the codec of lists of words, such as the features of disco.
func Strings(l ext.List[string]) Door { return Plain(l) }

// Plain is the codec of lists whose values are what JSON gives, unless empty.
func Plain[T any](l ext.List[T]) Door {
	return Values(func(v T) (T, error) { return v, nil })(l)
}

// Values is the codec of other lists: to makes the value of what a guest gives
// as JSON, or refuses it.
func Values[T, V any](to func(V) (T, error)) func(ext.List[T]) Door {
	return func(l ext.List[T]) Door {
		return Door{Kind: "list", Payload: shape[V](), Add: func(o ext.Owner, b json.RawMessage) error {
			var v V
			if err := json.Unmarshal(b, &v); err != nil {
				return err
			}
			if reflect.ValueOf(&v).Elem().IsZero() {
				return errors.New("the value is empty")
			}
			value, err := to(v)
			if err == nil {
				l.Add(o, value)
			}
			return err
		}}
	}
}

// shape says what the JSON of a V looks like.
func shape[V any]() string {
	t := reflect.TypeFor[V]()
	if t.Kind() != reflect.Struct {
		return t.Kind().String()
	}
	var fields []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		kind := strings.TrimPrefix(strings.ReplaceAll(f.Type.String(), "[]", "list of "), "netip.")
		fields = append(fields, name+" "+kind)
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// requests opens "iq-get/host/NS:name" and its like.
func requests(prefix string, k iq.Kind, t iq.Target) {
	open(Door{
		Name: prefix, Kind: "chain", Payload: "stanza",
		Doc: "Requests by the namespace and the name of their payload (" + prefix + "NS:name). Priority 0 is for who answers: one module only.",
		Hook: func(o ext.Owner, rest string, prio float64, f Filter, fn Handler) error {
			at := strings.LastIndexByte(rest, ':')
			if at < 1 || at == len(rest)-1 {
				return fmt.Errorf("%w: %q: want %sNS:name", ErrUnknown, prefix+rest, prefix)
			}
			name := element.Name{Space: rest[:at], Local: rest[at+1:]}
			iq.HandleAt(o, prio, k, t, name, func(ctx context.Context, r *iq.Request) ext.Verdict {
				if f.on && !f.match(r.Stanza) {
					return ext.Next
				}
				return fn(ctx, &Event{Route: r.Event, Request: r})
			})
			return nil
		},
	})
}
