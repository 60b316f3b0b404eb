// SPDX-License-Identifier: GPL-2.0
#include "suite.h"

#include <sched.h>
#include <sys/wait.h>

#include "child.h"
#include "hidden.h"
#include "netns.h"
#include "parity.h"

struct suite suite;

int suite_use_one_cpu(void)
{
	int last = CPU_SETSIZE - 1;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return -1;
	while (!CPU_ISSET(last, &cpus))
		last--;
	CPU_ZERO(&cpus);
	CPU_SET(last, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

void suite_start_daemon(void)
{
	static const char *const all[] = {"--all", NULL};
	/* That every accept is slow wakes the reader: else each event is waited for 100 ms. */
	static const char *const at_once[] = {"--all", "--accept-wait", "0s", NULL};
	const char *const *arguments = suite.at_once ? at_once : all;

	suite.stormed = 0;
	daemon_start(&suite.daemon, suite.backend, arguments);
	if (suite.parity)
		daemon_start(&suite.other, "tracepoint", arguments);
}

/*
 * The ring is the whole host's: others can fill it, but only with more ends than this; each takes
 * up to two records of 200 bytes in its 8 MiB. What the tests make besides storms is less by far.
 */
#define RING_HOLDS 20000

void suite_expect_no_loss(const struct losses *losses)
{
	bool too_few = losses->ended - suite.stormed < RING_HOLDS;

	/* Ends that this host hides can be any connection's: each test looks for those of its own.
	 */
	if (losses->not_followed || (losses->ring_full && too_few))
		fail_msg("lost %llu, not followed %llu", losses->lost, losses->not_followed);
	if (losses->lost)
		print_message("           %llu of %llu ends were lost, with others' connections\n",
			      losses->lost, losses->ended);
}

static void stop(struct daemon *daemon)
{
	struct losses losses;
	int status = daemon_stop(daemon, &losses);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the daemon ended with wait status %#x; it said:\n%s", status,
			 daemon->said);
	if (!losses.known)
		fail_msg("the daemon told no losses; it said:\n%s", daemon->said);
	suite_expect_no_loss(&losses);
}

void suite_stop_daemon(void)
{
	if (suite.parity) {
		/* Each sees the other's connection too, so each has read all before. */
		daemon_settle(&suite.daemon);
		daemon_settle(&suite.other);
		stop(&suite.other);
	}
	stop(&suite.daemon);
	if (suite.parity)
		parity_expect(&suite.daemon, &suite.other);
}

int suite_setup(void **state)
{
	(void)state;
	suite_start_daemon();
	suite.groups_begun++;
	return 0;
}

int suite_setup_parity(void **state)
{
	suite.parity = suite.fentry;
	suite.at_once = true;
	return suite_setup(state);
}

int suite_setup_unwatched(void **state)
{
	(void)state;
	suite.unwatched = true;
	suite.groups_begun++;
	return 0;
}

int suite_teardown(void **state)
{
	(void)state;
	if (daemon_running(&suite.daemon))
		suite_stop_daemon();
	suite.parity = false;
	suite.at_once = false;
	suite.unwatched = false;
	suite.groups_ended++;
	return 0;
}

int suite_clean(void **state)
{
	(void)state;
	netns_leave();
	child_kill_all();
	/* A test that failed between the two leaves its followers without a daemon. */
	if (!suite.unwatched && !daemon_running(&suite.daemon))
		suite_start_daemon();
	hidden_begin();
	return 0;
}
