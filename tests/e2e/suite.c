// SPDX-License-Identifier: GPL-2.0
#include "suite.h"

#include <sys/wait.h>

#include "child.h"
#include "netns.h"
#include "parity.h"

struct suite suite;

static const char *const all[] = {"--all", NULL};

void suite_start_daemon(void)
{
	daemon_start(&suite.daemon, suite.backend, all);
	if (suite.parity)
		daemon_start(&suite.other, "tracepoint", all);
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
	if (losses.lost || losses.not_followed)
		fail_msg("lost %llu, not followed %llu", losses.lost, losses.not_followed);
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
	return 0;
}
