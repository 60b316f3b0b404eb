// SPDX-License-Identifier: GPL-2.0
/*
 * The ages that are told of connections older than the daemon are lower bounds: never above the
 * truth, whatever went to and fro after what is dated.
 */
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"
#include "suite.h"

#define CONNECTIONS 1000
#define MUCH 20000 /* bytes: that they are read is told to the peer */

/* Microseconds are cut off of the wait and of the time it was looked at. */
#define CUT_NS 2000

/* What happens after the FIN, or in the queue. */
enum traffic {
	NOTHING,
	READ_LATE,
	SENT,
	SENT_NOT_READ,
	KEPT_ALIVE,
	CLIENT_NOTHING, /* a pooled client's */
	QUEUED,
	QUEUED_SENT,
	QUEUED_CLOSED,
	TRAFFICS,
};

struct aged {
	struct pair pair;
	enum traffic traffic;
	int64_t asked; /* for keepalives */
	bool listed;
};

static struct aged all[CONNECTIONS];
static struct daemon lister;

static bool is_queued(enum traffic traffic)
{
	return traffic >= QUEUED;
}

static void wait_end(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLRDHUP};

	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
}

static void make(struct aged *aged, const struct listener *accepting,
		 const struct listener *queueing)
{
	static const char much[MUCH];
	struct pair *pair = &aged->pair;

	aged->listed = false;
	pair_connect(pair, is_queued(aged->traffic) ? queueing : accepting);
	if (!is_queued(aged->traffic))
		pair_accept(pair, accepting);
	if (aged->traffic == READ_LATE)
		send_all(pair->client, much, MUCH);
	switch (aged->traffic) {
	case QUEUED:
	case QUEUED_SENT:
		break;
	case CLIENT_NOTHING:
		pair->fin = timed_close(pair->server);
		wait_end(pair->client);
		break;
	default:
		pair->fin = timed_shutdown(pair->client, SHUT_WR);
		if (!is_queued(aged->traffic))
			wait_end(pair->server);
	}
}

static void ask_keepalive(struct aged *aged)
{
	int fd = aged->pair.server;
	const int one = 1;

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one)), 0);
	aged->asked = now_ns();
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)), 0);
}

static void go_on(struct aged *aged)
{
	struct pair *pair = &aged->pair;

	switch (aged->traffic) {
	case READ_LATE:
		receive_all(pair->server, MUCH);
		receive_end(pair->server);
		break;
	case SENT:
		send_all(pair->server, "abc", 3);
		receive_all(pair->client, 3);
		break;
	case SENT_NOT_READ:
		send_all(pair->server, "abc", 3);
		break;
	case KEPT_ALIVE:
		ask_keepalive(aged);
		break;
	case QUEUED_SENT:
		send_all(pair->client, "abc", 3);
		break;
	default:
		break;
	}
}

/* Until its peer has answered, which the last segment before cannot be taken for. */
static void wait_kept_alive(const struct aged *aged)
{
	int64_t deadline = deadline_ns();
	struct tcp_info info;
	socklen_t length = sizeof(info);

	do {
		if (now_ns() > deadline)
			fail_msg("no keepalive was answered");
		pass_ms(1);
		assert_int_equal(
			getsockopt(aged->pair.server, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
	} while (info.tcpi_last_ack_recv * 1000000LL > now_ns() - aged->asked);
}

static struct aged *find(const struct seen *seen)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		struct pair *pair = &all[i].pair;
		bool client = all[i].traffic == CLIENT_NOTHING;

		if (seen->local_port == (client ? pair->client_port : pair->server_port) &&
		    seen->remote_port == (client ? pair->server_port : pair->client_port))
			return &all[i];
	}
	return NULL;
}

/* How far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC: of some tries that was interrupted least. */
static int64_t realtime_ahead(void)
{
	int64_t ahead = INT64_MIN;

	for (int i = 0; i < 16; i++) {
		struct timespec now;
		int64_t this_one;

		clock_gettime(CLOCK_REALTIME, &now);
		this_one = now.tv_sec * 1000000000LL + now.tv_nsec - now_ns();
		if (this_one > ahead)
			ahead = this_one;
	}
	return ahead;
}

/*
 * The wait began at since, and ended at the look. A bound of nothing would never be above the truth
 * either: so it is asked to reach back to where all had become quiet.
 */
static void expect_bound(json_t *event, const char *key, struct span since, int64_t looked,
			 int64_t quiet)
{
	double ms = json_number_value(json_object_get(event, key));
	int64_t began = looked - (int64_t)(ms * 1e6);

	if (!json_is_number(json_object_get(event, key)) || began + CUT_NS < since.before)
		fail_msg("%s is %.3f: %lld ns too long", key, ms,
			 (long long)(since.before - began));
	if (began > quiet)
		fail_msg("%s is %.3f: it stops short of the silence by %lld ns", key, ms,
			 (long long)(began - quiet));
}

static void check(struct aged *aged, json_t *event, int64_t ahead, int64_t quiet)
{
	int64_t looked = event_time(event) - ahead;

	assert_false(aged->listed);
	aged->listed = true;
	expect_truth(event, "at_least", true);
	if (is_queued(aged->traffic))
		expect_bound(event, "accept_wait_ms", aged->pair.queued, looked, quiet);
	if (aged->traffic != QUEUED && aged->traffic != QUEUED_SENT)
		expect_bound(event, "close_wait_ms", aged->pair.fin, looked, quiet);
}

static int64_t make_all(const struct listener *accepting, const struct listener *queueing)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		all[i].traffic = (enum traffic)(i % TRAFFICS);
		make(&all[i], accepting, queueing);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		go_on(&all[i]);
	for (int i = 0; i < CONNECTIONS; i++) {
		if (all[i].traffic == KEPT_ALIVE)
			wait_kept_alive(&all[i]);
	}
	return now_ns();
}

static void bound_is_never_above_the_truth_21(void **state)
{
	static const char *const list[] = {"--list", "--json", NULL};
	struct listener accepting, queueing;
	int64_t quiet, ahead, ahead_after;

	(void)state;
	listener_open(&accepting, AF_INET, "127.0.0.1", 16);
	listener_open(&queueing, AF_INET, "127.0.0.1", CONNECTIONS);
	quiet = make_all(&accepting, &queueing);
	ahead = realtime_ahead();
	assert_int_equal(daemon_run(&lister, list), 0);
	ahead_after = realtime_ahead();
	if (ahead_after < ahead) /* the wall clock was set, or this was interrupted */
		ahead = ahead_after;

	for (size_t i = 0; i < lister.count; i++) {
		const struct seen *seen = &lister.seen[i];
		struct aged *aged = strcmp(seen->event, "waiting") ? NULL : find(seen);

		if (aged)
			check(aged, seen->json, ahead, quiet);
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!all[i].listed)
			fail_msg("connection %d (%d) is not listed", i, all[i].traffic);
		close(all[i].pair.client);
		if (all[i].pair.server >= 0 && all[i].traffic != CLIENT_NOTHING)
			close(all[i].pair.server);
	}
	close(accepting.fd);
	close(queueing.fd);
}

int run_bounds(void)
{
	const struct CMUnitTest bounds[] = {
		scenario(bound_is_never_above_the_truth_21),
	};

	return cmocka_run_group_tests(bounds, suite_setup_unwatched, suite_teardown);
}
