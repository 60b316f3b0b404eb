// SPDX-License-Identifier: GPL-2.0
/* slowclose where something answers that is no slowclosed, or one that is broken. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "suite.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CLOSE "Connection: close\r\n\r\n"
#define HELLO                                                                                      \
	"{\"event\":\"hello\",\"time\":\"2026-01-01T00:00:00.000000Z\",\"version\":\"1\","         \
	"\"started\":\"2026-01-01T00:00:00.000000Z\"}\n"

/* One answer for each connection; the last one for all that follow, too. */
struct fake {
	const char *answers[3];
	bool stays; /* after the last one the connection stays, until its client closes it */
};

static struct fake fake; /* what the child has got */
static struct program command;

static void read_request(int fd)
{
	char request[4096] = "";
	size_t length = 0;
	ssize_t n;

	while (!strstr(request, "\r\n\r\n")) {
		n = read(fd, request + length, sizeof(request) - 1 - length);
		if (n <= 0)
			return;
		length += (size_t)n;
	}
}

static void wait_for_end(int fd)
{
	char byte;

	while (read(fd, &byte, 1) > 0)
		;
}

static void answer_all(int channel, int listener)
{
	size_t i = 0;

	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		bool last = i == sizeof(fake.answers) / sizeof(fake.answers[0]) - 1 ||
			    !fake.answers[i + 1];

		read_request(fd);
		/* Blocks until all is sent, unless its client has gone. */
		if (send(fd, fake.answers[i], strlen(fake.answers[i]), 0) >= 0 && last &&
		    fake.stays)
			wait_for_end(fd);
		close(fd);
		i += !last;
	}
	(void)channel;
}

static void fake_start(struct child *child, const struct fake *answers)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(service.socket); /* of a test that failed */
	strcpy(address.sun_path, service.socket);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 8))
		fail_msg("%s: %s", service.socket, strerror(errno));
	fake = *answers;
	child_start(child, answer_all, fd);
	close(fd);
}

static void fake_end(struct child *child)
{
	child_kill(child);
	unlink(service.socket);
}

enum which {
	TAIL = 1 << 0,
	OBJECT = 1 << 1, /* report and status */
	LINES = 1 << 2, /* list and listeners */
	ALL = TAIL | OBJECT | LINES,
};

