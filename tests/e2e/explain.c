// SPDX-License-Identifier: GPL-2.0
/*
 * What the service finds of each scenario: that finding and no other, at no time, and none when it
 * is over. Numbers in names are those of the scenarios.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "diagnosis.h"
#include "fuse.h"
#include "incident.h"
#include "servers.h"
#include "service.h"
#include "suite.h"

static struct incident incident;
static struct stalled_disk disk;

#define expect(...) diagnosis_expect(incident.listener.port, "server", FINDINGS_OF(__VA_ARGS__))
#define expect_end(...)                                                                            \
	diagnosis_expect_end(incident.listener.port, "server", FINDINGS_OF(__VA_ARGS__))

static void expect_saying(const char *code, const char *text)
{
	json_t *answer = expect(code);

	diagnosis_says(answer, code, text);
	json_decref(answer);
}

static void stall_the_disk(void)
{
	stalled_disk_mount(&disk);
	strcpy(server_log, disk.file);
}

static void explain_stalled_by_a_disk_1(void **state)
{
	(void)state;
	stall_the_disk();
	incident_begin(&incident, 64, server_threaded);
	incident_connect(&incident, 8);
	for (int i = 0; i < 8; i++) {
		send_all(incident.clients[i], "x", 1);
		child_hear(&incident.server); /* it has read that, and not the end */
	}
	incident_leave(&incident);
	expect_saying("io-stall", "not read");
	stalled_disk_release(&disk);
	expect_end("io-stall");
}

/* The same symptom as out of descriptors: the queue is full, and nobody accepts. */
static void explain_stalled_by_a_disk_before_accept(void **state)
{
	(void)state;
	stall_the_disk();
	incident_begin(&incident, 4, server_logging);
	child_hear(&incident.server);
	incident_connect(&incident, 5);
	json_decref(expect("io-stall"));
	incident_leave(&incident);
	stalled_disk_release(&disk);
	expect_end("io-stall");
}

/* To 4 % of one. */
static void limit_cpu(void)
{
	cgroup_make(&server_cgroup, "cpu", "slowclose-e2e");
	if (!cgroup_set(&server_cgroup, "cpu.max", "4000 100000") &&
	    !cgroup_set(&server_cgroup, "cpu.cfs_quota_us", "4000")) {
		cgroup_remove(&server_cgroup);
		skip_with_reason("no quota of CPU");
	}
}

/* And again: a closed-loop CPU hog that shares the quota. */
static void explain_throttled_1(void **state)
{
	(void)state;
	limit_cpu();
	incident_begin(&incident, 64, server_throttled);
	child_hear(&incident.server);
	incident_connect(&incident, 40);
	incident_leave(&incident);
	json_decref(expect("cpu-starved"));
	incident_end(&incident);
	expect_end("cpu-starved");
	cgroup_remove(&server_cgroup);
}

/* Of clients that have gone: found until the server ends. */
static void expect_of_server(child_function *server, int clients, const char *code,
			     const char *text)
{
	incident_begin(&incident, 64, server);
	incident_connect(&incident, clients);
	incident_leave(&incident);
	expect_saying(code, text);
	incident_end(&incident);
	expect_end(code);
}

/* Without any quota, the hogs take the CPU. */
static void explain_starved_1(void **state)
{
	(void)state;
	expect_of_server(server_starved, 40, "cpu-starved", "find who uses the CPUs");
}

/* Its threads wait at once, forty times as long together as there was no CPU. */
static void explain_interrupted(void **state)
{
	(void)state;
	expect_of_server(server_interrupted, 5, "not-reading", "5 connections");
}

/* The hog is the server: it gets all the CPU that there is, and does not accept. */
static void explain_busy_with_itself(void **state)
{
	(void)state;
	expect_of_server(server_busy, 5, "accept-stalled", "running or waiting for a CPU");
}

static void explain_out_of_descriptors_2(void **state)
{
	json_t *answer;

	(void)state;
	incident_begin(&incident, 4, server_exhausted);
	incident_connect(&incident, 5);
	incident_try(&incident, 3);
	incident_leave(&incident);
	answer = expect("fd-exhausted");
	diagnosis_says(answer, "fd-exhausted", "EMFILE");
	diagnosis_says(answer, "fd-exhausted", "32 of 32 descriptors");
	json_decref(answer);
	child_tell(&incident.server, 0);
	expect_end("fd-exhausted");
}

static void explain_stopped_3(void **state)
{
	(void)state;
	incident_begin(&incident, 64, server_prompt);
	kill(incident.server.pid, SIGSTOP);
	incident_connect(&incident, 3);
	expect_saying("accept-stalled", "stopped by a signal");
	kill(incident.server.pid, SIGCONT);
	incident_leave(&incident);
	expect_end("accept-stalled");
}

