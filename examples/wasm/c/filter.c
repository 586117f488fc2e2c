/* SPDX-License-Identifier: Apache-2.0 */

/* A filter that refuses messages with certain words, counts them, and tells how
 * many they were: who asks by {urn:example:filter}stats, and admins by the
 * ad-hoc command "filter". */
#include "tercet.h"

enum { MOST = 64 };

static i32 full, bare, stats, command;
static char text_of_words[2048]; /* the option "words": a JSON array of texts without escapes */
static struct { const char *text; i32 n; } words[MOST];
static i32 words_n;
static char begins[256]; /* whether a word begins with that byte */

/* read finds the words in the option, and returns 0 unless there are too many. */
static i32 read(i32 n) {
	i32 start = -1;
	for (i32 i = 0; i < n; i++) {
		if (text_of_words[i] != '"')
			continue;
		if (start < 0) {
			start = i + 1;
			continue;
		}
		if (words_n == MOST)
			return 1;
		if (i > start) {
			words[words_n].text = text_of_words + start;
			words[words_n++].n = i - start;
			begins[(unsigned char)text_of_words[start]] = 1;
		}
		start = -1;
	}
	return 0;
}

EXPORT(load) i32 load(void) {
	i32 n = tercet_option(T("words"), text_of_words, sizeof text_of_words);
	if (n < 0 || n > (i32)sizeof text_of_words || read(n)) {
		tercet_log(LOG_ERROR, T("the option words is missing, or too long"));
		return 1;
	}
	full = tercet_hook(T("pre-message/full"), 10, T("child=jabber:client:body"));
	bare = tercet_hook(T("pre-message/bare"), 10, T("child=jabber:client:body"));
	stats = tercet_hook(T("iq-get/host/urn:example:filter:stats"), 0, T(""));
	command = tercet_hook(T("adhoc/filter"), 0, T(""));
	return full < 0 || bare < 0 || stats < 0 || command < 0 ||
	       tercet_add(T("adhoc-command"), T("{\"node\":\"filter\",\"name\":\"Refused messages\",\"permission\":\"admin\"}")) < 0 ||
	       tercet_add(T("feature"), T("\"urn:example:filter\"")) < 0;
}

/* refused reports whether one of the words is in the message. */
static i32 refused(const char *text, i32 n) {
	for (i32 i = 0; i < n; i++) {
		if (!begins[(unsigned char)text[i]])
			continue;
		for (i32 w = 0; w < words_n; w++)
			if (starts(text + i, n - i, words[w].text, words[w].n))
				return 1;
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
	if (handler == command) {
		text_add(T("{\"status\":\"completed\",\"notes\":[{\"kind\":\"info\",\"text\":\"Refused messages: "));
		text_number(tercet_count(T(""), T("refused"), 0));
		text_add(T("\"}]}"));
		return tercet_replace(tercet_text, tercet_length) == OK ? STOP : FAILED;
	}
	if (!refused(text, n))
		return NEXT;
	tercet_count(T(""), T("refused"), 1);
	text_add(T("<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"));
	return tercet_reply(tercet_text, tercet_length) == OK ? STOP : FAILED;
}
