// SPDX-License-Identifier: Apache-2.0

// What guests of Tercet in AssemblyScript are written with: the host's functions
// (ABI 1, sdk/README.md) and the exports that the host calls. Build a guest with
//
//	asc guest.ts -O --use abort= --exportStart _initialize -o guest.wasm
//
// A guest says `export { abi, alloc, event } from ".../tercet"` and exports a
// function load(): i32 that attaches it.

@external("tercet", "hook") declare function hostHook(name: usize, n: i32, prio: f64, filter: usize, fn: i32): i32;
@external("tercet", "add") declare function hostAdd(point: usize, n: i32, json: usize, jn: i32): i32;
@external("tercet", "every") declare function hostEvery(ms: i32): i32;
@external("tercet", "option") declare function hostOption(name: usize, n: i32, buf: usize, cap: i32): i32;
@external("tercet", "get") declare function hostGet(owner: usize, on: i32, key: usize, kn: i32, buf: usize, cap: i32): i32;
@external("tercet", "put") declare function hostPut(owner: usize, on: i32, key: usize, kn: i32, value: usize, vn: i32): i32;
@external("tercet", "find") declare function hostFind(owner: usize, on: i32, prefix: usize, pn: i32, buf: usize, cap: i32): i32;
@external("tercet", "count") declare function hostCount(owner: usize, on: i32, key: usize, kn: i32, by: i64): i64;
@external("tercet", "reply") declare function hostReply(xml: usize, n: i32): i32;
@external("tercet", "send") declare function hostSend(xml: usize, n: i32): i32;
@external("tercet", "replace") declare function hostReplace(text: usize, n: i32): i32;
@external("tercet", "http") declare function hostHTTP(json: usize, n: i32): i32;
@external("tercet", "log") declare function hostLog(level: i32, text: usize, n: i32): void;

// now is the time in milliseconds since 1970.
@external("tercet", "now") export declare function now(): i64;

// What a handler says of its event. FAILED counts as a failure of the guest.
export const NEXT: i32 = 0;
export const STOP: i32 = 1;
export const FAILED: i32 = -1;

// What the host's functions return beside a length or a number.
export const OK: i32 = 0;
export const NONE: i32 = -1;
export const DENIED: i32 = -2;
export const MALFORMED: i32 = -3;
export const LARGE: i32 = -4;
export const UNAVAILABLE: i32 = -5;

export const DEBUG: i32 = 0;
export const INFO: i32 = 1;
export const WARN: i32 = 2;
export const ERROR: i32 = 3;

// A Handler gets a stanza in XML, or JSON.
export type Handler = (event: string) => i32;

const ids: i32[] = [];
const handlers: Handler[] = [];

function utf8(s: string): ArrayBuffer {
	return String.UTF8.encode(s);
}

function at(b: ArrayBuffer): usize {
	return changetype<usize>(b);
}

// hook attaches a handler to a hook of sdk/api.txt: higher priorities first; an
// empty filter means all events. It is called by load only, and returns a
// negative code on a failure.
export function hook(name: string, prio: f64, filter: string, handler: Handler): i32 {
	const n = utf8(name), f = utf8(filter);
	const id = hostHook(at(n), n.byteLength, prio, at(f), f.byteLength);
	if (id >= 0) {
		ids.push(id);
		handlers.push(handler);
	}
	return id;
}

// every has a handler called each so many milliseconds, at least 100. It is
// called by load only.
export function every(ms: i32, handler: Handler): i32 {
	const id = hostEvery(ms);
	if (id >= 0) {
		ids.push(id);
		handlers.push(handler);
	}
	return id;
}

// add adds a value, in JSON, to a list of sdk/api.txt. It is called by load only.
export function add(point: string, json: string): i32 {
	const p = utf8(point), j = utf8(json);
	return hostAdd(at(p), p.byteLength, at(j), j.byteLength);
}

// option is an option in JSON, or null; "" stands for all of them.
export function option(name: string): string | null {
	const n = utf8(name);
	let buf = new ArrayBuffer(256);
	let got = hostOption(at(n), n.byteLength, at(buf), buf.byteLength);
	if (got > buf.byteLength) {
		buf = new ArrayBuffer(got);
		got = hostOption(at(n), n.byteLength, at(buf), buf.byteLength);
	}
	return got < 0 ? null : String.UTF8.decodeUnsafe(at(buf), got);
}

// get is what is stored for an account, by its localpart, or for the host (""),
// or null.
export function get(owner: string, key: string): string | null {
	const o = utf8(owner), k = utf8(key);
	let buf = new ArrayBuffer(256);
	let got = hostGet(at(o), o.byteLength, at(k), k.byteLength, at(buf), buf.byteLength);
	if (got > buf.byteLength) {
		buf = new ArrayBuffer(got);
		got = hostGet(at(o), o.byteLength, at(k), k.byteLength, at(buf), buf.byteLength);
	}
	return got < 0 ? null : String.UTF8.decodeUnsafe(at(buf), got);
}

// put stores a value; null deletes it.
export function put(owner: string, key: string, value: string | null): i32 {
	const o = utf8(owner), k = utf8(key);
	if (value === null) return hostPut(at(o), o.byteLength, at(k), k.byteLength, 0, 0);
	const v = utf8(value);
	return hostPut(at(o), o.byteLength, at(k), k.byteLength, at(v), v.byteLength);
}

// find returns the keys with that prefix as a JSON array, or null.
export function find(owner: string, prefix: string): string | null {
	const o = utf8(owner), p = utf8(prefix);
	let buf = new ArrayBuffer(1024);
	let got = hostFind(at(o), o.byteLength, at(p), p.byteLength, at(buf), buf.byteLength);
	if (got > buf.byteLength) {
		buf = new ArrayBuffer(got);
		got = hostFind(at(o), o.byteLength, at(p), p.byteLength, at(buf), buf.byteLength);
	}
	return got < 0 ? null : String.UTF8.decodeUnsafe(at(buf), got);
}

// count adds to a stored number and returns it, as one step; the least i64 says
// that it failed.
export function count(owner: string, key: string, by: i64): i64 {
	const o = utf8(owner), k = utf8(key);
	return hostCount(at(o), o.byteLength, at(k), k.byteLength, by);
}

// reply answers the stanza of the event with the elements of a payload; an
// <error/> makes it an error.
export function reply(xml: string): i32 {
	const x = utf8(xml);
	return hostReply(at(x), x.byteLength);
}

// send sends a stanza, from the host itself.
export function send(xml: string): i32 {
	const x = utf8(xml);
	return hostSend(at(x), x.byteLength);
}

// replace replaces the stanza of the event by one with another payload, or the
// JSON of an event that may be changed.
export function replace(text: string): i32 {
	const t = utf8(text);
	return hostReplace(at(t), t.byteLength);
}

// http makes a request, in JSON, and returns its number; the response comes to
// the handler of the hook "http-response".
export function http(json: string): i32 {
	const j = utf8(json);
	return hostHTTP(at(j), j.byteLength);
}

export function log(level: i32, text: string): void {
	const t = utf8(text);
	hostLog(level, at(t), t.byteLength);
}

export function abi(): i32 {
	return 1;
}

let buffer = new ArrayBuffer(0);

export function alloc(n: i32): usize {
	buffer = new ArrayBuffer(n);
	return at(buffer);
}

export function event(handler: i32, text: usize, n: i32): i32 {
	const i = ids.indexOf(handler);
	return i < 0 ? FAILED : handlers[i](String.UTF8.decodeUnsafe(text, n));
}
