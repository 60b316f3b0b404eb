// SPDX-License-Identifier: GPL-2.0
/* End-to-end tests of slowclosed: real connections, and what the daemon must tell about them. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "netns.h"
#include "suite.h"

/* A thousand clients and a thousand servers in one process, and some to spare. */
#define DESCRIPTORS 8192

typedef int group_fn(void);

/* What the hooks see, which each backend must see by itself. */
static group_fn *const hooks[] = {
	run_process, run_waiting,   run_existing, run_listeners, run_list,
	run_bounds,  run_ends,	    run_queue,	  run_accepting, run_reading,
	run_owners,  run_addresses, run_special,  run_storm,	 NULL,
};

/* What the service and the command make of it. */
static group_fn *const service[] = {
	run_service,
	run_config,
	run_api,
	run_events,
	run_listings,
	run_summary,
	run_folded,
	run_clients,
	run_journal,
	run_command_tail,
	run_command_answers,
	run_command_errors,
	run_command_garbage,
	run_command_terminal,
	NULL,
};

/* What the service finds. */
static group_fn *const explain[] = {run_explain_alone, run_explain_beside, NULL};

static const struct part {
	const char *name;
	group_fn *const *groups;
} parts[] = {{"hooks", hooks}, {"service", service}, {"explain", explain}};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const struct part *part; /* NULL: all */

static int usage(void)
{
	fprintf(stderr, "usage: e2e --daemon PATH --command PATH --backend fentry|tracepoint\n"
			"           [--connections N] [--steer] [--one-cpu]\n"
			"           [--part hooks|service|explain] [--only PATTERN]\n");
	return 2;
}

static bool parse_count(const char *text, long *count)
{
	char *end;

	errno = 0;
	*count = strtol(text, &end, 10);
	return !errno && end != text && !*end && *count > 0;
}

static const struct part *find_part(const char *name)
{
	for (size_t i = 0; i < PARTS; i++) {
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	}
	return NULL;
}

static bool parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"daemon", required_argument, NULL, 'd'},
		{"command", required_argument, NULL, 'c'},
		{"backend", required_argument, NULL, 'b'},
		{"connections", required_argument, NULL, 'n'},
		{"steer", no_argument, NULL, 's'},
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
		case '1':
			suite.one_cpu = true;
			break;
		case 'p':
			part = find_part(optarg);
			if (!part)
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

/* The last one that this process may run on; the daemon and all other children inherit it. */
static int use_one_cpu(void)
{
	cpu_set_t cpus;
	int last = -1;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &cpus))
			last = cpu;
	}
	CPU_ZERO(&cpus);
	CPU_SET(last, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

static size_t run(const struct part *of, int *failed)
{
	size_t count = 0;

	for (; of->groups[count]; count++)
		*failed |= of->groups[count]();
	return count;
}

int main(int argc, char **argv)
{
	struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
	size_t groups = 0;
	int failed = 0;

	if (!parse(argc, argv))
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		perror("setrlimit");
		return 1;
	}
	if (suite.one_cpu && use_one_cpu()) {
		perror("sched_setaffinity");
		return 1;
	}
	netns_remember();
	for (size_t i = 0; i < PARTS; i++) {
		if (!part || part == &parts[i])
			groups += run(&parts[i], &failed);
	}
	if (suite.groups_begun != groups || suite.groups_ended != groups) {
		fprintf(stderr, "e2e: of %zu groups %zu were set up and %zu ended well\n", groups,
			suite.groups_begun, suite.groups_ended);
		failed = 1;
	}
	return failed ? 1 : 0;
}