static void explain_stopped_and_full_4(void **state)
{
	(void)state;
	incident_begin(&incident, 4, server_prompt);
	kill(incident.server.pid, SIGSTOP);
	incident_connect(&incident, 5);
	incident_try(&incident, 4);
	json_decref(expect("backlog-full", "accept-stalled"));
	incident_leave(&incident);
	incident_end(&incident);
	expect_end("backlog-full", "accept-stalled");
}

static void explain_deadlocked_5(void **state)
{
	(void)state;
	incident_begin(&incident, 4, server_deadlocked);
	incident_connect(&incident, 5);
	incident_leave(&incident);
	json_decref(expect("lock-stall"));
	incident_end(&incident);
	expect_end("lock-stall");
}

static void explain_deadlocked_workers(void **state)
{
	(void)state;
	expect_of_server(server_locked, 5, "lock-stall", "as for a mutex");
}

/* The other one waits for a lock, but for one that is stopped. */
static void explain_stopped_in_its_turn(void **state)
{
	(void)state;
	incident_begin(&incident, 64, server_taking_turns);
	incident_request(&incident, 2);
	child_tell(&incident.server, 0);
	child_hear(&incident.server);
	incident_connect(&incident, 5);
	incident_leave(&incident);
	expect_saying("accept-stalled", "kill -CONT");
	incident_end(&incident);
	expect_end("accept-stalled");
}

/* Those that have called accept() have it no longer. */
static void explain_left_behind(void **state)
{
	(void)state;
	expect_of_server(server_leaving, 4, "accept-stalled",
			 "a process that does not hold it called accept() on its port");
}

/* Whoever sleeps in futex for another thread to end hangs in no lock. */
static void explain_joining(void **state)
{
	(void)state;
	expect_of_server(server_joining, 5, "not-reading", "one of them is descriptor ");
}

/* As Java's Thread.sleep() and a pool that has nothing to do. */
static void explain_parked(void **state)
{
	(void)state;
	expect_of_server(server_parked, 5, "accept-stalled",
			 "sleeping in futex for a limited time");
}

/* It is not the process that accepted them which does not read them. */
static void explain_handed_over(void **state)
{
	(void)state;
	expect_of_server(server_handing_over, 3, "not-reading", "kill -CONT");
}

static void explain_leak_7(void **state)
{
	json_t *answer, *kept;

	(void)state;
	incident_begin(&incident, 64, server_leaking);
	incident_request(&incident, 3);
	answer = expect("close-leak");
	diagnosis_says(answer, "close-leak", "one of them is descriptor ");
	kept = json_object_get(diagnosis_evidence(answer), "kept_open");
	assert_int_equal(json_integer_value(json_object_get(kept, "pid")), incident.server.pid);
	/* The first that are free behind the channel and the listener. */
	assert_in_range(json_integer_value(json_object_get(kept, "fd")), 5, 7);
	json_decref(answer);
	incident_end(&incident);
	expect_end("close-leak");
}

static void explain_still_sending_8(void **state)
{
	(void)state;
	incident_begin(&incident, 64, server_sending);
	incident_connect(&incident, 1);
	send_all(incident.clients[0], "x", 1);
	shutdown(incident.clients[0], SHUT_WR);
	diagnosis_expect_nothing(incident.listener.port, "server", 5);
	child_tell(&incident.server, 0);
	child_hear(&incident.server);
	incident_leave(&incident);
}

static void explain_idle_pool_14(void **state)
{
	(void)state;
	incident_begin(&incident, 64, server_closing);
	incident_connect(&incident, 6);
	json_decref(diagnosis_expect(incident.listener.port, "client", FINDINGS_OF("idle-pool")));
	incident_leave(&incident);
	diagnosis_expect_end(incident.listener.port, "client", FINDINGS_OF("idle-pool"));
}

static void explain_inherited_15(void **state)
{
	(void)state;
	incident_begin(&incident, 64, server_forking);
	incident_request(&incident, 3);
	expect_saying("close-leak", "only others keep them open");
	incident_end(&incident);
	expect_end("close-leak");
}

static void explain_one_of_several_listeners_17(void **state)
{
	struct listener other;
	struct child stopped;
	char text[64];

	(void)state;
	listener_open_shared(&incident.listener, NULL, 64);
	listener_open_shared(&other, &incident.listener, 64);
	child_start(&incident.server, server_prompt, incident.listener.fd);
	child_start(&stopped, server_prompt, other.fd);
	close(incident.listener.fd);
	close(other.fd);
	kill(stopped.pid, SIGSTOP);
	incident_connect(&incident, 40);
	incident_leave(&incident);
	snprintf(text, sizeof(text), "/%d)", stopped.pid);
	expect_saying("accept-stalled", text);
	kill(stopped.pid, SIGCONT);
	expect_end("accept-stalled");
}

