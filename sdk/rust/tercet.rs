// SPDX-License-Identifier: Apache-2.0

//! What guests of Tercet in Rust are written with: the host's functions (ABI 1,
//! sdk/README.md) and the exports that the host calls. It needs no crate:
//!
//!     rustc --target wasm32-unknown-unknown --crate-type cdylib -O -C panic=abort \
//!         -C link-arg=-zstack-size=16384 -o guest.wasm guest.rs
//!
//! A guest has `mod tercet;` (or `#[path = ...]`) and `tercet::guest!(load);`.
#![allow(dead_code)]

mod host {
    #[link(wasm_import_module = "tercet")]
    extern "C" {
        pub fn hook(name: *const u8, n: usize, prio: f64, filter: *const u8, filter_n: usize) -> i32;
        pub fn add(point: *const u8, n: usize, json: *const u8, json_n: usize) -> i32;
        pub fn every(ms: i32) -> i32;
        pub fn option(name: *const u8, n: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn get(owner: *const u8, on: usize, key: *const u8, kn: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn put(owner: *const u8, on: usize, key: *const u8, kn: usize, value: *const u8, vn: usize) -> i32;
        pub fn find(owner: *const u8, on: usize, prefix: *const u8, pn: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn count(owner: *const u8, on: usize, key: *const u8, kn: usize, by: i64) -> i64;
        pub fn reply(xml: *const u8, n: usize) -> i32;
        pub fn send(xml: *const u8, n: usize) -> i32;
        pub fn replace(text: *const u8, n: usize) -> i32;
        pub fn http(json: *const u8, n: usize) -> i32;
        pub fn log(level: i32, text: *const u8, n: usize);
        pub fn now() -> i64;
    }
}

/// What the host may answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Error {
    /// There is no such value.
    None,
    /// Not granted, or not now.
    Denied,
    Malformed,
    TooLarge,
    /// The store does not answer.
    Unavailable,
}

fn check(code: i32) -> Result<i32, Error> {
    match code {
        0.. => Ok(code),
        -1 => Err(Error::None),
        -2 => Err(Error::Denied),
        -4 => Err(Error::TooLarge),
        -5 => Err(Error::Unavailable),
        _ => Err(Error::Malformed),
    }
}

/// What a handler says of its event. Failed counts as a failure of the guest.
#[derive(Clone, Copy)]
pub enum Verdict {
    Next = 0,
    Stop = 1,
    Failed = -1,
}

/// A handler gets a stanza in XML, or JSON.
pub type Handler = fn(&str) -> Verdict;

struct State {
    handlers: Vec<(i32, Handler)>,
    buffer: Vec<u8>,
}

static mut STATE: State = State { handlers: Vec::new(), buffer: Vec::new() };

// An instance of a guest has one thread.
fn state() -> &'static mut State {
    unsafe { &mut *core::ptr::addr_of_mut!(STATE) }
}

/// Attaches a handler to a hook of sdk/api.txt: higher priorities first; an
/// empty filter means all events. Called by load only.
pub fn hook(name: &str, prio: f64, filter: &str, handler: Handler) -> Result<(), Error> {
    let id = check(unsafe { host::hook(name.as_ptr(), name.len(), prio, filter.as_ptr(), filter.len()) })?;
    state().handlers.push((id, handler));
    Ok(())
}

/// Has a handler called each so many milliseconds, at least 100. Called by load
/// only.
pub fn every(ms: i32, handler: Handler) -> Result<(), Error> {
    let id = check(unsafe { host::every(ms) })?;
    state().handlers.push((id, handler));
    Ok(())
}

/// Adds a value, in JSON, to a list of sdk/api.txt. Called by load only.
pub fn add(point: &str, json: &str) -> Result<(), Error> {
    check(unsafe { host::add(point.as_ptr(), point.len(), json.as_ptr(), json.len()) }).map(drop)
}

fn text(mut ask: impl FnMut(*mut u8, usize) -> i32) -> Result<Vec<u8>, Error> {
    let mut buf = vec![0; 256];
    loop {
        let n = check(ask(buf.as_mut_ptr(), buf.len()))? as usize;
        let fits = n <= buf.len();
        buf.resize(n, 0);
        if fits {
            return Ok(buf);
        }
    }
}

/// An option in JSON; "" stands for all of them.
pub fn option(name: &str) -> Result<String, Error> {
    let b = text(|p, n| unsafe { host::option(name.as_ptr(), name.len(), p, n) })?;
    String::from_utf8(b).map_err(|_| Error::Malformed)
}

/// What is stored for an account, by its localpart, or for the host ("").
pub fn get(owner: &str, key: &str) -> Result<Vec<u8>, Error> {
    text(|p, n| unsafe { host::get(owner.as_ptr(), owner.len(), key.as_ptr(), key.len(), p, n) })
}

/// Stores a value; None deletes it.
pub fn put(owner: &str, key: &str, value: Option<&[u8]>) -> Result<(), Error> {
    let (p, n) = value.map_or((core::ptr::null(), 0), |v| (v.as_ptr(), v.len()));
    check(unsafe { host::put(owner.as_ptr(), owner.len(), key.as_ptr(), key.len(), p, n) }).map(drop)
}

/// The keys with that prefix, as a JSON array.
pub fn find(owner: &str, prefix: &str) -> Result<Vec<u8>, Error> {
    text(|p, n| unsafe { host::find(owner.as_ptr(), owner.len(), prefix.as_ptr(), prefix.len(), p, n) })
}

/// Adds to a stored number and returns it, as one step.
pub fn count(owner: &str, key: &str, by: i64) -> Result<i64, Error> {
    match unsafe { host::count(owner.as_ptr(), owner.len(), key.as_ptr(), key.len(), by) } {
        i64::MIN => Err(Error::Unavailable),
        n => Ok(n),
    }
}

/// Answers the stanza of the event with the elements of a payload; <error/>
/// makes it an error.
pub fn reply(xml: &str) -> Result<(), Error> {
    check(unsafe { host::reply(xml.as_ptr(), xml.len()) }).map(drop)
}

/// Sends a stanza, from the host itself.
pub fn send(xml: &str) -> Result<(), Error> {
    check(unsafe { host::send(xml.as_ptr(), xml.len()) }).map(drop)
}

/// Replaces the stanza of the event by one with another payload, or the JSON of
/// an event that may be changed.
pub fn replace(text: &str) -> Result<(), Error> {
    check(unsafe { host::replace(text.as_ptr(), text.len()) }).map(drop)
}

/// Makes a request, in JSON, and returns its number; the response comes to the
/// handler of the hook "http-response".
pub fn http(json: &str) -> Result<i32, Error> {
    check(unsafe { host::http(json.as_ptr(), json.len()) })
}

/// The levels of the log.
pub enum Level {
    Debug = 0,
    Info = 1,
    Warn = 2,
    Error = 3,
}

pub fn log(level: Level, text: &str) {
    unsafe { host::log(level as i32, text.as_ptr(), text.len()) }
}

/// The time in milliseconds since 1970.
pub fn now() -> i64 {
    unsafe { host::now() }
}

#[no_mangle]
pub extern "C" fn abi() -> i32 {
    1
}

#[no_mangle]
pub extern "C" fn alloc(n: usize) -> *mut u8 {
    let buffer = &mut state().buffer;
    buffer.resize(n, 0);
    buffer.as_mut_ptr()
}

#[no_mangle]
pub extern "C" fn event(handler: i32, at: *const u8, n: usize) -> i32 {
    let bytes = unsafe { core::slice::from_raw_parts(at, n) };
    let found = state().handlers.iter().find(|(id, _)| *id == handler);
    match (found, core::str::from_utf8(bytes)) {
        (Some((_, handle)), Ok(text)) => handle(text) as i32,
        _ => Verdict::Failed as i32,
    }
}

/// Names the function that attaches the guest: fn() -> Result<(), Error>.
#[macro_export]
macro_rules! guest {
    ($load:path) => {
        #[no_mangle]
        pub extern "C" fn load() -> i32 {
            match $load() {
                Ok(()) => 0,
                Err(e) => {
                    tercet::log(tercet::Level::Error, &format!("{:?}", e));
                    1
                }
            }
        }
    };
}
