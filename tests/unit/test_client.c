// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"

#define SOCKET "/run/slowclose/slowclose.sock"

static void queries(void **state)
{
	struct query query;

	(void)state;
	query_begin(&query, "/v1/events");
	assert_string_equal(query.text, "/v1/events");
	query_add(&query, "lport", "80,443,8000-8100");
	query_add(&query, "all", NULL);
	query_add(&query, "unit", "a b&c=d%/\xc3\xa9\n.service");
	assert_string_equal(query.text, "/v1/events?lport=80,443,8000-8100&all&"
					"unit=a%20b%26c%3Dd%25%2F%C3%A9%0A.service");
	assert_false(query.too_long);
}

/* What does not fit is left out whole, and told. */
static void long_query(void **state)
{
	struct query query;
	char value[QUERY_SIZE];

	(void)state;
	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	query_begin(&query, "/v1/events");
	query_add(&query, "comm", value);
	assert_true(query.too_long);
	assert_string_equal(query.text, "/v1/events");
	query_begin(&query, "/");
	memset(value, ' ', sizeof(value) - 1);
	query_add(&query, "comm", value);
	assert_true(query.too_long);
	assert_string_equal(query.text, "/");
	/* the longest that fits: "/?c=" and the NUL */
	query_begin(&query, "/");
	memset(value, 'x', sizeof(value) - 1);
	value[QUERY_SIZE - 5] = '\0';
	query_add(&query, "c", value);
	assert_false(query.too_long);
	assert_int_equal(strlen(query.text), QUERY_SIZE - 1);
}

static void assert_failure(CURLcode code, int os_error, int error, const char *part)
{
	char text[1024];

	assert_int_equal(client_explain_failure(text, sizeof(text), code, os_error, SOCKET), error);
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void failures(void **state)
{
	(void)state;
	assert_failure(CURLE_COULDNT_CONNECT, ENOENT, -ENOENT, "systemctl start slowclosed");
	assert_failure(CURLE_COULDNT_CONNECT, ENOENT, -ENOENT, "sudo slowclosed --tail");
	assert_failure(CURLE_COULDNT_CONNECT, ECONNREFUSED, -ECONNREFUSED, SOCKET);
	assert_failure(CURLE_COULDNT_CONNECT, EACCES, -EACCES, "the group slowclose");
	assert_failure(CURLE_COULDNT_CONNECT, EACCES, -EACCES, "usermod -aG slowclose");
	assert_failure(CURLE_COULDNT_CONNECT, EMFILE, -ECONNREFUSED, "Too many open files");
	assert_failure(CURLE_COULDNT_CONNECT, 0, -ECONNREFUSED, "no reason");
	assert_failure(CURLE_PARTIAL_FILE, 0, -ECONNRESET, "broke off");
	assert_failure(CURLE_RECV_ERROR, ECONNRESET, -ECONNRESET, "broke off");
	assert_failure(CURLE_UNSUPPORTED_PROTOCOL, 0, -EBADMSG, "is not slowclosed");
}

static void assert_answer(long status, const char *body, int error, const char *expected)
{
	char text[1024];

	assert_int_equal(client_explain_answer(text, sizeof(text), status, body, strlen(body)),
			 error);
	assert_string_equal(text, expected);
}

#define NO_ERROR                                                                                   \
	"the answer is HTTP status 500 and no error of slowclosed: is it the right --socket?"

static void answers(void **state)
{
	(void)state;
	assert_answer(
		400,
		"{\"error\":{\"message\":\"this port does not exist\",\"parameter\":\"lport\","
		"\"value\":\"0\",\"allowed\":\"ports from 1 to 65535\"}}",
		-EINVAL,
		"slowclosed says: this port does not exist; parameter lport, value \"0\", "
		"allowed: ports from 1 to 65535");
	assert_answer(404,
		      "{\"error\":{\"message\":\"no such path\",\"parameter\":null,"
		      "\"value\":null,\"allowed\":null}}",
		      -EINVAL, "slowclosed says: no such path");
	assert_answer(503, "{\"error\":{\"message\":\"too many subscribers\"}}", -EAGAIN,
		      "slowclosed says: too many subscribers");
	/* nothing of it reaches the terminal as it is */
	assert_answer(400,
		      "{\"error\":{\"message\":\"\\u001b[2J\",\"parameter\":\"a\\nb\","
		      "\"value\":\"\\u009b\",\"allowed\":7}}",
		      -EINVAL,
		      "slowclosed says: \\x1b[2J; parameter a\\x0ab, value \"\\xc2\\x9b\"");
	assert_answer(500, "", -EBADMSG, NO_ERROR);
	assert_answer(500, "<html>", -EBADMSG, NO_ERROR);
	assert_answer(500, "[]", -EBADMSG, NO_ERROR);
	assert_answer(500, "{\"error\":\"no\"}", -EBADMSG, NO_ERROR);
	assert_answer(500, "{\"error\":{\"message\":7}}", -EBADMSG, NO_ERROR);
}

/* However long the parts are, the message ends within its buffer. */
static void long_answer(void **state)
{
	char body[8192], text[100];
	size_t used = 0;

	(void)state;
	used += (size_t)snprintf(body, sizeof(body), "{\"error\":{\"message\":\"");
	memset(body + used, 'm', 2000);
	used += 2000;
	used += (size_t)snprintf(body + used, sizeof(body) - used,
				 "\",\"parameter\":\"p\",\"value\":\"v\",\"allowed\":\"a\"}}");
	client_explain_answer(text, sizeof(text), 400, body, used);
	assert_int_equal(strlen(text), sizeof(text) - 1);
}

/* Of characters of two bytes, whichever way the buffers cut them. */
static void long_answer_in_utf8(void **state)
{
	char body[8192], text[1024], word[1201];

	(void)state;
	for (size_t i = 0; i < sizeof(word) - 1; i += 2)
		memcpy(word + i, "\u00e9", 2);
	word[sizeof(word) - 1] = '\0';
	for (int i = 0; i < 16; i++) {
		json_t *string;

		snprintf(body, sizeof(body),
			 "{\"error\":{\"message\":\"%s%s\",\"parameter\":\"%s%s\","
			 "\"value\":\"%s%s\",\"allowed\":\"%s%s\"}}",
			 i & 1 ? "x" : "", word, i & 2 ? "x" : "", word, i & 4 ? "x" : "", word,
			 i & 8 ? "x" : "", word);
		client_explain_answer(text, sizeof(text), 400, body, strlen(body));
		string = json_string(text); /* NULL if it is no UTF-8 */
		assert_non_null(string);
		json_decref(string);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries),     cmocka_unit_test(long_query),
		cmocka_unit_test(failures),    cmocka_unit_test(answers),
		cmocka_unit_test(long_answer), cmocka_unit_test(long_answer_in_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
