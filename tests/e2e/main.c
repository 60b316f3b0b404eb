// SPDX-License-Identifier: GPL-2.0
/* End-to-end tests of slowclosed: real connections, and what the daemon must tell about them. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "hidden.h"
#include "netns.h"
#include "suite.h"

/* More listeners in one process than are known, and some to spare. */
#define DESCRIPTORS 17000

enum part {
	PART_HOOKS, /* what the hooks see, which each backend must see by itself */
	PART_SERVICE, /* what the service and the command make of it */
	PART_EXPLAIN, /* what the service finds */
	PART_FAULTS, /* what it must stand */
	PARTS,
};

static const char *const parts[PARTS] = {"hooks", "service", "explain", "faults"};

static const struct {
	enum part part;
	int (*run)(void);
} groups[] = {
	{PART_HOOKS, run_loaded},
	{PART_HOOKS, run_waiting},
	{PART_HOOKS, run_existing},
	{PART_HOOKS, run_listeners},
	{PART_HOOKS, run_list},
	{PART_HOOKS, run_bounds},
	{PART_HOOKS, run_ends},
	{PART_HOOKS, run_queue},
	{PART_HOOKS, run_accepting},
	{PART_HOOKS, run_reading},
	{PART_HOOKS, run_owners},
	{PART_HOOKS, run_addresses},
	{PART_HOOKS, run_special},
	{PART_HOOKS, run_many},
	{PART_HOOKS, run_many_slots},
	{PART_HOOKS, run_storm},
	{PART_SERVICE, run_process},
	{PART_SERVICE, run_service},
	{PART_SERVICE, run_config},
	{PART_SERVICE, run_api},
	{PART_SERVICE, run_events},
	{PART_SERVICE, run_listings},
	{PART_SERVICE, run_summary},
	{PART_SERVICE, run_folded},
	{PART_SERVICE, run_metrics},
	{PART_SERVICE, run_clients},
	{PART_SERVICE, run_journal},
	{PART_SERVICE, run_command_tail},
	{PART_SERVICE, run_command_answers},
	{PART_SERVICE, run_command_errors},
	{PART_SERVICE, run_command_garbage},
	{PART_SERVICE, run_command_terminal},
	{PART_EXPLAIN, run_explain_alone},
	{PART_EXPLAIN, run_explain_beside},
	{PART_FAULTS, run_faults},
	{PART_FAULTS, run_faults_of_names},
	{PART_FAULTS, run_full},
	{PART_FAULTS, run_masses_of_listeners},
	{PART_FAULTS, run_masses},
	{PART_FAULTS, run_hostile},
	{PART_FAULTS, run_clock},
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static enum part part = PARTS; /* all of them */

static int usage(void)
{
	fprintf(stderr, "usage: e2e --daemon PATH --command PATH --backend fentry|tracepoint\n"
			"           [--connections N] [--steer] [--one-cpu]\n"
			"           [--set-clock]\n"
			"           [--part hooks|service|explain|faults] [--only PATTERN]\n");
	return 2;
}

static bool parse_count(const char *text, long *count)
{
	char *end;

	errno = 0;
	*count = strtol(text, &end, 10);
	return !errno && end != text && !*end && *count > 0;
}

static bool parse_part(const char *name)
{
	for (part = 0; part < PARTS; part++) {
		if (strcmp(parts[part], name) == 0)
			return true;
	}
	return false;
}

static bool parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"daemon", required_argument, NULL, 'd'},
		{"command", required_argument, NULL, 'c'},
		{"backend", required_argument, NULL, 'b'},
		{"connections", required_argument, NULL, 'n'},
		{"steer", no_argument, NULL, 's'},
		{"set-clock", no_argument, NULL, 't'},
		{"one-cpu", no_argument, NULL, '1'},
		{"part", required_argument, NULL, 'p'},
		{"only", required_argument, NULL, 'o'},
		{},
	};
	int option;

	suite.connections = 1000000;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			suite.daemon_path = optarg;
			break;
		case 'c':
			suite.command_path = optarg;
			break;
		case 'b':
			suite.backend = optarg;
			break;
		case 'n':
			if (!parse_count(optarg, &suite.connections))
				return false;
			break;
		case 's':
			suite.steer = true;
			break;
		case 't':
			suite.set_clock = true;
			break;
		case '1':
			suite.one_cpu = true;
			break;
		case 'p':
			if (!parse_part(optarg))
				return false;
			break;
		case 'o':
			suite.only = optarg;
			cmocka_set_test_filter(optarg);
			break;
		default:
			return false;
		}
	}
	if (!suite.daemon_path || !suite.command_path || !suite.backend || optind != argc)
		return false;
	suite.fentry = !strcmp(suite.backend, "fentry");
	return suite.fentry || !strcmp(suite.backend, "tracepoint");
}

static bool is_wanted(size_t i)
{
	if (groups[i].run == run_clock && !suite.set_clock) /* it is this machine's */
		return false;
	return part == PARTS || part == groups[i].part;
}

int main(int argc, char **argv)
{
	struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
	size_t count = 0;
	int failed = 0;

	if (!parse(argc, argv))
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		perror("setrlimit");
		return 1;
	}
	if (suite.one_cpu && suite_use_one_cpu()) {
		perror("sched_setaffinity");
		return 1;
	}
	if (suite.one_cpu)
		hidden_watch();
	netns_remember();
	for (size_t i = 0; i < GROUPS; i++) {
		if (!is_wanted(i))
			continue;
		failed |= groups[i].run();
		count++;
	}
	if (suite.groups_begun != count || suite.groups_ended != count) {
		fprintf(stderr, "e2e: of %zu groups %zu were set up and %zu ended well\n", count,
			suite.groups_begun, suite.groups_ended);
		failed = 1;
	}
	return failed ? 1 : 0;
}
