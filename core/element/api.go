// SPDX-License-Identifier: Apache-2.0

// Package element reads and writes the XML of XMPP streams (RFC 6120 11).
package element

import "iter"

// Namespaces that the core knows by name.
const (
	NSClient    = "jabber:client"                        // RFC 6120; the stanza namespace of the normal form
	NSServer    = "jabber:server"                        // RFC 6120
	NSComponent = "jabber:component:accept"              // XEP-0114
	NSStream    = "http://etherx.jabber.org/streams"     // RFC 6120
	NSXML       = "http://www.w3.org/XML/1998/namespace" // bound to the prefix xml
)

// Name is the expanded name of an element or attribute.
type Name struct{ Space, Local string }

// Element is a cursor into an immutable document.
type Element struct {
	doc  *Doc
	node int32
}

// Doc is a document.
type Doc struct{ _ int }

func (d *Doc) Parse(b []byte) (Element, error) { panic("soon") }

func (e Element) IsZero() bool                                  { return e.doc == nil }
func (e Element) Name() Name                                    { panic("soon") }
func (e Element) Space() string                                 { panic("soon") }
func (e Element) Local() string                                 { panic("soon") }
func (e Element) Is(space, local string) bool                   { panic("soon") }
func (e Element) Attr(local string) string                      { panic("soon") }
func (e Element) LookupAttr(local string) (string, bool)        { panic("soon") }
func (e Element) AttrNS(space, local string) (string, bool)     { panic("soon") }
func (e Element) Attrs() iter.Seq2[Name, string]                { panic("soon") }
func (e Element) Text() string                                  { panic("soon") }
func (e Element) Child(space, local string) Element             { panic("soon") }
func (e Element) First() Element                                { panic("soon") }
func (e Element) Children() iter.Seq[Element]                   { panic("soon") }
func (e Element) ChildText(space, local string) string          { panic("soon") }
func (e Element) AppendTo(dst []byte, parentSpace string) []byte { panic("soon") }
func (e Element) Inner() []byte                                 { panic("soon") }
func (e Element) String() string                                { panic("soon") }
func (e Element) Size() int                                     { panic("soon") }

type Builder struct{ _ int }

func New(space, local string) *Builder                              { panic("soon") }
func (b *Builder) Attr(local, value string) *Builder                { panic("soon") }
func (b *Builder) AttrNS(space, local, value string) *Builder       { panic("soon") }
func (b *Builder) Open(space, local string) *Builder                { panic("soon") }
func (b *Builder) Close() *Builder                                  { panic("soon") }
func (b *Builder) Text(s string) *Builder                           { panic("soon") }
func (b *Builder) TextChild(space, local, text string) *Builder     { panic("soon") }
func (b *Builder) Child(e Element) *Builder                         { panic("soon") }
func (b *Builder) Element() Element                                 { panic("soon") }

func Parse(b []byte) (Element, error) { panic("soon") }

// Limits bound what a Reader accepts.
type Limits struct {
	Bytes    int // of one top-level element as it was sent
	Depth    int // of nested elements, the top-level one included
	Attrs    int // of one element, declarations of namespaces included
	Children int // elements in one top-level element
}

// DefaultLimits are the limits of an authenticated stream.
var DefaultLimits = Limits{Bytes: 262144, Depth: 128, Attrs: 64, Children: 25000}

type Reader struct{ _ int }

func NewReader(l Limits) *Reader         { panic("soon") }
func (r *Reader) Space(min int) []byte   { panic("soon") }
func (r *Reader) Filled(n int)           { panic("soon") }
func (r *Reader) Next() (Token, error)   { panic("soon") }
func (r *Reader) Buffered() int          { panic("soon") }
func (r *Reader) Bytes() int64           { panic("soon") }
func (r *Reader) Release()               { panic("soon") }
func (r *Reader) Restart()               { panic("soon") }
func (r *Reader) Discard()               { panic("soon") }
func (r *Reader) SetLimits(l Limits)     { panic("soon") }

// TokenKind says what a Token is.
type TokenKind uint8

// What a stream consists of.
const (
	StreamHeader TokenKind = iota
	TopLevel
	StreamEnd
	Whitespace
)

// Token is one part of a stream.
type Token struct {
	Kind    TokenKind
	Header  Header  // of a StreamHeader
	Element Element // of a TopLevel
}

// Header is the start tag of a stream.
type Header struct {
	To, From, ID, Version, Lang string
	Content                     string // the content namespace
}

// Error is a stream error.
type Error struct{ Condition, Text string }

func (e *Error) Error() string { return e.Condition + ": " + e.Text }

// ErrMore means that the next token is not complete: read more bytes.
var ErrMore error = &Error{}

func AppendEscaped(dst []byte, s string) []byte     { panic("soon") }
func AppendEscapedAttr(dst []byte, s string) []byte { panic("soon") }
