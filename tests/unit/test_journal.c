// SPDX-License-Identifier: GPL-2.0
/* What is sent to the journal, and when it goes to standard error instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ended.h"
#include "journal.h"

int __wrap_sd_journal_sendv(const struct iovec *fields, int count);

/* The entries of a test, a field a line. */
static char sent[16384];

int __wrap_sd_journal_sendv(const struct iovec *fields, int count)
{
	size_t length = strlen(sent);

	for (int i = 0; i < count; i++)
		length += (size_t)snprintf(sent + length, sizeof(sent) - length, "%.*s\n",
					   (int)fields[i].iov_len, (char *)fields[i].iov_base);
	assert_in_range(length, 0, sizeof(sent) - 1);
	return 0;
}

/* Standard error of a test, which is a file of its own. */
static struct {
	int own, file;
	char said[16384];
} error;

static int set_up(void **state)
{
	(void)state;
	sent[0] = '\0';
	fflush(stderr);
	error.own = dup(STDERR_FILENO);
	error.file = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	return error.file < 0 || dup2(error.file, STDERR_FILENO) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	dup2(error.own, STDERR_FILENO);
	close(error.own);
	close(error.file);
	return 0;
}

static const char *said(void)
{
	ssize_t length = pread(error.file, error.said, sizeof(error.said) - 1, 0);

	assert_in_range(length, 0, sizeof(error.said) - 1);
	error.said[length] = '\0';
	return error.said;
}

/* As systemd does; inode_off makes it another's. */
static void set_stream(uint64_t inode_off)
{
	struct stat status;
	char stream[64];

	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)(status.st_ino + inode_off));
	setenv("JOURNAL_STREAM", stream, 1);
}

/* Of a connection that ended at the start of the statistics, this long ago. */
static void write_summary(enum window window, int64_t ago_ns)
{
	struct journal *journal = journal_new();
	struct stats *stats = new_stats();
	struct record record = ended_record(443, 812, "nginx");
	struct summary *summary;

	record.end_ns += 2 * NSEC_PER_SEC;
	add_record(stats, &record, START_NS);
	summary = summary_new(stats, window, BY_SERVICE, START_NS + ago_ns, 0);
	assert_non_null(summary);
	journal_summary(journal, summary);
	summary_free(summary);
	stats_free(stats);
	journal_free(journal);
}

static void assert_sent(const char *text)
{
	if (!strstr(sent, text))
		fail_msg("no %s in\n%s", text, sent);
}

static void a_journal_of_its_own(void **state)
{
	(void)state;
	set_stream(0);
	write_summary(WINDOW_5M, NSEC_PER_SEC);
	assert_sent("MESSAGE=nginx server port 443: 1 ended");
	assert_sent("SLOWCLOSE_SERVICE=nginx/443\n");
	assert_sent("MESSAGE=all: 1 ended");
	assert_string_equal(said(), "");
}

static void the_window_is_told(void **state)
{
	(void)state;
	set_stream(0);
	write_summary(WINDOW_1M, NSEC_PER_SEC); /* the daemon is no older */
	assert_sent("MESSAGE=nginx server port 443: 1 ended in 1s, ");
	assert_sent("MESSAGE=all: 1 ended in 1s, ");
	assert_sent("SLOWCLOSE_WINDOW_MS=1000.000\n");
	write_summary(WINDOW_1M, 130 * NSEC_PER_SEC + 1000);
	assert_sent("MESSAGE=all: 0 ended in 1m10s, ");
	assert_sent("SLOWCLOSE_WINDOW_MS=70000.001\n");
}

/* It was inherited, and standard error sent elsewhere: `slowclosed 2>log` of a service. */
static void the_journal_of_another(void **state)
{
	static const char *const streams[] = {NULL, "", "1:1", "nonsense"};

	(void)state;
	for (size_t i = 0; i <= sizeof(streams) / sizeof(streams[0]); i++) {
		if (i == 0)
			set_stream(1);
		else if (streams[i - 1])
			setenv("JOURNAL_STREAM", streams[i - 1], 1);
		else
			unsetenv("JOURNAL_STREAM");
		assert_int_equal(ftruncate(error.file, 0), 0);
		write_summary(WINDOW_5M, NSEC_PER_SEC);
		assert_string_equal(sent, "");
		assert_non_null(strstr(said(), "slowclosed: nginx server port 443: 1 ended"));
		assert_non_null(strstr(said(), "slowclosed: all: 1 ended"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_journal_of_its_own),
		TEST(the_window_is_told),
		TEST(the_journal_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