static const struct {
	const char *name;
	enum which which;
} subcommands[] = {
	{"tail", TAIL},	 {"report", OBJECT},   {"status", OBJECT},
	{"list", LINES}, {"listeners", LINES},
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

struct garbage {
	enum which which; /* asks */
	const char *answer;
	const char *message; /* must be a part of what is said */
};

#define EVENT_OF(comm, rest)                                                                       \
	"{\"event\":\"closed\",\"time\":\"2026-01-01T00:00:00.000000Z\",\"id\":"                   \
	"\"0123456789abcdef\",\"role\":\"server\",\"family\":\"ipv4\",\"local\":{\"address\":"     \
	"\"127.0.0.1\",\"port\":80},\"remote\":{\"address\":\"127.0.0.1\",\"port\":81},\"owner\":" \
	"{\"pid\":1,\"tid\":1,\"comm\":\"" comm "\",\"unit\":null,\"container\":null}" rest "}\n"

static const struct garbage garbages[] = {
	{ALL, "\x1b[2J\x1b]0;you\a\r\n\r\n", "is not slowclosed"},
	{ALL, "SSH-2.0-OpenSSH_9.2\r\n", "is not slowclosed"},
	{ALL, "", "broke off: did it end?"},
	{ALL, "HTTP/1.1 404 Not Found\r\n" CLOSE "<html>\x1b[31mnginx</html>",
	 "HTTP status 404 and no error of slowclosed: is it the right --socket?"},
	{ALL, "HTTP/1.1 500 Internal Server Error\r\n" CLOSE "\x1b[31m",
	 "HTTP status 500 and no error of slowclosed"},
	{ALL, "HTTP/1.1 302 Found\r\nLocation: http://[::1]/\r\n" CLOSE,
	 "HTTP status 302 and no error of slowclosed"},
	{ALL,
	 "HTTP/1.1 400 Bad Request\r\n" CLOSE
	 "{\"error\":{\"message\":\"no \\u001b[31m\\u009bthis\",\"parameter\":\"\\u001b[m\","
	 "\"value\":\"\\u0007\",\"allowed\":\"\\r\\n\"}}",
	 "slowclosed says: no \\x1b[31m\\xc2\\x9bthis; parameter \\x1b[m, value \"\\x07\", "
	 "allowed: "
	 "\\x0d\\x0a"},
	{ALL, "HTTP/1.1 503 Service Unavailable\r\n" CLOSE "{\"error\":{\"message\":\"full\"}}",
	 "slowclosed says: full"},
	{TAIL, OK CLOSE "<html>\x1b[31m</html>\n", "is not slowclosed: it greets nobody"},
	{TAIL, OK CLOSE "", "is not slowclosed: it greets nobody"},
	{OBJECT, OK CLOSE "<html>\x1b[31m</html>\n", "no JSON object"},
	{OBJECT, OK CLOSE "", "no JSON object"},
	{OBJECT, OK CLOSE "[1]", "no JSON object"},
	{OBJECT, OK CLOSE "{\"total\":{", "no JSON object"},
	{OBJECT, OK "Content-Length: 99\r\n" CLOSE "{\"total\":{", "broke off: did it end?"},
	{LINES, OK CLOSE "<html>\x1b[31m</html>\n", "is skipped: it is no JSON"},
	{LINES, OK CLOSE "{\"event\":\"wai", "is skipped: it is no JSON"},
	{LINES, OK CLOSE "[]\n", "is skipped: "},
	{LINES, OK CLOSE "{\"event\":\"\\u001b[31m\"}\n", "is skipped: "},
	{LINES, OK "Content-Length: 99\r\n" CLOSE "", "broke off: did it end?"},
};

static void expect_message(const struct garbage *garbage, const char *subcommand,
			   const char *option)
{
	int status = command_run(&command, subcommand, option);

	if (status != 1 || !strstr(command.err.text, garbage->message))
		fail_msg("%s: exit %d, without \"%s\"; it said:\n%s%s", subcommand, status,
			 garbage->message, command.out.text, command.err.text);
	command_expect_harmless(&command);
}

static void expect_clear_message(const struct garbage *garbage)
{
	struct child child;

	fake_start(&child, &(struct fake){.answers = {garbage->answer}});
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		if (garbage->which & subcommands[i].which)
			expect_message(garbage, subcommands[i].name, NULL);
	}
	fake_end(&child);
}

/* A clear message, exit status 1, and nothing that a terminal could take for a command. */
static void command_garbage_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(garbages) / sizeof(garbages[0]); i++)
		expect_clear_message(&garbages[i]);
}

#define TIMES "\"time\":\"2026-01-01T00:00:00.000000Z\",\"since\":\"2026-01-01T00:00:00.000000Z\","

/* An object that lacks everything, or has other types: nothing is known, and nothing crashes. */
static void command_garbage_objects(void **state)
{
	static const char *const objects[] = {
		"{" TIMES
		"\"window\":\"\\u001b[31m\",\"by\":\"\\u001b[31m\",\"total\":{},\"rows\":[{}]}",
		"{}",
		"{\"version\":\"\\u001b[31m\",\"pid\":\"x\",\"losses\":{\"\\u001b[m\":1}}",
		"{\"programs\":[[],{\"name\":\"\\u001b]0;x\\u0007\"}],\"subscribers\":[1]}",
		"{\"window\":1,\"by\":[],\"total\":0,\"rows\":{},\"other\":\"\"}",
	};
	char answer[512];
	struct child child;

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		snprintf(answer, sizeof(answer), OK CLOSE "%s", objects[i]);
		fake_start(&child, &(struct fake){.answers = {answer}});
		assert_int_equal(command_run(&command, "report"), i ? 1 : 0);
		command_expect_harmless(&command);
		assert_int_equal(command_run(&command, "status"), 0);
		command_expect_harmless(&command);
		fake_end(&child);
	}
}

