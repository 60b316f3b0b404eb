// SPDX-License-Identifier: GPL-2.0
/* The configuration of the service: what is wrong at the start, and reading it again. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

static char file[64];

static int setup(void **state)
{
	int r = service_setup(state);

	snprintf(file, sizeof(file), "%s/conf", service.directory);
	return r;
}

static int teardown(void **state)
{
	unlink(file);
	return service_teardown(state);
}

static void put(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* Runs it to its end: exit status, and what it says where the file is named first. */
static void expect_end(const char *const *arguments, int exit_status, const char *said)
{
	static struct daemon daemon;
	int status = daemon_run(&daemon, arguments);
	char wanted[256] = "";

	if (*said)
		snprintf(wanted, sizeof(wanted), "slowclosed: %s%s\n", file, said);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != exit_status || strcmp(daemon.said, wanted) != 0)
		fail_msg("exit %d, it said:\n%s", WEXITSTATUS(status), daemon.said);
}

static void config_check_says_what_is_wrong(void **state)
{
	const char *const arguments[] = {"--config", file, "--check-config", NULL};

	(void)state;
	put("close-wait = 1s\n");
	expect_end(arguments, 0, "");
	put("close-wait = 1s\nstream = some\n");
	expect_end(arguments, 1, ":2: stream: \"some\" is not allowed; it takes all or slow");
	assert_int_equal(unlink(file), 0);
	expect_end(arguments, 1, ": it cannot be read: No such file or directory");
}

static void config_wrong_at_the_start(void **state)
{
	const char *const arguments[] = {"--config", file, "--socket", service.socket, NULL};

	(void)state;
	put("# none is so\nclose-wait = soon\n");
	expect_end(arguments, 2,
		   ":2: close-wait: \"soon\" is not allowed; it takes a number and a unit (ns, us, "
		   "ms, s, m, h, d), such as 500ms or 1.5s");
	assert_int_equal(access(service.socket, F_OK), -1);
}

/* With one setting by the command line and the others by the file. */
static void start_with(const char *text)
{
	static const char *arguments[] = {"--config", file, "--accept-wait", "7s", NULL};

	put(text);
	service_start(arguments);
}

static void expect_wait(json_t *status, const char *field, double ms)
{
	assert_true(json_is_real(at(status, field)));
	assert_true(json_real_value(at(status, field)) == ms);
}

static void forget_said(void)
{
	memset(service.daemon.said, 0, sizeof(service.daemon.said));
	service.daemon.said_length = 0;
}

/* By the text that it says when it is done. */
static void reload(const char *said)
{
	forget_said();
	kill(service.daemon.pid, SIGHUP);
	daemon_expect_said(&service.daemon, said);
}

static void config_options_hold_over_keys(void **state)
{
	json_t *status;

	(void)state;
	start_with("accept-wait = 5s\nclose-wait = 6s\n");
	status = service_get("/v1/status");
	expect_wait(status, "accept_wait_threshold_ms", 7000);
	expect_wait(status, "close_wait_threshold_ms", 6000);
	assert_string_equal(text_at(status, "configuration.file"), file);
	assert_true(json_is_null(at(status, "configuration.error")));
	assert_int_equal(json_array_size(at(status, "configuration.needs_restart")), 0);
	json_decref(status);
}

/* Of a local port; the host has others. */
static json_t *next_event(struct http *stream, uint16_t port)
{
	int64_t deadline = deadline_ns();

	while (now_ns() < deadline) {
		json_t *event = service_next(stream);

		if (json_object_get(event, "local") && number_at(event, "local.port") == port)
			return event;
		json_decref(event);
	}
	fail_msg("no event of port %u", port);
	return NULL;
}

