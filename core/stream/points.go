// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"tercet/core/element"
	"tercet/core/ext"
)

// A FeaturesEvent collects what a stream offers (RFC 6120 section 4.3.2).
type FeaturesEvent struct {
	Stream   *Stream
	Pass     ext.Pass
	Features []element.Element
}

// Add adds one feature.
func (ev *FeaturesEvent) Add(e element.Element) { ev.Features = append(ev.Features, e) }

// Features is fired on the stream's host for each stream header that we send.
// Stop leaves out the features of lower priority.
var Features = ext.NewHook[FeaturesEvent]("stream-features")

// An Event is a top-level element on its way to who understands it.
type Event struct {
	Stream  *Stream
	Pass    ext.Pass
	Element element.Element
}

// Nonza is fired on the stream's host for a top-level element that is not a
// stanza, by its name. If nobody stops it, the stream ends with
// unsupported-stanza-type.
var Nonza = ext.NewChain[element.Name, Event]("stanza")

// Early is fired on the stream's host for an IQ request before a resource is
// bound, by the name of its payload. If nobody stops it, the stream ends with
// not-authorized (RFC 6120 section 7.1).
var Early = ext.NewChain[element.Name, Event]("stanza/iq")

// A LifeEvent tells of a stream as a whole.
type LifeEvent struct {
	Stream *Stream
	Pass   ext.Pass
}

// Opened is fired on the host when a stream header has been accepted, before
// the features go out: also after each restart.
var Opened = ext.NewHook[LifeEvent]("stream-opened")

// Idle is fired on the host when nothing came for the idle time. Stop keeps
// the stream for another such time; else it ends with connection-timeout.
var Idle = ext.NewHook[LifeEvent]("c2s-read-timeout")

// Closed is fired on the host when a stream is over.
var Closed = ext.NewHook[LifeEvent]("c2s-closed")
