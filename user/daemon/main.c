// SPDX-License-Identifier: GPL-2.0
/* slowclosed: options and what they start. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "list.h"
#include "log.h"
#include "options.h"
#include "tail.h"

#define EXIT_USAGE 2

/* Options with no letter. */
enum {
	OPT_TAIL = OPTION_OWN,
	OPT_LIST,
	OPT_JSON,
	OPT_BACKEND,
	OPT_CLOSE_WAIT,
	OPT_ACCEPT_WAIT,
	OPT_ALL,
	OPT_DEBUG,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"tail", no_argument, NULL, OPT_TAIL},
	{"list", no_argument, NULL, OPT_LIST},
	{"json", no_argument, NULL, OPT_JSON},
	{"backend", required_argument, NULL, OPT_BACKEND},
	{"close-wait", required_argument, NULL, OPT_CLOSE_WAIT},
	{"accept-wait", required_argument, NULL, OPT_ACCEPT_WAIT},
	OPTIONS_FILTER_ROWS,
	{"all", no_argument, NULL, OPT_ALL},
	{"count", required_argument, NULL, 'n'},
	{"wide", no_argument, NULL, 'w'},
	{"no-time", no_argument, NULL, 'T'},
	{"debug", no_argument, NULL, OPT_DEBUG},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static const char usage[] =
	"slowclosed: shows TCP connections that this host's applications accept or close slowly\n"
	"\n"
	"  slowclosed --tail                    slow closes, live, until Ctrl-C\n"
	"  slowclosed --tail -L 80,443 -w       of two services, with more columns\n"
	"  slowclosed --tail --json | jq .cause one JSON object a line\n"
	"  slowclosed --list                    all that waits now, and the listeners; ends at "
	"once\n"
	"\n"
	"What is slow:\n"
	"      --close-wait TIME      time in CLOSE_WAIT from which a close is slow (default 1s)\n"
	"      --accept-wait TIME     time in the accept queue from which it is slow (100ms)\n"
	"What is shown:\n" OPTIONS_FILTER_USAGE "      --all                  fast ones too\n"
	"  -n, --count COUNT          end after so many\n"
	"How:\n"
	"      --json                 one JSON object a line\n"
	"  -w, --wide                 more columns than 80\n"
	"  -T, --no-time              no time stamps\n"
	"      --backend NAME         auto (default), fentry or tracepoint\n"
	"      --debug                what libbpf and the kernel say\n"
	"  -h, --help, --version\n"
	"\n"
	"TIME is a number and a unit: 500ms, 1.5s, 2m. SIGUSR1 prints counts and losses.\n";

static int bad_value(const char *option, const char *value, const char *allowed)
{
	log_line("%s: \"%s\" is not allowed; it takes %s", option, value, allowed);
	return -EINVAL;
}

static int set_filter(struct filter *filter, const char *name, const char *value)
{
	const char *allowed = NULL;
	char option[32];

	if (filter_set(filter, name, value, &allowed) == 0)
		return 0;
	snprintf(option, sizeof(option), "--%s", name);
	return bad_value(option, value, allowed);
}

static int set_duration(int64_t *ns, const char *option, const char *value)
{
	return duration_parse(value, ns) == 0 ? 0 : bad_value(option, value, DURATION_ALLOWED);
}

static int set_backend(enum backend *backend, const char *value)
{
	if (strcmp(value, "auto") == 0)
		*backend = BACKEND_AUTO;
	else if (strcmp(value, "fentry") == 0)
		*backend = BACKEND_FENTRY;
	else if (strcmp(value, "tracepoint") == 0)
		*backend = BACKEND_TRACEPOINT;
	else
		return bad_value("--backend", value, "auto, fentry or tracepoint");
	return 0;
}

static int set_option(struct tail_options *tail, int option, const char *value)
{
	const char *filter = options_filter_name(option, &value);

	if (filter)
		return set_filter(&tail->filter, filter, value);
	switch (option) {
	case OPT_JSON:
		tail->json = true;
		return 0;
	case OPT_BACKEND:
		return set_backend(&tail->hooks.backend, value);
	case OPT_CLOSE_WAIT:
		return set_duration(&tail->hooks.slow.close_wait_ns, "--close-wait", value);
	case OPT_ACCEPT_WAIT:
		return set_duration(&tail->hooks.slow.accept_wait_ns, "--accept-wait", value);
	case OPT_ALL:
		return set_filter(&tail->filter, "all", NULL);
	case 'n':
		if (options_count(value, &tail->count) == 0)
			return 0;
		return bad_value("--count", value, OPTIONS_COUNT_ALLOWED);
	case 'w':
		tail->style.wide = true;
		return 0;
	case 'T':
		tail->style.no_time = true;
		return 0;
	default:
		return -EINVAL; /* getopt has said why */
	}
}

int main(int argc, char **argv)
{
	struct tail_options tail = {
		.hooks.slow = {.close_wait_ns = NSEC_PER_SEC,
			       .accept_wait_ns = 100 * NSEC_PER_MSEC},
	};
	int (*run)(const struct tail_options *options) = NULL;
	int option;

	/* getopt names the program in its messages as every other message does. */
	argv[0] = "slowclosed";
	while ((option = getopt_long(argc, argv, OPTIONS_FILTER_LETTERS "n:wTh", long_options,
				     NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		} else if (option == OPT_VERSION) {
			puts("slowclosed " SLOWCLOSE_VERSION);
			return EXIT_SUCCESS;
		} else if (option == OPT_TAIL || option == OPT_LIST) {
			run = option == OPT_TAIL ? tail_run : list_run;
		} else if (option == OPT_DEBUG) {
			log_debug_enabled = true;
		} else if (set_option(&tail, option, optarg) < 0) {
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		log_line("\"%s\": no arguments are allowed but options; see --help", argv[optind]);
		return EXIT_USAGE;
	}
	if (!run) {
		log_line("nothing to do: run slowclosed --tail or --list, or see --help");
		return EXIT_USAGE;
	}
	tail.style.colour = options_wants_colour();
	return run(&tail) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