/* A connection's wait is slow by the threshold that is new, and was not by the old one. */
static void config_reload_changes_what_is_slow(void **state)
{
	struct listener listener;
	struct http stream;
	struct pair pair;
	json_t *event, *status;

	(void)state;
	start_with("close-wait = 1h\nstream = all\n");
	service_subscribe(&stream, "/v1/events");
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	put("close-wait = 50ms\nstream = slow\nreport-interval = 0\n");
	reload("the configuration was read again");
	event = next_event(&stream, listener.port);
	assert_string_equal(text_at(event, "event"), "waiting");
	assert_string_equal(text_at(event, "state"), "close-wait");
	json_decref(event);
	status = service_get("/v1/status");
	expect_wait(status, "close_wait_threshold_ms", 50);
	expect_wait(status, "accept_wait_threshold_ms", 7000);
	assert_string_equal(text_at(status, "stream"), "slow");
	json_decref(status);
	close(pair.server);
	close(listener.fd);
	http_close(&stream);
}

static void expect_folded(long long least)
{
	int64_t deadline = deadline_ns();

	for (;;) {
		json_t *status = service_get("/v1/status");
		long long folded = number_at(status, "folded");

		json_decref(status);
		if (folded >= least)
			return;
		if (now_ns() > deadline)
			fail_msg("%lld folded", folded);
		pass_ms(10);
	}
}

/* The kernel only counts what is fast as soon as it is told so. */
static void config_reload_changes_the_stream(void **state)
{
	struct listener listener;
	struct pair pair;
	json_t *status;

	(void)state;
	start_with("stream = all\nclose-wait = 1h\n");
	status = service_get("/v1/status");
	assert_int_equal(number_at(status, "folded"), 0);
	json_decref(status);
	put("stream = slow\nclose-wait = 1h\n");
	reload("the configuration was read again");
	listener_open(&listener, AF_INET, "127.0.0.1", 1);
	pair_open(&pair, &listener);
	close(pair.client);
	close(pair.server);
	close(listener.fd);
	expect_folded(2);
}

static void config_reload_says_what_needs_a_restart(void **state)
{
	json_t *status;

	(void)state;
	start_with("max-connections = 1000\n");
	put("max-connections = 2000\nclose-wait = 2s\n");
	reload("the configuration was read again");
	assert_non_null(strstr(service.daemon.said,
			       "max-connections: the new value holds from the next start on"));
	status = service_get("/v1/status");
	assert_int_equal(json_array_size(at(status, "configuration.needs_restart")), 1);
	assert_string_equal(
		json_string_value(json_array_get(at(status, "configuration.needs_restart"), 0)),
		"max-connections");
	assert_int_equal(number_at(status, "connections.limit"), 1000);
	expect_wait(status, "close_wait_threshold_ms", 2000);
	json_decref(status);
	put("max-connections = 1000\n");
	reload("the configuration was read again");
	status = service_get("/v1/status");
	assert_int_equal(json_array_size(at(status, "configuration.needs_restart")), 0);
	json_decref(status);
}

static void config_wrong_at_a_reload(void **state)
{
	char wanted[256];
	json_t *status;

	(void)state;
	start_with("close-wait = 2s\n");
	put("close-wait = 3s\nclose-wait = 4s\n");
	reload("the configuration stays as it was: ");
	snprintf(wanted, sizeof(wanted),
		 "%s:2: close-wait: it is given twice in this file; each key is allowed once",
		 file);
	daemon_expect_said(&service.daemon, wanted);
	status = service_get("/v1/status");
	expect_wait(status, "close_wait_threshold_ms", 2000);
	assert_string_equal(text_at(status, "configuration.error.text"), wanted);
	assert_string_equal(text_at(status, "configuration.error.file"), file);
	assert_int_equal(number_at(status, "configuration.error.line"), 2);
	assert_string_equal(text_at(status, "configuration.error.key"), "close-wait");
	json_decref(status);
	put("close-wait = 3s\n");
	reload("the configuration was read again");
	status = service_get("/v1/status");
	expect_wait(status, "close_wait_threshold_ms", 3000);
	assert_true(json_is_null(at(status, "configuration.error")));
	json_decref(status);
}

/* systemd's end of the notifications of a service. */
struct notified {
	int fd;
	struct sockaddr_un address;
};

/* Only the service is told of it: what a test that fails leaves is nobody's. */
static void start_notifying(struct notified *notified, bool watchdog)
{
	struct sockaddr_un *address = &notified->address;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/notify", service.directory);
	notified->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(notified->fd, (struct sockaddr *)address, sizeof(*address)), 0);
	set_patience(notified->fd);
	setenv("NOTIFY_SOCKET", address->sun_path, 1);
	if (watchdog)
		setenv("WATCHDOG_USEC", "60000000", 1);
	start_with("");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
}

