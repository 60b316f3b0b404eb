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
#include <unistd.h>

#include "ended.h"
#include "journal.h"
#include "journal_entry.h"

bool __wrap_journal_socket_send(struct journal_socket *socket, const struct journal_entry *entry);

/* The entries of a test, a field a line. */
static char sent[16384];
static bool hangs;

bool __wrap_journal_socket_send(struct journal_socket *socket, const struct journal_entry *entry)
{
	size_t length = strlen(sent);

	(void)socket;
	if (hangs)
		return false;
	assert_in_range(length + entry->size, 0, sizeof(sent) - 1);
	memcpy(sent + length, entry->text, entry->size);
	sent[length + entry->size] = '\0';
	return true;
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
	hangs = false;
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

/* What it does not take is counted, until it takes that. */
static void a_journal_that_hangs(void **state)
{
	struct journal *journal;
	struct event event = {.slow = true};

	(void)state;
	set_stream(0);
	journal = journal_new();
	journal_set_most(journal, 3);
	hangs = true;
	for (int i = 0; i < 5; i++)
		journal_event(journal, &event, NSEC_PER_SEC);
	journal_tick(journal, 2 * NSEC_PER_SEC);
	assert_string_equal(sent, "");
	hangs = false;
	journal_tick(journal, 3 * NSEC_PER_SEC);
	assert_sent("MESSAGE=3 entries are missing here: the journal did not take them\n");
	assert_sent("SLOWCLOSE_LOST=3\n");
	assert_sent("MESSAGE=2 slow closes more are not written here\n");
	sent[0] = '\0';
	journal_tick(journal, 4 * NSEC_PER_SEC);
	assert_string_equal(sent, "");
	journal_free(journal);
	assert_string_equal(said(), "");
}

/* Neither events nor their number. */
static void no_events_are_wanted(void **state)
{
	struct journal *journal;
	struct event event = {.slow = true};

	(void)state;
	set_stream(0);
	journal = journal_new();
	journal_set_most(journal, 0);
	journal_event(journal, &event, NSEC_PER_SEC);
	journal_tick(journal, 2 * NSEC_PER_SEC);
	assert_string_equal(sent, "");
	journal_free(journal);
}

static void a_newline_forges_no_field(void **state)
{
	struct journal_entry entry = {.size = 0};

	(void)state;
	entry_add(&entry, "A=%s", "1\nPRIORITY=0");
	entry_add(&entry, "B=%*s", JOURNAL_ENTRY_BYTES, ""); /* no room */
	entry_add(&entry, "C=%d", 3);
	assert_int_equal(entry.size, strlen("A=1 PRIORITY=0\nC=3\n"));
	assert_memory_equal(entry.text, "A=1 PRIORITY=0\nC=3\n", entry.size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_journal_of_its_own),   TEST(the_window_is_told),
		TEST(the_journal_of_another), TEST(a_journal_that_hangs),
		TEST(no_events_are_wanted),   TEST(a_newline_forges_no_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
