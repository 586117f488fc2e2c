// SPDX-License-Identifier: Apache-2.0

//! Refuses messages with certain words, counts them, and tells how many they
//! were: who asks by {urn:example:filter}stats, and admins by the ad-hoc command
//! "filter".

#[path = "../../../sdk/rust/tercet.rs"]
mod tercet;

use std::cell::RefCell;
use tercet::{Error, Verdict};

guest!(attach);

thread_local!(static WORDS: RefCell<Vec<String>> = RefCell::new(Vec::new()));

fn attach() -> Result<(), Error> {
    // A JSON array of texts without escapes: each second part is a word.
    let option = tercet::option("words")?;
    let words = option.split('"').skip(1).step_by(2).filter(|w| !w.is_empty());
    WORDS.with(|all| all.borrow_mut().extend(words.map(String::from)));
    for name in ["pre-message/full", "pre-message/bare"] {
        tercet::hook(name, 10.0, "child=jabber:client:body", message)?;
    }
    tercet::hook("iq-get/host/urn:example:filter:stats", 0.0, "", stats)?;
    tercet::hook("adhoc/filter", 0.0, "", command)?;
    tercet::add("adhoc-command", r#"{"node": "filter", "name": "Refused messages", "permission": "admin"}"#)?;
    tercet::add("feature", "\"urn:example:filter\"")
}

fn message(xml: &str) -> Verdict {
    if !WORDS.with(|all| all.borrow().iter().any(|w| xml.contains(w.as_str()))) {
        return Verdict::Next;
    }
    if let Err(e) = tercet::count("", "refused", 1) {
        tercet::log(tercet::Level::Warn, &format!("{:?}", e));
    }
    answer("<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")
}

fn stats(_: &str) -> Verdict {
    match tercet::count("", "refused", 0) {
        Ok(n) => answer(&format!("<stats xmlns='urn:example:filter' refused='{}'/>", n)),
        Err(_) => Verdict::Failed,
    }
}

fn command(_: &str) -> Verdict {
    let told = tercet::count("", "refused", 0).and_then(|n| {
        let note = format!(r#"{{"kind": "info", "text": "Refused messages: {}"}}"#, n);
        tercet::replace(&format!(r#"{{"status": "completed", "notes": [{}]}}"#, note))
    });
    match told {
        Ok(()) => Verdict::Stop,
        Err(_) => Verdict::Failed,
    }
}

fn answer(xml: &str) -> Verdict {
    match tercet::reply(xml) {
        Ok(()) => Verdict::Stop,
        Err(_) => Verdict::Failed,
    }
}
