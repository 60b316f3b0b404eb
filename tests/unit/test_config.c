// SPDX-License-Identifier: GPL-2.0
/* The configuration: what its files may have, in which order they hold, and how errors are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

#define SEC INT64_C(1000000000)

/* A directory with files, and what is read of them. */
static struct {
	char directory[32];
	char file[64];
	struct config_source source;
	struct settings settings;
	struct config_error error;
	char text[CONFIG_TEXT_SIZE];
} test;

static void path_of(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", test.directory, name);
}

static void put_bytes(const char *name, const char *text, size_t size)
{
	char path[128];
	FILE *file;

	path_of(path, sizeof(path), name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static void make_drop_ins(void)
{
	char path[128];

	path_of(path, sizeof(path), "c.d");
	assert_int_equal(mkdir(path, 0755), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&test, 0, sizeof(test));
	strcpy(test.directory, "/tmp/test-config-XXXXXX");
	assert_non_null(mkdtemp(test.directory));
	path_of(test.file, sizeof(test.file), "c");
	test.source.file = test.file;
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", test.directory);
	return system(command);
}

static int read_config(void)
{
	return config_read(&test.settings, &test.source, &test.error);
}

static void expect_read(void)
{
	if (read_config() < 0)
		fail_msg("%s", config_error_text(&test.error, test.text));
}

/* file is its name in the directory. */
static void expect_error(const char *file, unsigned int line, const char *key, const char *message)
{
	char path[128];

	assert_true(read_config() < 0);
	path_of(path, sizeof(path), file);
	assert_string_equal(test.error.file, path);
	assert_int_equal(test.error.line, line);
	assert_string_equal(test.error.key, key);
	assert_string_equal(test.error.message, message);
}

static void sets_every_key(void **state)
{
	(void)state;
	put("c", "# a comment\n"
		 "close-wait = 2s\n"
		 "\n"
		 "accept-wait=1m\n"
		 "  report-interval : 5m ; another\n"
		 "journal-events = 0\n"
		 "stream = slow\n"
		 "backend = fentry\n"
		 "max-connections = 1000\n"
		 "socket = /run/a b/s\r\n"
		 "metrics-listen = [::1]:9811\n");
	expect_read();
	assert_int_equal(test.settings.slow.close_wait_ns, 2 * SEC);
	assert_int_equal(test.settings.slow.accept_wait_ns, 60 * SEC);
	assert_int_equal(test.settings.report_interval_ns, 300 * SEC);
	assert_int_equal(test.settings.journal_events, 0);
	assert_true(test.settings.stream_slow);
	assert_int_equal(test.settings.backend, BACKEND_FENTRY);
	assert_int_equal(test.settings.max_connections, 1000);
	assert_string_equal(test.settings.socket_path, "/run/a b/s");
	assert_string_equal(test.settings.metrics_listen.text, "[::1]:9811");
	assert_int_equal(test.settings.metrics_listen.size, sizeof(struct sockaddr_in6));
	make_drop_ins();
	put("c.d/a.conf", "metrics-listen = off\n");
	expect_read();
	assert_int_equal(test.settings.metrics_listen.size, 0);
}

static void what_is_not_set_has_its_default(void **state)
{
	(void)state;
	put("c", "backend = tracepoint\n");
	expect_read();
	assert_int_equal(test.settings.slow.close_wait_ns, SEC);
	assert_int_equal(test.settings.slow.accept_wait_ns, SEC / 10);
	assert_int_equal(test.settings.report_interval_ns, 60 * SEC);
	assert_false(test.settings.stream_slow);
	assert_int_equal(test.settings.backend, BACKEND_TRACEPOINT);
	assert_int_equal(test.settings.max_connections, 0);
	assert_string_equal(test.settings.socket_path, "/run/slowclose/slowclose.sock");
}

static void report_interval(void **state)
{
	(void)state;
	put("c", "report-interval = 1s\n");
	expect_read();
	assert_int_equal(test.settings.report_interval_ns, SEC);
	put("c", "report-interval = 0\n"); /* what is wrong is with the other errors */
	expect_read();
	assert_int_equal(test.settings.report_interval_ns, 0);
}

/* By their names, and not as they were made; and only those that are called so. */
static void drop_ins_hold_in_the_order_of_their_names(void **state)
{
	(void)state;
	make_drop_ins();
	put("c", "close-wait = 1m\naccept-wait = 1m\nreport-interval = 1h\n");
	put("c.d/20-b.conf", "close-wait = 3s\n");
	put("c.d/10-a.conf", "close-wait = 2s\naccept-wait = 2s\n");
	put("c.d/30-c.conf~", "close-wait = 9s\n");
	put("c.d/.40-d.conf", "no key and value\n");
	expect_read();
	assert_int_equal(test.settings.slow.close_wait_ns, 3 * SEC);
	assert_int_equal(test.settings.slow.accept_wait_ns, 2 * SEC);
	assert_int_equal(test.settings.report_interval_ns, 3600 * SEC);
}

/* However long the path of the file is: "…/././c". */
static void drop_ins_of_a_long_path(void **state)
{
	char file[2048];
	size_t used = (size_t)snprintf(file, sizeof(file), "%s/", test.directory);

	(void)state;
	make_drop_ins();
	put("c", "close-wait = 1s\n");
	put("c.d/a.conf", "close-wait = 2s\n");
	while (used < sizeof(file) - 4)
		used += (size_t)snprintf(file + used, sizeof(file) - used, "./");
	snprintf(file + used, sizeof(file) - used, "c");
	test.source.file = file;
	expect_read();
	assert_int_equal(test.settings.slow.close_wait_ns, 2 * SEC);
}

static void options_hold_over_files(void **state)
{
	static const struct config_option options[] = {
		{"close-wait", "5s"}, {"stream", "all"}, {"close-wait", "6s"}};

	(void)state;
	make_drop_ins();
	put("c", "stream = slow\naccept-wait = 4s\n");
	put("c.d/a.conf", "close-wait = 3s\n");
	memcpy(test.source.options, options, sizeof(options));
	test.source.option_count = 3;
	expect_read();
	assert_int_equal(test.settings.slow.close_wait_ns, 6 * SEC);
	assert_int_equal(test.settings.slow.accept_wait_ns, 4 * SEC);
	assert_false(test.settings.stream_slow);
}

static void options_are_told_as_options(void **state)
{
	(void)state;
	test.source.file = NULL;
	test.source.options[0] = (struct config_option){"stream", "some"};
	test.source.option_count = 1;
	assert_int_equal(read_config(), -EINVAL);
	assert_string_equal(config_error_text(&test.error, test.text),
			    "--stream: \"some\" is not allowed; it takes all or slow");
}

static void a_file_may_be_missing_where_it_is_optional(void **state)
{
	(void)state;
	make_drop_ins();
	put("c.d/a.conf", "close-wait = 3s\n");
	expect_error("c", 0, "", "it cannot be read: No such file or directory");
	test.source.optional = true;
	expect_read();
	assert_int_equal(test.settings.slow.close_wait_ns, 3 * SEC);
}

static void files_that_cannot_be_read(void **state)
{
	char path[128];

	(void)state;
	path_of(path, sizeof(path), "c");
	assert_int_equal(mkdir(path, 0755), 0);
	test.source.optional = true;
	expect_error("c", 0, "", "it cannot be read: Is a directory");
	assert_int_equal(rmdir(path), 0);
	make_drop_ins();
	put("c", "");
	path_of(path, sizeof(path), "c.d/x.conf");
	assert_int_equal(symlink("nowhere", path), 0);
	expect_error("c.d/x.conf", 0, "", "it cannot be read: No such file or directory");
}

static void every_error_of_a_line(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *key, *message;
	} errors[] = {
		{"\nclose_wait = 1s\n", 2, "close_wait",
		 "there is no such key; there are close-wait, accept-wait, report-interval, "
		 "journal-events, stream, backend, max-connections, socket or metrics-listen"},
		{"close-wait = 5x\n", 1, "close-wait",
		 "\"5x\" is not allowed; it takes a number and a unit (ns, us, ms, s, m, h, d), "
		 "such as 500ms or 1.5s"},
		{"close-wait =\n", 1, "close-wait",
		 "\"\" is not allowed; it takes a number and a unit (ns, us, ms, s, m, h, d), "
		 "such as 500ms or 1.5s"},
		{"report-interval = 999ms\n", 1, "report-interval",
		 "\"999ms\" is not allowed; it takes 0 (never), or from 1s on a number and a unit "
		 "(ms, s, m, h, d), such as 30s or 5m"},
		{"report-interval = 1\n", 1, "report-interval",
		 "\"1\" is not allowed; it takes 0 (never), or from 1s on a number and a unit "
		 "(ms, s, m, h, d), such as 30s or 5m"},
		{"journal-events = 10001\n", 1, "journal-events",
		 "\"10001\" is not allowed; it takes a number from 0 (none) to 10000"},
		{"journal-events = -1\n", 1, "journal-events",
		 "\"-1\" is not allowed; it takes a number from 0 (none) to 10000"},
		{"backend = magic\n", 1, "backend",
		 "\"magic\" is not allowed; it takes auto, fentry or tracepoint"},
		{"max-connections = 0\n", 1, "max-connections",
		 "\"0\" is not allowed; it takes a number from 1 to 16777216"},
		{"max-connections = 16777217\n", 1, "max-connections",
		 "\"16777217\" is not allowed; it takes a number from 1 to 16777216"},
		{"socket =\n", 1, "socket",
		 "\"\" is not allowed; it takes a path of at most 107 bytes"},
		{"stream = all\n# x\nstream = all\n", 3, "stream",
		 "it is given twice in this file; each key is allowed once"},
		{"stream = all\n\nslow\nstream = x\n", 3, "",
		 "this is no key and value; only lines KEY = VALUE are allowed"},
		{"stream = x\nslow\n", 1, "stream", "\"x\" is not allowed; it takes all or slow"},
		/* The text goes to terminals, the journal and JSON. */
		{"stream = \033[2J\377\n", 1, "stream",
		 "\"\\x1b[2J\\xff\" is not allowed; it takes all or slow"},
		{"\033\377 = all\n", 1, "\\x1b\\xff",
		 "there is no such key; there are close-wait, accept-wait, report-interval, "
		 "journal-events, stream, backend, max-connections, socket or metrics-listen"},
		/* More of a value before, for inih. */
		{"stream = all\n\tbackend = x\n", 2, "backend",
		 "\"x\" is not allowed; it takes auto, fentry or tracepoint"},
		{"[service]\nstream = all\n", 2, "stream",
		 "there are no sections; only lines KEY = VALUE are allowed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		put("c", errors[i].text);
		expect_error("c", errors[i].line, errors[i].key, errors[i].message);
	}
}

static void lines_that_are_too_long_are_not_cut(void **state)
{
	static const char message[] = "the line is longer than 198 bytes, or is no text";
	char text[400];

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text + 200, "close-wait = 1s\n", 17);
	put("c", text);
	expect_error("c", 1, "", message);
	memcpy(text + 198 - 15, "close-wait = 2s\n", 17);
	put("c", text);
	expect_read();
	assert_int_equal(test.settings.slow.close_wait_ns, 2 * SEC);
	put_bytes("c", "\0\nclose-wait = 1s\n", 18);
	expect_error("c", 1, "", message);
}

static void a_path_that_is_too_long(void **state)
{
	char text[200] = "socket = ";

	(void)state;
	memset(text + 9, 'x', 107);
	put("c", text);
	expect_read();
	assert_int_equal(strlen(test.settings.socket_path), 107);
	text[9 + 107] = 'x';
	put("c", text);
	assert_int_equal(read_config(), -EINVAL);
	assert_string_equal(test.error.key, "socket");
}

static void an_error_says_where(void **state)
{
	char wanted[256];

	(void)state;
	make_drop_ins();
	put("c", "");
	put("c.d/a.conf", "\n\nstream = x\n");
	assert_int_equal(read_config(), -EINVAL);
	snprintf(wanted, sizeof(wanted),
		 "%s.d/a.conf:3: stream: \"x\" is not allowed; it takes all or slow", test.file);
	assert_string_equal(config_error_text(&test.error, test.text), wanted);
	put("c.d/a.conf", "stream\n");
	read_config();
	snprintf(wanted, sizeof(wanted),
		 "%s.d/a.conf:1: this is no key and value; only lines KEY = VALUE are allowed",
		 test.file);
	assert_string_equal(config_error_text(&test.error, test.text), wanted);
	assert_int_equal(unlink(test.file), 0);
	read_config();
	snprintf(wanted, sizeof(wanted), "%s: it cannot be read: No such file or directory",
		 test.file);
	assert_string_equal(config_error_text(&test.error, test.text), wanted);
}

/* What a later file has right does not make good what is wrong before it. */
static void the_first_error_is_told(void **state)
{
	(void)state;
	make_drop_ins();
	put("c", "stream = x\n");
	put("c.d/a.conf", "stream = all\nbackend = y\n");
	expect_error("c", 1, "stream", "\"x\" is not allowed; it takes all or slow");
}

static void the_names_are_those_of_the_settings(void **state)
{
	size_t count = 0, length = 0;

	(void)state;
	for (; settings_name(count); count++) {
		assert_non_null(strstr(settings_names(), settings_name(count)));
		assert_int_equal(settings_find(settings_name(count)), count);
		length += strlen(settings_name(count));
	}
	/* Nor is there any other: ", " between them, and " or " before the last. */
	assert_int_equal(strlen(settings_names()), length + 2 * (count - 2) + 4);
}

/* The keys of the file that is installed, which are comments, and their values. */
static void the_installed_file_has_every_default(void **state)
{
	struct settings defaults, settings;
	unsigned long seen = 0;
	char line[256], key[64], value[128];
	FILE *file = fopen(INSTALLED_FILE, "r");

	(void)state;
	assert_non_null(file);
	settings_init(&defaults);
	memset(&settings, 0xa5, sizeof(settings)); /* no value is so */
	while (fgets(line, sizeof(line), file)) {
		int i;

		if (sscanf(line, "#%63[a-z-] = %127[^\n]", key, value) != 2) {
			assert_true(line[0] == '\n' || !strncmp(line, "# ", 2) ||
				    !strcmp(line, "#\n"));
			continue;
		}
		i = settings_find(key);
		if (i < 0 || seen & 1UL << i)
			fail_msg("%s", line);
		seen |= 1UL << i;
		assert_int_equal(settings_set(&settings, (size_t)i, value), 0);
		if (!strcmp(key, "max-connections"))
			assert_int_equal(settings.max_connections, CONNECTIONS_DEFAULT);
		else if (!settings_same(&settings, &defaults, (size_t)i))
			fail_msg("not the default: %s", line);
	}
	fclose(file);
	for (size_t i = 0; settings_name(i); i++) {
		if (!(seen & 1UL << i))
			fail_msg("%s is not in " INSTALLED_FILE, settings_name(i));
	}
}

/* As it is, it changes nothing. */
static void the_installed_file_is_right(void **state)
{
	struct settings defaults;

	(void)state;
	test.source.file = INSTALLED_FILE;
	expect_read();
	settings_init(&defaults);
	for (size_t i = 0; settings_name(i); i++)
		assert_true(settings_same(&test.settings, &defaults, i));
}

#define test_case(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_case(sets_every_key),
		test_case(what_is_not_set_has_its_default),
		test_case(report_interval),
		test_case(drop_ins_hold_in_the_order_of_their_names),
		test_case(drop_ins_of_a_long_path),
		test_case(options_hold_over_files),
		test_case(options_are_told_as_options),
		test_case(a_file_may_be_missing_where_it_is_optional),
		test_case(files_that_cannot_be_read),
		test_case(every_error_of_a_line),
		test_case(lines_that_are_too_long_are_not_cut),
		test_case(a_path_that_is_too_long),
		test_case(an_error_says_where),
		test_case(the_first_error_is_told),
		test_case(the_names_are_those_of_the_settings),
		test_case(the_installed_file_has_every_default),
		test_case(the_installed_file_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
