/* SPDX-License-Identifier: GPL-2.0 */
/* What all scenarios share: how the suite was called, and the daemon that watches. */
#ifndef E2E_SUITE_H
#define E2E_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon.h"

struct suite {
	const char *daemon_path;
	const char *command_path;
	const char *backend;
	bool fentry;
	long connections; /* of scenario 22, and of one peer */
	bool steer;
	bool set_clock; /* the machine is the test's alone */
	const char *only; /* a pattern of names, or NULL for all tests */
	bool one_cpu;
	struct daemon daemon;
	unsigned long long stormed; /* ends that a test has made by the thousand since its start */
	bool unwatched; /* while a group runs that needs no daemon */
	bool at_once; /* while a group runs whose events come without delay */
	bool parity; /* while a group runs that both backends must tell alike: */
	struct daemon other;
	/* cmocka's result does not tell of a setup or teardown that failed; these do. */
	size_t groups_begun, groups_ended;
};

extern struct suite suite;

/* Group setup and teardown: a daemon that runs while the group does, and must lose nothing. */
int suite_setup(void **state);
int suite_teardown(void **state);

/*
 * The setup of groups whose scenarios both backends must tell alike: where the kernel has both (a
 * run with fentry), a second daemon with the other backend watches the same sockets, and whenever
 * they are stopped, their events are compared.
 */
int suite_setup_parity(void **state);

/* The setup of groups that start no daemon but by themselves. */
int suite_setup_unwatched(void **state);

/* For each test: undoes what a failed one may have left. */
int suite_clean(void **state);

/* On the last CPU that this process may use, with all that it starts from now on. Returns 0, or -1
 * and errno. */
int suite_use_one_cpu(void);

void suite_start_daemon(void);
void suite_stop_daemon(void);

/* Nothing was lost, but where others' connections may have been: each test gets its own events. */
void suite_expect_no_loss(const struct losses *losses);

/* Prints why before it skips. */
#define skip_with_reason(...)                                                                      \
	do {                                                                                       \
		print_message("           ");                                                      \
		print_message(__VA_ARGS__);                                                        \
		print_message("\n");                                                               \
		skip();                                                                            \
	} while (0)

#define scenario(function) cmocka_unit_test_teardown(function, suite_clean)

int run_ends(void);
int run_queue(void);
int run_accepting(void);
int run_reading(void);
int run_waiting(void);
int run_existing(void);
int run_listeners(void);
int run_list(void);
int run_bounds(void);
int run_owners(void);
int run_addresses(void);
int run_special(void);
int run_many(void);
int run_many_slots(void);
int run_storm(void);
int run_loaded(void);
int run_process(void);
int run_api(void);
int run_events(void);
int run_listings(void);
int run_summary(void);
int run_folded(void);
int run_metrics(void);
int run_clients(void);
int run_faults(void);
int run_faults_of_names(void);
int run_full(void);
int run_masses_of_listeners(void);
int run_masses(void);
int run_hostile(void);
int run_clock(void);
int run_explain_alone(void);
int run_explain_beside(void);
int run_journal(void);
int run_service(void);
int run_config(void);
int run_command_tail(void);
int run_command_answers(void);
int run_command_errors(void);
int run_command_garbage(void);
int run_command_terminal(void);

#endif
