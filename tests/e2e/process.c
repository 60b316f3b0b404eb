// SPDX-License-Identifier: GPL-2.0
/* The daemon as a command: options, signals, and what it shows. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "suite.h"

static void process_counters_on_sigusr1(void **state)
{
	struct losses losses;

	(void)state;
	daemon_settle(&suite.daemon);
	kill(suite.daemon.pid, SIGUSR1);
	daemon_expect_said(&suite.daemon, " ended, ");
	daemon_expect_said(&suite.daemon, "skipped ");
	losses = daemon_losses(&suite.daemon);
	assert_true(losses.known);
	assert_true(losses.ended >= 2);
	assert_true(losses.shown >= 2);
	suite_expect_no_loss(&losses);
	daemon_settle(&suite.daemon);
}

static void process_ends_by_sigint(void **state)
{
	struct losses before = daemon_losses(&suite.daemon), losses;
	int status;

	(void)state;
	daemon_settle(&suite.daemon);
	status = daemon_end(&suite.daemon, SIGINT, &losses);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(losses.ended >= before.ended + 2); /* it has told them once more */
	suite_start_daemon();
}

static void expect_refused(const char *const *arguments, const char *said)
{
	static struct daemon daemon;
	int status = daemon_run(&daemon, arguments);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
		fail_msg("%s: wait status %#x, not exit 2; it said:\n%s", said, status,
			 daemon.said);
	if (!strstr(daemon.said, said))
		fail_msg("\"%s\" is not in what it said:\n%s", said, daemon.said);
}

static void process_bad_options(void **state)
{
	static const char *const unit[] = {"--tail", "--min-close-wait", "5x", NULL};
	static const char *const accept_unit[] = {"--tail", "--min-accept-wait", "1y", NULL};
	static const char *const port[] = {"--tail", "-L", "80,99999", NULL};
	static const char *const remote[] = {"--tail", "-D", "http", NULL};
	static const char *const backend[] = {"--tail", "--backend=magic", NULL};
	static const char *const unknown[] = {"--tail", "--frobnicate", NULL};
	static const char *const service[] = {"-L", "80", NULL};
	static const char *const no_socket[] = {"--tail", "--socket", "/nowhere/socket", NULL};
	static const char *const no_file[] = {"--list", "--config", "/nowhere/conf", NULL};
	static const char *const no_check[] = {"--check-config", "--list", NULL};

	(void)state;
	expect_refused(unit, "5x");
	expect_refused(accept_unit, "1y");
	expect_refused(port, "99999");
	expect_refused(remote, "http");
	expect_refused(backend, "magic");
	expect_refused(unknown, "frobnicate");
	expect_refused(service, "--lport: only --tail and --list");
	expect_refused(no_socket, "--socket: only the service");
	expect_refused(no_file, "--config: only the service");
	expect_refused(no_check, "--check-config: only the service");
}

/* Without --all only what was slow is shown; the other has to be read and passed over. */
static void process_shows_only_slow(void **state)
{
	static const char *const arguments[] = {"--close-wait", "50ms", "--accept-wait", "10m",
						NULL};
	struct listener listener;
	struct pair fast, slow;
	struct wanted wanted;
	struct losses losses;
	json_t *event;

	(void)state;
	suite_stop_daemon();
	daemon_start(&suite.daemon, suite.backend, arguments);
	listener_open(&listener, AF_INET, "127.0.0.1", 4);
	/* Without a close wait it cannot be slow, however slow this machine is. */
	pair_open(&fast, &listener);
	close(fast.server);
	close(fast.client);
	pair_open(&slow, &listener);
	pair_close_client(&slow);
	receive_end(slow.server);
	pass_ms(60);
	close(slow.server);
	close(listener.fd);

	event = server_event(&slow);
	expect_text(event, "cause", "not-closing");
	wanted = wanted_server(&fast);
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 0);
	wanted = wanted_client(&slow);
	daemon_stop(&suite.daemon, &losses);
	assert_int_equal(daemon_count(&suite.daemon, &wanted), 0);
	assert_true(losses.known);
	assert_true(losses.ended >= 4);
	assert_true(losses.shown >= 1);
	suite_start_daemon();
}

int run_process(void)
{
	const struct CMUnitTest process[] = {
		scenario(process_bad_options),
		scenario(process_counters_on_sigusr1),
		scenario(process_ends_by_sigint),
		scenario(process_shows_only_slow),
	};

	return cmocka_run_group_tests(process, suite_setup, suite_teardown);
}