/* Names are of processes that anybody can start; lines that are broken do not stop the others. */
static void command_garbage_in_events(void **state)
{
	/* clang-format off */
	static const char events[] = OK CLOSE HELLO
		EVENT_OF("\\u001b[31m", "")
		"not JSON \x1b[31m\n"
		EVENT_OF("\x1b[31m", "")
		EVENT_OF("\\u009b1m\\u202e", "")
		EVENT_OF("x", ",\"cause\":\"\\u001b[31m\",\"end\":\"\\u001b[31m\"")
		"{\"event\":\"\\u001b[31m\"}\n"
		"{\"event\":\"lost\",\"count\":\"\\u001b\"}\n"
		EVENT_OF("last", "");
	/* clang-format on */
	struct child child;

	(void)state;
	fake_start(&child, &(struct fake){.answers = {events}});
	assert_int_equal(command_run(&command, "tail", "-w", "-n", "4"), 0);
	program_expect_out(&command, "\\x1b[31m/1 ");
	program_expect_out(&command, "\\xc2\\x9b1m");
	program_expect_out(&command, "last/1 ");
	program_expect_err(&command, "is skipped: it is no JSON");
	program_expect_err(&command, "2 lines of slowclosed were skipped");
	command_expect_harmless(&command);
	assert_int_equal(command_run(&command, "tail", "--json", "-n", "4"), 0);
	command_expect_harmless(&command);
	fake_end(&child);
}

/* A daemon that greets and ends is asked again, and told from one that was restarted. */
static void command_garbage_breaks_off(void **state)
{
	static const struct fake cut = {.answers = {OK "Content-Length: 9999\r\n\r\n" HELLO, "",
						    OK CLOSE HELLO EVENT_OF("after", "")}};
	struct child child;

	(void)state;
	fake_start(&child, &cut);
	assert_int_equal(command_run(&command, "tail", "-n", "1"), 0);
	program_expect_err(&command, "slowclosed is away: the stream broke off. Waiting for it");
	program_expect_err(&command, "slowclosed was out of reach for ");
	program_expect_out(&command, "after/1 ");
	assert_null(strstr(command.err.text, "restarted"));
	fake_end(&child);
}

/*
 * Whoever reads it has gone: it ends without a word, and without waiting for an event to write, for
 * none comes, nor a heartbeat.
 */
static void command_ends_with_its_reader(void **state)
{
	static const struct fake silent = {.answers = {OK CLOSE HELLO}, .stays = true};
	struct child child;

	(void)state;
	fake_start(&child, &silent);
	command_start(&command, "tail");
	program_expect_out(&command, "CAUSE");
	program_close_out(&command);
	assert_int_equal(program_end(&command), 0);
	assert_string_equal(command.err.text, "");
	fake_end(&child);
}

/* The same before there is a greeting: nobody is told that there is none. */
static void command_ends_with_its_reader_at_once(void **state)
{
	static const struct fake dumb = {.answers = {OK CLOSE}, .stays = true};
	struct child child;

	(void)state;
	fake_start(&child, &dumb);
	command_start(&command, "tail");
	program_close_out(&command);
	assert_int_equal(program_end(&command), 0);
	assert_string_equal(command.err.text, "");
	fake_end(&child);
}

int run_command_garbage(void)
{
	const struct CMUnitTest tests[] = {
		command_scenario(command_garbage_is_named),
		command_scenario(command_garbage_objects),
		command_scenario(command_garbage_in_events),
		command_scenario(command_garbage_breaks_off),
		command_scenario(command_ends_with_its_reader),
		command_scenario(command_ends_with_its_reader_at_once),
	};

	return cmocka_run_group_tests(tests, command_setup_alone, command_teardown);
}
