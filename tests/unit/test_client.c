// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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

#define TOO_LONG "the filters are too long to be asked for: give fewer, or shorter ones"

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
	/* two that are never JSON */
	assert_answer(414, "URI Too Long", -EINVAL, TOO_LONG " (HTTP status 414)");
	assert_answer(431, "<html>", -EINVAL, TOO_LONG " (HTTP status 431)");
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

#define LINES 25
#define SILENCE_MS 1000 /* more than a busy machine takes for a line */

/* What follows the status line: the end of the connection ends the answer, or breaks it off. */
#define WHOLE "Connection: close\r\n\r\n"
#define BROKEN "Content-Length: 1000000\r\n\r\n"

/* Says a line ten times as often as it would have to. */
static void be_daemon(int listener, const char *rest)
{
	char head[128], request[1024];
	int fd = accept(listener, NULL, NULL);
	ssize_t r = read(fd, request, sizeof(request));

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s", rest);
	if (r > 0)
		r = write(fd, head, strlen(head));
	for (int i = 0; r > 0 && i < LINES; i++) {
		r = write(fd, "line\n", 5);
		usleep(SILENCE_MS * 1000 / 10);
	}
	_exit(r > 0 ? 0 : 1);
}

static int start_daemon(const char *path, const char *rest)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	strcpy(address.sun_path, path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_daemon(listener, rest);
	close(listener);
	return pid;
}

/* Where the reader takes its time: of its third line, or of a pause. */
struct slow_reader {
	bool in_pause;
	unsigned int lines;
	bool has_slept;
};

static void sleep_long(struct slow_reader *reader)
{
	if (!reader->has_slept)
		usleep(3 * SILENCE_MS * 1000);
	reader->has_slept = true;
}

static int slow_line(void *userdata, const char *line, size_t length)
{
	struct slow_reader *reader = userdata;

	(void)line, (void)length;
	if (++reader->lines == 3 && !reader->in_pause)
		sleep_long(reader);
	return 0;
}

static int slow_pause(void *userdata)
{
	struct slow_reader *reader = userdata;

	if (reader->lines >= 3 && reader->in_pause)
		sleep_long(reader);
	return 0;
}

/* As long as somebody reads a page of less, the pipe to it is full: the daemon is not silent. */
static void slow_reader_is_no_silence(void **state)
{
	char directory[] = "/tmp/test_client.XXXXXX", path[64];
	struct query query;
	int status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	query_begin(&query, "/v1/events");
	for (int in_pause = 0; in_pause < 2; in_pause++) {
		struct client client = {.socket = path, .silence_ms = SILENCE_MS};
		struct slow_reader slow = {.in_pause = in_pause};
		const struct client_reader reader = {slow_line, slow_pause, &slow};
		pid_t pid = start_daemon(path, WHOLE);

		assert_int_equal(client_lines(&client, &query, &reader), 0);
		assert_string_equal(client.message, "");
		assert_int_equal(slow.lines, LINES);
		assert_true(slow.has_slept);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		unlink(path);
	}
	rmdir(directory);
}

/* The answer that breaks off after a reader that took its time, or none, and the sentence for it.
 */
static void assert_broken(const char *path, int64_t patience_ms, bool slow, const char *part)
{
	struct client client = {
		.socket = path, .silence_ms = SILENCE_MS, .patience_ms = patience_ms};
	struct slow_reader state = {.has_slept = !slow};
	const struct client_reader reader = {slow_line, slow_pause, &state};
	struct query query;
	pid_t pid = start_daemon(path, BROKEN);

	query_begin(&query, "/v1/connections");
	assert_int_equal(client_lines(&client, &query, &reader), -ECONNRESET);
	if (!strstr(client.message, part))
		fail_msg("\"%s\" is not in: %s", part, client.message);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	unlink(path);
}

/* slowclosed ends a listing that nobody reads on: that is no fault of its own. */
static void a_slow_reader_is_told_so(void **state)
{
	char directory[] = "/tmp/test_client.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	assert_broken(path, SILENCE_MS, true, "the output was not read for ");
	assert_broken(path, 60 * SILENCE_MS, false, "did it end?");
	assert_broken(path, 0, true, "did it end?");
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries),
		cmocka_unit_test(long_query),
		cmocka_unit_test(failures),
		cmocka_unit_test(answers),
		cmocka_unit_test(long_answer),
		cmocka_unit_test(long_answer_in_utf8),
		cmocka_unit_test(slow_reader_is_no_silence),
		cmocka_unit_test(a_slow_reader_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