/* Short connections, one after another: none waits for long, however slow the machine is. */
static void explain_busy_and_healthy_24(void **state)
{
	int64_t end = now_ns() + 4000000000LL;

	(void)state;
	incident_begin(&incident, 64, server_prompt);
	while (now_ns() < end) {
		diagnosis_is_empty(incident.listener.port);
		incident_be_served(&incident, 50);
	}
}

static void explain_burst_25(void **state)
{
	(void)state;
	incident_begin(&incident, 4, server_prompt);
	kill(incident.server.pid, SIGSTOP);
	incident_connect(&incident, 5);
	incident_try(&incident, 35);
	json_decref(expect("backlog-full", "accept-stalled"));
	/* It goes on, and takes what came. */
	kill(incident.server.pid, SIGCONT);
	incident_leave(&incident);
	expect_end("backlog-full", "accept-stalled");
}

#define PEERS 6
#define PEERS_PATIENCE_SEC 2

static volatile bool peers_end;

static void *impatient_peer(void *argument)
{
	const struct listener *listener = argument;

	while (!peers_end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (const struct sockaddr *)&listener->address, listener->length) ==
			    0 &&
		    write(fd, "x", 1) == 1)
			nanosleep(&(struct timespec){.tv_sec = PEERS_PATIENCE_SEC}, NULL);
		close(fd);
	}
	return NULL;
}

static void expect_impatient(child_function *server)
{
	pthread_t peers[PEERS];
	json_t *answer, *until_fin;

	incident_begin(&incident, 64, server);
	peers_end = false;
	for (int i = 0; i < PEERS; i++)
		pthread_create(&peers[i], NULL, impatient_peer, &incident.listener);
	answer = expect("impatient-peers");
	/*
	 * A server's connection begins with the peer's last ACK, which connect() does not wait for,
	 * and ends with its FIN: either may come some milliseconds late on a busy machine.
	 */
	until_fin = json_object_get(diagnosis_evidence(answer), "until_fin");
	assert_in_range(json_number_value(json_object_get(until_fin, "alike_from_ms")),
			PEERS_PATIENCE_SEC * 1000 - 250, PEERS_PATIENCE_SEC * 1000 + 500);
	json_decref(answer);
	peers_end = true;
	for (int i = 0; i < PEERS; i++)
		pthread_join(peers[i], NULL);
	expect_end("impatient-peers");
}

static void explain_impatient_26(void **state)
{
	(void)state;
	expect_impatient(server_slow);
}

/* The answer meets a reset, since nobody has that socket any more. */
static void explain_impatient_reset_26(void **state)
{
	(void)state;
	expect_impatient(server_answering_late);
}

static int start(void **state)
{
	static const char *const arguments[] = {"--report-interval", "0", NULL};
	int r = service_setup(state);

	service_start(arguments);
	return r;
}

static int clean(void **state)
{
	if (disk.directory[0])
		stalled_disk_release(&disk);
	return service_clean(state);
}

#define explained(function) cmocka_unit_test_teardown(function, clean)

/* These take the CPU from all others. */
int run_explain_alone(void)
{
	const struct CMUnitTest tests[] = {
		explained(explain_starved_1),
		explained(explain_interrupted),
		explained(explain_busy_with_itself),
	};

	return cmocka_run_group_tests_name("explain, one by one", tests, start, service_teardown);
}

int run_explain_beside(void)
{
	const struct CMUnitTest tests[] = {
		explained(explain_stalled_by_a_disk_1),
		explained(explain_stalled_by_a_disk_before_accept),
		explained(explain_throttled_1),
		explained(explain_out_of_descriptors_2),
		explained(explain_stopped_3),
		explained(explain_stopped_and_full_4),
		explained(explain_deadlocked_5),
		explained(explain_deadlocked_workers),
		explained(explain_stopped_in_its_turn),
		explained(explain_left_behind),
		explained(explain_joining),
		explained(explain_parked),
		explained(explain_handed_over),
		explained(explain_leak_7),
		explained(explain_still_sending_8),
		explained(explain_idle_pool_14),
		explained(explain_inherited_15),
		explained(explain_one_of_several_listeners_17),
		explained(explain_busy_and_healthy_24),
		explained(explain_burst_25),
		explained(explain_impatient_26),
		explained(explain_impatient_reset_26),
	};

	return beside_run("explain, at once", tests, sizeof(tests) / sizeof(tests[0]), start,
			  service_teardown);
}
