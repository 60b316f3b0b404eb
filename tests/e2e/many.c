// SPDX-License-Identifier: GPL-2.0
/* More connections at once than the small table holds: the others are in the large one. */
#include <unistd.h>

#include "expect.h"
#include "suite.h"

/*
 * Of so many the small table holds 60, or, where there is one table only, that holds all. Each is
 * read to its end well before it is slow: till then it waits for that.
 */
static const char *const arguments[] = {"--max-connections", "960", "--close-wait", "500ms",
					"--accept-wait",     "1h",  "--all",	    NULL};

#define PAIRS 100 /* each has two ends here */

static struct pair pairs[PAIRS];

static int setup(void **state)
{
	(void)state;
	daemon_start(&suite.daemon, suite.backend, arguments);
	suite.groups_begun++;
	return 0;
}

static void expect_one_of_each(const struct pair *pair)
{
	struct wanted server = wanted_server(pair), client = wanted_client(pair);

	assert_int_equal(daemon_count(&suite.daemon, &server), 1);
	assert_int_equal(daemon_count(&suite.daemon, &client), 1);
}

static void expect_waits(const struct pair *pair)
{
	struct wanted wanted = wanted_server(pair);
	json_t *event;

	wanted.event = "waiting";
	event = daemon_expect(&suite.daemon, &wanted);
	expect_text(event, "state", "close-wait");
	expect_text(event, "cause", "not-closing");
	expect_task(event, "owner", getpid(), getpid());
}

/* Those of the large table are told while they wait, and each end of each is told once. */
static void large_table_is_as_good(void **state)
{
	struct listener listener;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", PAIRS);
	for (int i = 0; i < PAIRS; i++)
		pair_open(&pairs[i], &listener);
	for (int i = 0; i < PAIRS; i++) {
		pair_close_client(&pairs[i]);
		receive_end(pairs[i].server);
	}
	for (int i = 0; i < PAIRS; i++)
		expect_waits(&pairs[i]);
	for (int i = 0; i < PAIRS; i++)
		close(pairs[i].server);
	for (int i = 0; i < PAIRS; i++) {
		expect_text(server_event(&pairs[i]), "end", "close");
		expect_client(client_event(&pairs[i]), &pairs[i], "close");
	}
	daemon_settle(&suite.daemon);
	for (int i = 0; i < PAIRS; i++)
		expect_one_of_each(&pairs[i]);
	close(listener.fd);
}

int run_many(void)
{
	const struct CMUnitTest many[] = {
		scenario(large_table_is_as_good),
	};

	return cmocka_run_group_tests(many, setup, suite_teardown);
}
