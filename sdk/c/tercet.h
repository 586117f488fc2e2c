/* SPDX-License-Identifier: Apache-2.0 */

/* tercet.h is all that a guest in C needs: the host's functions (ABI 1,
 * sdk/README.md), a buffer for events, and a few functions for texts. It needs
 * no library:
 *
 *   clang --target=wasm32 -O2 -mbulk-memory -nostdlib -Wl,--no-entry \
 *       -Wl,-z,stack-size=8192 -Isdk/c -o guest.wasm guest.c
 *
 * Define TERCET_EVENT before including it if events may be longer than 32 KiB:
 * the event that does not fit fails.
 */
#ifndef TERCET_H
#define TERCET_H

typedef int i32;
typedef long long i64;

#define TERCET_ABI 1
#ifndef TERCET_EVENT
#define TERCET_EVENT 32768
#endif

/* What the host's functions return beside a length or a number. */
enum { OK = 0, ERR_NONE = -1, ERR_DENIED = -2, ERR_MALFORMED = -3, ERR_LARGE = -4, ERR_UNAVAILABLE = -5 };

/* What event returns. */
enum { NEXT = 0, STOP = 1, FAILED = -1 };

enum { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("tercet"), import_name(#name))) extern

IMPORT(hook) i32 tercet_hook(const char *name, i32 n, double prio, const char *filter, i32 filter_n);
IMPORT(add) i32 tercet_add(const char *point, i32 n, const char *json, i32 json_n);
IMPORT(every) i32 tercet_every(i32 ms);
IMPORT(option) i32 tercet_option(const char *name, i32 n, char *buf, i32 cap);
IMPORT(get) i32 tercet_get(const char *owner, i32 on, const char *key, i32 kn, char *buf, i32 cap);
IMPORT(put) i32 tercet_put(const char *owner, i32 on, const char *key, i32 kn, const char *value, i32 vn);
IMPORT(find) i32 tercet_find(const char *owner, i32 on, const char *prefix, i32 pn, char *buf, i32 cap);
IMPORT(count) i64 tercet_count(const char *owner, i32 on, const char *key, i32 kn, i64 by);
IMPORT(send) i32 tercet_send(const char *xml, i32 n);
IMPORT(reply) i32 tercet_reply(const char *xml, i32 n);
IMPORT(replace) i32 tercet_replace(const char *text, i32 n);
IMPORT(http) i32 tercet_http(const char *json, i32 n);
IMPORT(log) void tercet_log(i32 level, const char *text, i32 n);
IMPORT(now) i64 tercet_now(void);

/* A literal and its length, as arguments. */
#define T(s) (s), (i32)(sizeof(s) - 1)

/* What the host calls; the guest has load and event besides:
 *
 *   EXPORT(load) i32 load(void);
 *   EXPORT(event) i32 event(i32 handler, const char *text, i32 n);
 */
EXPORT(abi) i32 tercet_abi(void) { return TERCET_ABI; }

static char tercet_event[TERCET_EVENT];

EXPORT(alloc) char *tercet_alloc(i32 n) { return n <= TERCET_EVENT ? tercet_event : 0; }

/* The text in which replies are made; what does not fit is left out. */
static char tercet_text[4096];
static i32 tercet_length;

static inline void text_start(void) { tercet_length = 0; }

static inline void text_add(const char *s, i32 n) {
	for (i32 i = 0; i < n && tercet_length < (i32)sizeof tercet_text; i++)
		tercet_text[tercet_length++] = s[i];
}

static inline void text_number(i64 v) {
	char digits[20];
	i32 n = sizeof digits;
	unsigned long long u = v < 0 ? 0ULL - (unsigned long long)v : (unsigned long long)v;
	if (v < 0)
		text_add(T("-"));
	do {
		digits[--n] = (char)('0' + u % 10);
	} while (u /= 10);
	text_add(digits + n, (i32)sizeof digits - n);
}

/* starts reports whether the text begins with word. */
static inline i32 starts(const char *text, i32 n, const char *word, i32 wn) {
	i32 k = 0;
	while (k < wn && k < n && text[k] == word[k])
		k++;
	return k == wn;
}

#endif
