/* SPDX-License-Identifier: GPL-2.0 */
/* What json.c, json_read.c and text.c need for an event. */
#ifndef SLOWCLOSE_RENDER_H
#define SLOWCLOSE_RENDER_H

#include <arpa/inet.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "event.h"

#define RENDER_TIME_SIZE sizeof("2026-01-02T03:04:05.123456Z")

#define RENDER_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD: what JSON has for a byte that is no UTF-8 */

/* Seconds rounded down, before 1970 too, so that the rest is never negative. */
static inline time_t render_seconds(int64_t time_ns)
{
	return (time_t)(time_ns / NSEC_PER_SEC - (time_ns % NSEC_PER_SEC < 0));
}

/* RFC 3339, UTC, microseconds. 64 bits of nanoseconds stay within the years 1677 to 2262. */
static inline const char *render_time(int64_t time_ns, char buf[RENDER_TIME_SIZE])
{
	time_t seconds = render_seconds(time_ns);
	int64_t ns = (time_ns % NSEC_PER_SEC + NSEC_PER_SEC) % NSEC_PER_SEC;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(buf, RENDER_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, RENDER_TIME_SIZE - n, ".%06dZ", (int)(ns / 1000));
	return buf;
}

#define RENDER_ID_SIZE sizeof("0123456789abcdef")

static inline const char *render_id(uint64_t id, char buf[RENDER_ID_SIZE])
{
	snprintf(buf, RENDER_ID_SIZE, "%016" PRIx64, id);
	return buf;
}

#define RENDER_ADDRESS_SIZE INET6_ADDRSTRLEN

/* "192.0.2.1" or "2001:db8::1"; of IPv4 the first four bytes count. */
static inline const char *render_address(enum conn_family family, const __u8 address[16],
					 char buf[RENDER_ADDRESS_SIZE])
{
	return inet_ntop(family == FAMILY_IPV4 ? AF_INET : AF_INET6, address, buf,
			 RENDER_ADDRESS_SIZE);
}

/*
 * The character at text, of at most length bytes: returns how many bytes it has, or 0 where
 * they are not UTF-8 (overlong forms, surrogates and what is over U+10FFFF are not).
 * The C library's functions would depend on the locale, and a daemon has none.
 */
static inline size_t render_utf8(const char *text, size_t length, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)text[0];
	size_t n = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (n == 0 || n > length || lead >= 0xf8)
		return 0;
	*code = n == 1 ? lead : lead & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

#endif
