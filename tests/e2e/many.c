// SPDX-License-Identifier: GPL-2.0
/* More connections at once than a table holds: the others are in the next one. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "expect.h"
#include "suite.h"

/*
 * Of so many the small table holds 60, or, where there is one table only, that holds all; slots
 * there are none. Each is read to its end well before it is slow: till then it waits for that.
 */
static const char *const small[] = {"--max-connections", "960", "--close-wait", "500ms",
				    "--accept-wait",	 "1h",	"--all",	NULL};

#define SMALL_PAIRS 100 /* each has two ends here */

/* By chance, beside 4,000 open ends one in 40 finds the four slots of its set taken. */
static const char *const usual[] = {"--close-wait", "500ms", "--accept-wait", "1h", "--all", NULL};

#define OPEN_PAIRS 2000
#define USUAL_PAIRS 500

static int start(const char *const *arguments)
{
	daemon_start(&suite.daemon, suite.backend, arguments);
	suite.groups_begun++;
	return 0;
}

static int setup_small(void **state)
{
	(void)state;
	return start(small);
}

static int setup_usual(void **state)
{
	(void)state;
	return start(usual);
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

/* pair_open() looks for its sockets among all that there are, each time. */
static void open_plainly(struct pair *pair, const struct listener *listener)
{
	struct sockaddr_in client;
	socklen_t length = sizeof(client);

	memset(pair, 0, sizeof(*pair));
	pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(pair->client, errno);
	assert_return_code(connect(pair->client, (const struct sockaddr *)&listener->address,
				   listener->length),
			   errno);
	pair->server = accept4(listener->fd, (struct sockaddr *)&client, &length, SOCK_CLOEXEC);
	assert_return_code(pair->server, errno);
	pair->client_port = ntohs(client.sin_port);
	pair->server_port = listener->port;
}

/* Each is told while it waits, and each end of each is told once, whatever table it is in. */
static void expect_all_told(int count)
{
	static struct pair pairs[USUAL_PAIRS];
	struct listener listener;

	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	for (int i = 0; i < count; i++)
		open_plainly(&pairs[i], &listener);
	for (int i = 0; i < count; i++) {
		close(pairs[i].client);
		receive_end(pairs[i].server);
	}
	for (int i = 0; i < count; i++)
		expect_waits(&pairs[i]);
	for (int i = 0; i < count; i++)
		close(pairs[i].server);
	for (int i = 0; i < count; i++) {
		expect_text(server_event(&pairs[i]), "end", "close");
		expect_client(client_event(&pairs[i]), &pairs[i], "close");
	}
	daemon_settle(&suite.daemon);
	for (int i = 0; i < count; i++)
		expect_one_of_each(&pairs[i]);
	close(listener.fd);
}

static void large_table_is_as_good(void **state)
{
	(void)state;
	expect_all_told(SMALL_PAIRS);
}

static void small_table_is_as_good_as_slots(void **state)
{
	static struct pair open[OPEN_PAIRS];
	struct listener listener;

	(void)state;
	listener_open(&listener, AF_INET, "127.0.0.1", 16);
	for (int i = 0; i < OPEN_PAIRS; i++)
		open_plainly(&open[i], &listener);
	expect_all_told(USUAL_PAIRS);
	for (int i = 0; i < OPEN_PAIRS; i++) {
		close(open[i].client);
		close(open[i].server);
	}
	close(listener.fd);
}

int run_many(void)
{
	const struct CMUnitTest many[] = {scenario(large_table_is_as_good)};

	return cmocka_run_group_tests(many, setup_small, suite_teardown);
}

int run_many_slots(void)
{
	const struct CMUnitTest many[] = {scenario(small_table_is_as_good_as_slots)};

	return cmocka_run_group_tests(many, setup_usual, suite_teardown);
}
