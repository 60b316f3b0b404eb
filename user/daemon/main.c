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
#include "service.h"
#include "tail.h"

#define EXIT_USAGE 2

#define CONNECTIONS_MAX (1 << 24) /* 4 GiB of kernel memory */

struct arguments {
	struct tail_options tail;
	struct service_options service;
	bool stream_slow; /* of the service alone: --tail shows what is sent */
	int mode; /* OPT_TAIL, OPT_LIST, or 0 for the service */
};

/* Options with no letter. */
enum {
	OPT_TAIL = OPTION_OWN,
	OPT_LIST,
	OPT_SOCKET,
	OPT_STREAM,
	OPT_REPORT_INTERVAL,
	OPT_MAX_CONNECTIONS,
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
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"stream", required_argument, NULL, OPT_STREAM},
	{"report-interval", required_argument, NULL, OPT_REPORT_INTERVAL},
	{"max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS},
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
	"  slowclosed                           the service that slowclose asks, until a signal\n"
	"  slowclosed --tail                    slow closes, live, until Ctrl-C; no service\n"
	"  slowclosed --tail -L 80,443 -w       of two services, with more columns\n"
	"  slowclosed --tail --json | jq .cause one JSON object a line\n"
	"  slowclosed --list                    all that waits now, and the listeners; ends at "
	"once\n"
	"\n"
	"What is slow:\n"
	"      --close-wait TIME      time in CLOSE_WAIT from which a close is slow (default 1s)\n"
	"      --accept-wait TIME     time in the accept queue from which it is slow (100ms)\n"
	"      --max-connections N    followed at once (default 1048576; before Linux 6.1 131072)\n"
	"The service:\n"
	"      --socket PATH          where it answers (default " SERVICE_SOCKET ")\n"
	"      --stream all|slow      slow: fast connections are counted in the kernel, not sent\n"
	"      --report-interval TIME a summary in the journal so often (default 1m; 0: never)\n"
	"What --tail and --list show:\n" OPTIONS_FILTER_USAGE
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
	"TIME is a number and a unit: 500ms, 1.5s, 2m. SIGUSR1: --tail prints counts.\n";

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

static int set_stream(bool *stream_slow, const char *value)
{
	*stream_slow = strcmp(value, "slow") == 0;
	if (!*stream_slow && strcmp(value, "all") != 0)
		return bad_value("--stream", value, "all or slow");
	return 0;
}

static int set_max_connections(uint32_t *max, const char *value)
{
	unsigned long count;

	if (options_count(value, &count) < 0 || count > CONNECTIONS_MAX)
		return bad_value("--max-connections", value, "a number from 1 to 16777216");
	*max = (uint32_t)count;
	return 0;
}

static int set_option(struct arguments *arguments, int option, const char *value)
{
	struct tail_options *tail = &arguments->tail;
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
	case OPT_MAX_CONNECTIONS:
		return set_max_connections(&tail->hooks.max_connections, value);
	case OPT_SOCKET:
		arguments->service.socket_path = value;
		return 0;
	case OPT_STREAM:
		return set_stream(&arguments->stream_slow, value);
	case OPT_REPORT_INTERVAL:
		return set_duration(&arguments->service.report_interval_ns, "--report-interval",
				    value);
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

static int run_service(struct arguments *arguments)
{
	arguments->service.hooks = arguments->tail.hooks;
	arguments->service.hooks.stream_slow = arguments->stream_slow;
	return service_run(&arguments->service);
}

static int run(struct arguments *arguments)
{
	switch (arguments->mode) {
	case OPT_TAIL:
		return tail_run(&arguments->tail);
	case OPT_LIST:
		return list_run(&arguments->tail);
	default:
		return run_service(arguments);
	}
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.tail.hooks.slow = {.close_wait_ns = NSEC_PER_SEC,
				    .accept_wait_ns = 100 * NSEC_PER_MSEC},
		.service = {.socket_path = SERVICE_SOCKET, .report_interval_ns = 60 * NSEC_PER_SEC},
	};
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
			arguments.mode = option;
		} else if (option == OPT_DEBUG) {
			log_debug_enabled = true;
		} else if (set_option(&arguments, option, optarg) < 0) {
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		log_line("\"%s\": no arguments are allowed but options; see --help", argv[optind]);
		return EXIT_USAGE;
	}
	arguments.tail.style.colour = options_wants_colour();
	return run(&arguments) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
