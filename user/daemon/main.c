// SPDX-License-Identifier: GPL-2.0
/* slowclosed: options and what they start. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duration.h"
#include "list.h"
#include "log.h"
#include "tail.h"

#define EXIT_USAGE 2

/* Options with no letter. */
enum {
	OPT_TAIL = 256,
	OPT_LIST,
	OPT_JSON,
	OPT_BACKEND,
	OPT_CLOSE_WAIT,
	OPT_ACCEPT_WAIT,
	OPT_ROLE,
	OPT_MIN_CLOSE_WAIT,
	OPT_MIN_ACCEPT_WAIT,
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
	{"pid", required_argument, NULL, 'p'},
	{"comm", required_argument, NULL, 'c'},
	{"lport", required_argument, NULL, 'L'},
	{"rport", required_argument, NULL, 'D'},
	{"role", required_argument, NULL, OPT_ROLE},
	{"min-close-wait", required_argument, NULL, OPT_MIN_CLOSE_WAIT},
	{"min-accept-wait", required_argument, NULL, OPT_MIN_ACCEPT_WAIT},
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
	"What is shown:\n"
	"  -p, --pid PID              connections of this process\n"
	"  -c, --comm COMMAND         of this command\n"
	"  -L, --lport PORTS          with these local ports, such as 80,443,8000-8100\n"
	"  -D, --rport PORTS          with these remote ports\n"
	"  -4, -6                     IPv4 or IPv6 only\n"
	"      --role server|client   accepted here or connected from here\n"
	"      --min-close-wait TIME  from this close wait on, instead of the slow ones\n"
	"      --min-accept-wait TIME from this accept wait on, instead of the slow ones\n"
	"      --all                  fast ones too\n"
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

static int set_count(unsigned long *count, const char *value)
{
	char *end;

	errno = 0;
	*count = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || *count == 0)
		return bad_value("--count", value, "a number from 1 on");
	return 0;
}

static int set_option(struct tail_options *tail, int option, const char *value)
{
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
	case 'p':
		return set_filter(&tail->filter, "pid", value);
	case 'c':
		return set_filter(&tail->filter, "comm", value);
	case 'L':
		return set_filter(&tail->filter, "lport", value);
	case 'D':
		return set_filter(&tail->filter, "rport", value);
	case '4':
		return set_filter(&tail->filter, "family", "4");
	case '6':
		return set_filter(&tail->filter, "family", "6");
	case OPT_ROLE:
		return set_filter(&tail->filter, "role", value);
	case OPT_MIN_CLOSE_WAIT:
		return set_filter(&tail->filter, "min-close-wait", value);
	case OPT_MIN_ACCEPT_WAIT:
		return set_filter(&tail->filter, "min-accept-wait", value);
	case OPT_ALL:
		return set_filter(&tail->filter, "all", NULL);
	case 'n':
		return set_count(&tail->count, value);
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

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
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
	while ((option = getopt_long(argc, argv, "p:c:L:D:46n:wTh", long_options, NULL)) != -1) {
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
	tail.style.colour = wants_colour();
	return run(&tail) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
