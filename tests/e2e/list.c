// SPDX-License-Identifier: GPL-2.0
/*
 * --list against what the kernel's own tables say: some thousand connections that wait for every
 * cause, IPv4 and IPv6, in several network namespaces.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "expect.h"
#include "netns.h"
#include "suite.h"
#include "truth.h"

#define NETNS 3
#define PER_NETNS 672
#define CONNECTIONS (NETNS * PER_NETNS)

/* One way for a connection to wait each, in turn. */
enum way {
	NOT_READING,
	NOT_CLOSING,
	STILL_SENDING,
	POOLED,
	QUEUED,
	QUEUED_CLOSED,
	RESET, /* in the queue: no table shows it */
	WAYS,
};

enum family {
	IPV4,
	IPV6,
	IPV4_ON_IPV6, /* its socket is IPv6 */
	FAMILIES,
};

/* Of each family and way equally many. */
_Static_assert(PER_NETNS % (WAYS * FAMILIES) == 0, "a whole number of rounds");

/* So many of each namespace are given to its child, every other one of them for good. */
#define GIVEN 32

struct made {
	struct pair pair;
	enum way way;
	enum family family;
	uint64_t netns;
	bool listed;
};

struct place {
	uint64_t netns;
	struct listener accepting[FAMILIES], queueing[FAMILIES];
	struct child child;
	struct made made[PER_NETNS];
};

static struct place places[NETNS];
static struct daemon lister;

static void receive_given(int channel, int unused)
{
	(void)unused;
	for (int i = 0; i < GIVEN; i++)
		child_receive_fd(channel);
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

/* The third is the second as an IPv4 client reaches it. */
static void open_listeners(struct listener listeners[FAMILIES])
{
	struct listener *mapped = &listeners[IPV4_ON_IPV6];
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	listener_open(&listeners[IPV4], AF_INET, "127.0.0.1", PER_NETNS);
	listener_open(&listeners[IPV6], AF_INET6, "::", PER_NETNS);
	*mapped = listeners[IPV6];
	v4.sin_port = htons(mapped->port);
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(&mapped->address, 0, sizeof(mapped->address));
	memcpy(&mapped->address, &v4, sizeof(v4));
	mapped->length = sizeof(v4);
}

static void close_listeners(struct listener listeners[FAMILIES])
{
	close(listeners[IPV4].fd);
	close(listeners[IPV6].fd);
}

static void wait_end(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLRDHUP};

	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
}

static void make_accepted(struct made *made)
{
	struct pair *pair = &made->pair;

	send_all(pair->client, "abc", 3);
	if (made->way != NOT_READING)
		receive_all(pair->server, 3);
	pair->fin.before = now_ns();
	if (made->way == STILL_SENDING) {
		assert_int_equal(shutdown(pair->client, SHUT_WR), 0);
	} else {
		close(pair->client);
		pair->client = -1;
	}
	wait_end(pair->server);
	if (made->way == NOT_READING)
		return;
	receive_end(pair->server);
	if (made->way == STILL_SENDING)
		send_all(pair->server, "more", 4);
}

static void make_queued(struct made *made)
{
	struct pair *pair = &made->pair;

	send_all(pair->client, "abc", 3);
	if (made->way == QUEUED)
		return;
	if (made->way == RESET)
		set_linger_0(pair->client);
	pair->fin.before = now_ns();
	close(pair->client);
	pair->client = -1;
}

static void make(struct made *made, const struct place *place)
{
	struct pair *pair = &made->pair;

	made->netns = place->netns;
	made->listed = false;
	if (made->way >= QUEUED) {
		pair_connect(pair, &place->queueing[made->family]);
		make_queued(made);
		return;
	}
	pair_open(pair, &place->accepting[made->family]);
	if (made->way != POOLED) {
		make_accepted(made);
		return;
	}
	pair->fin.before = now_ns();
	close(pair->server);
	pair->server = -1;
	wait_end(pair->client);
}

/* What was given away is also held here, or only by the child. */
static void give(struct place *place)
{
	child_start(&place->child, receive_given, -1);
	for (int i = 0; i < GIVEN; i++) {
		struct pair *pair = &place->made[i * WAYS + NOT_READING].pair;

		child_send_fd(&place->child, pair->server);
		if (i % 2) {
			close(pair->server);
			pair->server = -1;
		}
	}
	child_hear(&place->child);
}

static void read_proc(struct view *view)
{
	for (int i = 0; i < NETNS; i++) {
		netns_enter(&places[i].child);
		view_read_proc(view);
	}
	netns_leave();
}

/* Where some of them have gone: what the kernel gave up. */
static void tell_losses(void)
{
	static const char *const names[] = {
		"ListenOverflows",    "ListenDrops",	  "TCPAbortOnMemory", "TCPAbortOnTimeout",
		"TCPAbortFailed",     "TCPBacklogDrop",	  "TCPReqQFullDrop",  "TCPRcvQDrop",
		"PruneCalled",	      "SyncookiesFailed", "TCPTimeouts",      "TCPRetransFail",
		"TCPMemoryPressures",
	};

	for (int i = 0; i < NETNS; i++) {
		netns_enter(&places[i].child);
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			if (netns_counter(names[j]) > 0)
				print_error("namespace %d: %s %ld\n", i, names[j],
					    netns_counter(names[j]));
		}
	}
	netns_leave();
}

/* When all that was sent and closed has arrived, the tables show as many as wait. */
static void wait_settled(void)
{
	int64_t deadline = deadline_ns();
	struct view view = {};

	for (;;) {
		read_proc(&view);
		if (view.count == CONNECTIONS / WAYS * RESET)
			break;
		if (now_ns() > deadline) {
			tell_losses();
			fail_msg("%zu connections wait, not %d", view.count,
				 CONNECTIONS / WAYS * RESET);
		}
		view_release(&view);
		pass_ms(1);
	}
	view_release(&view);
}

