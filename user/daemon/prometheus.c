// SPDX-License-Identifier: GPL-2.0
#include "prometheus.h"

#include <inttypes.h>
#include <string.h>

#include "render.h"

void prometheus_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* The bytes of one character, which becomes at most three times as long. */
static size_t escape_one(const char *text, size_t n, uint32_t code, char *out)
{
	if (!n || is_control(code)) {
		memcpy(out, RENDER_REPLACEMENT, 3);
		return 3;
	}
	if (code == '"' || code == '\\') {
		out[0] = '\\';
		out[1] = *text;
		return 2;
	}
	memcpy(out, text, n);
	return n;
}

const char *prometheus_escape(const char *text, size_t length, char *buf)
{
	size_t used = 0;

	length = strnlen(text, length);
	for (size_t i = 0; i < length;) {
		uint32_t code = 0;
		size_t n = render_utf8(text + i, length - i, &code);

		used += escape_one(text + i, n, code, buf + used);
		i += n ? n : 1;
	}
	buf[used] = '\0';
	return buf;
}

static void begin_sample(FILE *out, const char *name, const char *labels, const char *more)
{
	bool both = *labels && more;

	fputs(name, out);
	if (*labels || more)
		fprintf(out, "{%s%s%s}", labels, both ? "," : "", more ? more : "");
	fputc(' ', out);
}

void prometheus_count(FILE *out, const char *name, const char *labels, const char *more,
		      uint64_t count)
{
	begin_sample(out, name, labels, more);
	fprintf(out, "%" PRIu64 "\n", count);
}

void prometheus_nanoseconds(FILE *out, const char *name, const char *labels, const char *more,
			    uint64_t ns)
{
	begin_sample(out, name, labels, more);
	fprintf(out, "%" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
}

void prometheus_microseconds(FILE *out, const char *name, const char *labels, const char *more,
			     uint64_t us)
{
	begin_sample(out, name, labels, more);
	fprintf(out, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}