static void notified_close(struct notified *notified)
{
	unlink(notified->address.sun_path);
	close(notified->fd);
}

/* The next notification begins so. */
static void notify_expect(int fd, const char *wanted)
{
	char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		fail_msg("no %s: %s", wanted, strerror(errno));
	text[n] = '\0';
	if (strncmp(text, wanted, strlen(wanted)) != 0)
		fail_msg("%s instead of %s", text, wanted);
}

static bool notify_has(int fd, const char *wanted)
{
	bool found = false;
	char text[256];
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		text[n] = '\0';
		found |= strcmp(text, wanted) == 0;
	}
	return found;
}

static void config_reload_is_notified(void **state)
{
	struct notified notified;

	(void)state;
	start_notifying(&notified, false);
	notify_expect(notified.fd, "READY=1");
	reload("the configuration was read again");
	notify_expect(notified.fd, "RELOADING=1\nMONOTONIC_USEC=");
	notify_expect(notified.fd, "READY=1");
	service_stop();
	notify_expect(notified.fd, "STOPPING=1");
	notified_close(&notified);
}

/* So that only one more descriptor can be had now: above what it has open between two looks. */
static rlim_t limit_with_one_left(void)
{
	rlim_t least = RLIM_INFINITY;
	char path[64], target[8];

	for (int sample = 0; sample < 20; sample++) {
		rlim_t fd = 0;

		do {
			snprintf(path, sizeof(path), "/proc/%d/fd/%d", service.daemon.pid, (int)fd);
			fd++;
		} while (readlink(path, target, sizeof(target)) >= 0);
		if (fd < least)
			least = fd;
		pass_ms(10);
	}
	return least;
}

static void limit_descriptors(rlim_t most)
{
	struct rlimit limit;

	assert_int_equal(prlimit(service.daemon.pid, RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = most ? most : limit.rlim_max;
	assert_int_equal(prlimit(service.daemon.pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/*
 * A look at what waits takes two descriptors (to find the holders, whatever the kernel), a
 * notification one; the loop goes round without. How many it has open is told while nothing waits:
 * later a look can be under way all the time.
 */
static void service_watchdog_is_fed_by_work_alone(void **state)
{
	struct notified notified;
	struct listener listener;
	struct pair pair;
	rlim_t limit;

	(void)state;
	start_notifying(&notified, true);
	notify_expect(notified.fd, "READY=1");
	notify_expect(notified.fd, "WATCHDOG=1");
	limit = limit_with_one_left();
	listener_open(&listener, AF_INET, "127.0.0.1", 8);
	pair_open(&pair, &listener);
	pair_close_client(&pair);
	limit_descriptors(limit);
	for (int look = 0; look < 3; look++) {
		forget_said();
		daemon_expect_said(&service.daemon, "cannot look at what waits");
		/* The look before the first failure may have been told by then. */
		if (notify_has(notified.fd, "WATCHDOG=1") && look > 1)
			fail_msg("it is fed though looks fail");
	}
	kill(service.daemon.pid, SIGHUP);
	notify_expect(notified.fd, "RELOADING=1"); /* so it could have been fed */
	limit_descriptors(0);
	notify_expect(notified.fd, "READY=1");
	notify_expect(notified.fd, "WATCHDOG=1");
	close(pair.server);
	close(listener.fd);
	service_stop();
	notified_close(&notified);
}

int run_config(void)
{
	const struct CMUnitTest config[] = {
		service_scenario(config_check_says_what_is_wrong),
		service_scenario(config_wrong_at_the_start),
		service_scenario(config_options_hold_over_keys),
		service_scenario(config_reload_changes_what_is_slow),
		service_scenario(config_reload_changes_the_stream),
		service_scenario(config_reload_says_what_needs_a_restart),
		service_scenario(config_wrong_at_a_reload),
		service_scenario(config_reload_is_notified),
		service_scenario(service_watchdog_is_fed_by_work_alone),
	};

	return cmocka_run_group_tests(config, setup, teardown);
}