static void make_all(void)
{
	for (int i = 0; i < NETNS; i++) {
		struct place *place = &places[i];

		netns_enter_new();
		place->netns = netns_inode();
		open_listeners(place->accepting);
		open_listeners(place->queueing);
		for (int j = 0; j < PER_NETNS; j++) {
			place->made[j].way = (enum way)(j % WAYS);
			place->made[j].family = (enum family)(j / WAYS % FAMILIES);
			make(&place->made[j], place);
		}
		give(place);
	}
	netns_leave();
	wait_settled();
}

static void release_all(void)
{
	for (int i = 0; i < NETNS; i++) {
		struct place *place = &places[i];

		for (int j = 0; j < PER_NETNS; j++) {
			if (place->made[j].pair.client >= 0)
				close(place->made[j].pair.client);
			if (place->made[j].pair.server >= 0)
				close(place->made[j].pair.server);
		}
		close_listeners(place->accepting);
		close_listeners(place->queueing);
		child_kill(&place->child);
	}
}

static struct place *place_of(json_t *event)
{
	json_int_t netns = json_integer_value(json_object_get(event, "netns"));

	for (int i = 0; i < NETNS; i++) {
		if ((json_int_t)places[i].netns == netns)
			return &places[i];
	}
	return NULL;
}

/* The ports are not enough: a client of each family can have the same. */
static bool is_of(const struct made *made, const struct seen *seen)
{
	const char *family = json_string_value(json_object_get(seen->json, "family"));
	const struct pair *pair = &made->pair;
	bool client = made->way == POOLED;

	return seen->local_port == (client ? pair->client_port : pair->server_port) &&
	       seen->remote_port == (client ? pair->server_port : pair->client_port) && family &&
	       !strcmp(family, made->family == IPV6 ? "ipv6" : "ipv4");
}

static struct made *find_made(struct place *place, const struct seen *seen)
{
	for (int i = 0; i < PER_NETNS; i++) {
		if (is_of(&place->made[i], seen))
			return &place->made[i];
	}
	return NULL;
}

static bool is_event(const struct seen *seen, const char *event)
{
	return seen->event && !strcmp(seen->event, event);
}

static void expect_as_made(const struct seen *seen)
{
	static const char *const causes[WAYS] = {
		[NOT_READING] = "not-reading",	    [NOT_CLOSING] = "not-closing",
		[STILL_SENDING] = "not-closing", /* what it sent before the start is not known */
		[POOLED] = "not-reading",	    [QUEUED] = "never-accepted",
		[QUEUED_CLOSED] = "never-accepted",
	};
	struct place *place = place_of(seen->json);
	struct made *made = place ? find_made(place, seen) : NULL;

	if (!place)
		return; /* another program's */
	if (!made || made->way == RESET || made->listed)
		fail_msg("local port %u, remote port %u: way %d, listed %d", seen->local_port,
			 seen->remote_port, made ? (int)made->way : -1, made && made->listed);
	made->listed = true;
	expect_text(seen->json, "cause", causes[made->way]);
	expect_text(seen->json, "role", made->way == POOLED ? "client" : "server");
	expect_text(seen->json, "state", made->way == QUEUED ? "accept-queue" : "close-wait");
	expect_truth(seen->json, "at_least", true);
}

/* Both listeners of a queue have one third or two of its connections. */
static void expect_listener(const struct seen *seen)
{
	const int each = PER_NETNS / WAYS / FAMILIES;
	struct place *place = place_of(seen->json);

	for (int i = IPV4; place && i <= IPV6; i++) {
		int families = i == IPV4 ? 1 : 2;

		if (seen->local_port != place->queueing[i].port)
			continue;
		expect_number(seen->json, "queued", families * each * 3);
		expect_number(seen->json, "known", families * each * 2);
		expect_holders(seen->json, &((struct holding){getpid(), place->queueing[i].fd}), 1);
	}
}

/* The same set, the same Recv-Q, the same holders. */
static void list_is_what_the_kernel_says_21(void **state)
{
	static const char *const list[] = {"--list", "--json", NULL};
	struct view listed = {}, proc = {}, ss = {};
	size_t listeners = 0;
	bool has_ss = true;

	(void)state;
	need_ipv6();
	make_all();
	assert_int_equal(daemon_run(&lister, list), 0);
	read_proc(&proc);
	for (int i = 0; i < NETNS && has_ss; i++) {
		netns_enter(&places[i].child);
		has_ss = view_read_ss(&ss);
	}
	netns_leave();

	for (size_t i = 0; i < lister.count; i++) {
		const struct seen *seen = &lister.seen[i];

		if (is_event(seen, "listener")) {
			expect_listener(seen);
			listeners += place_of(seen->json) != NULL;
			continue;
		}
		expect_as_made(seen);
		if (place_of(seen->json))
			view_add_event(&listed, seen->json);
	}
	assert_int_equal(listeners, NETNS * 4);
	assert_int_equal(listed.count, CONNECTIONS / WAYS * RESET);
	view_expect_same(&listed, "of --list", &proc, "of /proc");
	if (has_ss)
		view_expect_same(&listed, "of --list", &ss, "of ss");
	else
		print_message("           no ss here: compared with /proc/net alone\n");
	view_release(&listed);
	view_release(&proc);
	view_release(&ss);
	release_all();
}

int run_list(void)
{
	const struct CMUnitTest list[] = {
		scenario(list_is_what_the_kernel_says_21),
	};

	return cmocka_run_group_tests(list, suite_setup_unwatched, suite_teardown);
}
