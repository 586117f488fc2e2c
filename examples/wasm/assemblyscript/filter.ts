// SPDX-License-Identifier: Apache-2.0

// Refuses messages with certain words, counts them, and tells how many they
// were: who asks by {urn:example:filter}stats, and admins by the ad-hoc command
// "filter".

import * as tercet from "../../../sdk/assemblyscript/tercet";

export { abi, alloc, event } from "../../../sdk/assemblyscript/tercet";

const words: string[] = [];

export function load(): i32 {
	const option = tercet.option("words");
	if (option === null) {
		tercet.log(tercet.ERROR, "the option words is missing");
		return 1;
	}
	// A JSON array of texts without escapes: each second part is a word.
	const parts = option.split('"');
	for (let i = 1; i < parts.length; i += 2) {
		if (parts[i].length > 0) words.push(parts[i]);
	}
	if (tercet.hook("pre-message/full", 10, "child=jabber:client:body", message) < 0) return 1;
	if (tercet.hook("pre-message/bare", 10, "child=jabber:client:body", message) < 0) return 1;
	if (tercet.hook("iq-get/host/urn:example:filter:stats", 0, "", stats) < 0) return 1;
	if (tercet.hook("adhoc/filter", 0, "", command) < 0) return 1;
	if (tercet.add("adhoc-command", '{"node": "filter", "name": "Refused messages", "permission": "admin"}') < 0) return 1;
	return tercet.add("feature", '"urn:example:filter"');
}

function message(xml: string): i32 {
	for (let i = 0; i < words.length; i++) {
		if (!xml.includes(words[i])) continue;
		if (tercet.count("", "refused", 1) == i64.MIN_VALUE) tercet.log(tercet.WARN, "not counted");
		return answer("<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
	}
	return tercet.NEXT;
}

function stats(_: string): i32 {
	const n = tercet.count("", "refused", 0);
	if (n == i64.MIN_VALUE) return tercet.FAILED;
	return answer("<stats xmlns='urn:example:filter' refused='" + n.toString() + "'/>");
}

function command(_: string): i32 {
	const n = tercet.count("", "refused", 0);
	if (n == i64.MIN_VALUE) return tercet.FAILED;
	const note = '{"kind": "info", "text": "Refused messages: ' + n.toString() + '"}';
	return tercet.replace('{"status": "completed", "notes": [' + note + "]}") == tercet.OK ? tercet.STOP : tercet.FAILED;
}

function answer(xml: string): i32 {
	return tercet.reply(xml) == tercet.OK ? tercet.STOP : tercet.FAILED;
}
