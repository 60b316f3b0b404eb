// SPDX-License-Identifier: GPL-2.0
#include "suite.h"

#include <sys/wait.h>

#include "child.h"
#include "netns.h"

struct suite suite;

void suite_start_daemon(void)
{
	static const char *const all[] = {"--all", NULL};

	daemon_start(&suite.daemon, all);
}

void suite_stop_daemon(void)
{
	struct losses losses;
	int status = daemon_stop(&suite.daemon, &losses);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the daemon ended with wait status %#x; it said:\n%s", status,
			 suite.daemon.said);
	if (!losses.known)
		fail_msg("the daemon told no losses; it said:\n%s", suite.daemon.said);
	if (losses.lost || losses.not_followed)
		fail_msg("lost %llu, not followed %llu", losses.lost, losses.not_followed);
}

int suite_setup(void **state)
{
	(void)state;
	suite_start_daemon();
	return 0;
}

int suite_teardown(void **state)
{
	(void)state;
	if (daemon_running(&suite.daemon))
		suite_stop_daemon();
	return 0;
}

int suite_clean(void **state)
{
	(void)state;
	netns_leave();
	child_kill_all();
	/* A test that failed between the two leaves its followers without a daemon. */
	if (!daemon_running(&suite.daemon))
		suite_start_daemon();
	return 0;
}
