/* SPDX-License-Identifier: Apache-2.0 */

/* A filter that refuses messages with certain words, counts them, and tells how
 * many they were: {urn:example:filter}stats. */
#define TERCET_EVENT 32768
#include "tercet.h"

static i32 full, bare, stats;
static char words[2048]; /* the option "words": a JSON array of texts without escapes */
static i32 words_n;

EXPORT(load) i32 load(void) {
	words_n = tercet_option(T("words"), words, sizeof words);
	if (words_n < 0 || words_n > (i32)sizeof words) {
		tercet_log(LOG_ERROR, T("the option words is missing, or too long"));
		return 1;
	}
	full = tercet_hook(T("pre-message/full"), 10, T("child=jabber:client:body"));
	bare = tercet_hook(T("pre-message/bare"), 10, T("child=jabber:client:body"));
	stats = tercet_hook(T("iq-get/host/urn:example:filter:stats"), 0, T(""));
	return full < 0 || bare < 0 || stats < 0 || tercet_add(T("feature"), T("\"urn:example:filter\"")) < 0;
}

/* refused reports whether one of the words is in the message. */
static i32 refused(const char *text, i32 n) {
	for (i32 i = 0, start = -1; i < words_n; i++) {
		if (words[i] != '"')
			continue;
		if (start < 0) {
			start = i + 1;
			continue;
		}
		if (contains(text, n, words + start, i - start))
			return 1;
		start = -1;
	}
	return 0;
}

EXPORT(event) i32 event(i32 handler, const char *text, i32 n) {
	text_start();
	if (handler == stats) {
		text_add(T("<stats xmlns='urn:example:filter' refused='"));
		text_number(tercet_count(T(""), T("refused"), 0));
		text_add(T("'/>"));
		return tercet_reply(tercet_text, tercet_length) == OK ? STOP : FAILED;
	}
	if (!refused(text, n))
		return NEXT;
	tercet_count(T(""), T("refused"), 1);
	text_add(T("<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"));
	return tercet_reply(tercet_text, tercet_length) == OK ? STOP : FAILED;
}
