// SPDX-License-Identifier: GPL-2.0
/* slowclose where it cannot do what it is asked: it says why, and what to do. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "command.h"
#include "suite.h"

#define NOBODY 65534

static const char *const subcommands[] = {"tail", "report", "list", "listeners", "status"};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static struct program command;

/* It shows nothing, and one line says all of these. */
static void expect_refusal(int status, int wanted, const char *const *parts)
{
	if (status != wanted || command.out.length)
		fail_msg("exit %d, not %d; it said:\n%s%s", status, wanted, command.out.text,
			 command.err.text);
	for (; *parts; parts++) {
		if (!strstr(command.err.text, *parts))
			fail_msg("\"%s\" is not in what it said:\n%s", *parts, command.err.text);
	}
	assert_int_equal(strncmp(command.err.text, "slowclose: ", 11), 0);
}

static void expect_no_service(void)
{
	static const char *const parts[] = {"no slowclosed answers at ",
					    service.socket,
					    " (--socket PATH asks elsewhere)",
					    "systemctl start slowclosed",
					    "sudo slowclosed",
					    "sudo slowclosed --list",
					    "sudo slowclosed --tail",
					    NULL};

	for (size_t i = 0; i < SUBCOMMANDS; i++)
		expect_refusal(command_run(&command, subcommands[i]), 1, parts);
}

static int listen_on_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, service.socket);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 8))
		fail_msg("%s: %s", service.socket, strerror(errno));
	return fd;
}

/* Nothing is there, or a socket that a daemon has left behind. */
static void command_without_a_service(void **state)
{
	(void)state;
	expect_no_service();
	close(listen_on_socket());
	expect_no_service();
	unlink(service.socket);
}

static void command_without_permission(void **state)
{
	static const char *const parts[] = {
		"no permission for ",	 service.socket, "root and the group slowclose",
		"usermod -aG slowclose", "sudo",	 NULL};
	int fd = listen_on_socket();

	(void)state;
	assert_int_equal(chmod(service.socket, 0660), 0);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		expect_refusal(command_run_as(&command, NOBODY,
					      (const char *const[]){subcommands[i], NULL}),
			       1, parts);
	close(fd);
	unlink(service.socket);
}

/* What is given, and what the message must have. */
struct wrong {
	const char *arguments[4];
	const char *parts[4];
};

static const struct wrong wrongs[] = {
	{{NULL}, {"tail, report, list, listeners, top, status", "--help"}},
	{{"frobnicate"}, {"\"frobnicate\"", "tail, report, list, listeners, top, status"}},
	{{"--frobnicate"}, {"--frobnicate", "--socket, --version and --help"}},
	{{"--socket", ""}, {"--socket", "at most 107 bytes"}},
	{{"tail", "--frobnicate"}, {"--frobnicate", "--min-close-wait", "tail --help"}},
	{{"tail", "here"}, {"\"here\"", "tail takes no arguments", "tail --help"}},
	{{"tail", "-n", "0"}, {"--count", "\"0\"", "a number from 1 on"}},
	{{"tail", "-n"}, {"requires an argument", "--count", "tail --help"}},
	{{"tail", "-L", "80,99999"}, {"--lport", "\"80,99999\"", "80,443,8000-8100"}},
	{{"tail", "-D", "http"}, {"--rport", "\"http\"", "80,443,8000-8100"}},
	{{"tail", "-p", "x"}, {"--pid", "\"x\"", "process"}},
	{{"tail", "-c", "longer than 15 b"}, {"--comm", "15 bytes"}},
	{{"tail", "--role", "peer"}, {"--role", "\"peer\"", "server or client"}},
	{{"tail", "--min-close-wait", "5x"}, {"--min-close-wait", "\"5x\"", "500ms"}},
	{{"tail", "--min-accept-wait", "1y"}, {"--min-accept-wait", "\"1y\"", "500ms"}},
	{{"tail", "--netns", "-1"}, {"--netns", "\"-1\"", "inode"}},
	{{"report", "--by", "x"}, {"--by", "\"x\"", "service, process, port, unit or peer"}},
	{{"report", "--window", "2m"}, {"--window", "\"2m\"", "1m, 5m, 1h or start"}},
	{{"report", "--sort", "p50"}, {"--sort", "\"p50\"", "accept-p99", "close-max"}},
	{{"report", "-L", "80"}, {"'L'", "--window", "report --help"}},
	{{"list", "--window", "1m"}, {"--window", "--lport", "list --help"}},
	{{"listeners", "-p", "1"}, {"'p'", "--lport", "listeners --help"}},
	{{"status", "--all"}, {"--all", "--json", "status --help"}},
	{{"top", "-d", "0"}, {"--delay", "\"0\"", "from 1 to 3600"}},
	{{"top", "--sort", "x"}, {"--sort", "\"x\"", "close-wait"}},
};

/* The option, the value, and what is allowed. */
static void command_bad_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const char *parts[5] = {};

		memcpy(parts, wrongs[i].parts, sizeof(wrongs[i].parts));
		expect_refusal(command_run_as(&command, 0, wrongs[i].arguments), 2, parts);
	}
}

/* Each is narrow, says how it is used, and goes to standard output. */
static void expect_help(const char *subcommand, const char *option)
{
	const char *const arguments[] = {subcommand ? subcommand : option,
					 subcommand ? option : NULL, NULL};

	assert_int_equal(command_run_as(&command, 0, arguments), 0);
	assert_string_equal(command.err.text, "");
	command_expect_narrow(command.out.text);
	program_expect_out(&command, subcommand ? "\n  slowclose " : "slowclose COMMAND --help");
	program_expect_out(&command, "--socket PATH");
}

static void command_help(void **state)
{
	(void)state;
	expect_help(NULL, "--help");
	expect_help(NULL, "-h");
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		expect_help(subcommands[i], "--help");
	expect_help("top", "-h");
	assert_int_equal(command_run(&command, "--version"), 0);
	assert_int_equal(strncmp(command.out.text, "slowclose ", 10), 0);
}

/* As in a pipeline or by cron. */
static void command_top_without_a_terminal(void **state)
{
	static const char *const parts[] = {"needs a terminal", "slowclose report", NULL};

	(void)state;
	expect_refusal(command_run(&command, "top"), 1, parts);
}

int run_command_errors(void)
{
	const struct CMUnitTest tests[] = {
		command_scenario(command_without_a_service),
		command_scenario(command_without_permission),
		command_scenario(command_bad_options),
		command_scenario(command_help),
		command_scenario(command_top_without_a_terminal),
	};

	return cmocka_run_group_tests(tests, command_setup_alone, command_teardown);
}
