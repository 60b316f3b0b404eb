// SPDX-License-Identifier: GPL-2.0
/* slowclosed: options and what they start. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "list.h"
#include "log.h"
#include "options.h"
#include "service.h"
#include "standard_files.h"
#include "tail.h"

/* From here on a block goes back to the kernel as soon as it is freed. */
#define LARGE_BLOCK (128 * 1024)

struct arguments {
	struct tail_options tail;
	struct config_source source;
	bool check_config;
	const char *shows; /* the last option that only --tail and --list take; NULL: none */
	const char *serves; /* the last one that only the service takes */
	int mode; /* OPT_TAIL, OPT_LIST, or 0 for the service */
};

/* Options with no letter. */
enum {
	OPT_TAIL = OPTION_OWN,
	OPT_LIST,
	OPT_SETTING, /* by its name */
	OPT_SERVICE_SETTING, /* the same, of the service alone */
	OPT_CONFIG,
	OPT_CHECK_CONFIG,
	OPT_JSON,
	OPT_ALL,
	OPT_DEBUG,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"tail", no_argument, NULL, OPT_TAIL},
	{"list", no_argument, NULL, OPT_LIST},
	{"socket", required_argument, NULL, OPT_SERVICE_SETTING},
	{"stream", required_argument, NULL, OPT_SERVICE_SETTING},
	{"report-interval", required_argument, NULL, OPT_SERVICE_SETTING},
	{"journal-events", required_argument, NULL, OPT_SERVICE_SETTING},
	{"metrics-listen", required_argument, NULL, OPT_SERVICE_SETTING},
	{"max-connections", required_argument, NULL, OPT_SETTING},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"check-config", no_argument, NULL, OPT_CHECK_CONFIG},
	{"json", no_argument, NULL, OPT_JSON},
	{"backend", required_argument, NULL, OPT_SETTING},
	{"close-wait", required_argument, NULL, OPT_SETTING},
	{"accept-wait", required_argument, NULL, OPT_SETTING},
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
	"The service, not --tail or --list:\n"
	"      --config FILE          and FILE.d/*.conf; options go before them (default\n"
	"                             " CONFIG_FILE ")\n"
	"      --check-config         what is wrong with the configuration, and end\n"
	"      --socket PATH          where it answers (default " SOCKET_PATH_DEFAULT ")\n"
	"      --stream all|slow      slow: fast connections are counted in the kernel, not sent\n"
	"      --report-interval TIME a summary in the journal so often (default 1m; 0: never)\n"
	"      --journal-events N     slow connections in the journal each second, at most (20)\n"
	"      --metrics-listen ADDRESS:PORT\n"
	"                             Prometheus' metrics on TCP too, for all who reach it "
	"(off)\n"
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
	"TIME is a number and a unit: 500ms, 1.5s, 2m. SIGUSR1: --tail prints counts.\n"
	"SIGHUP: the service reads its configuration again.\n";

static int bad_value(const char *option, const char *value, const char *allowed)
{
	log_error("%s: \"%s\" is not allowed; it takes %s", option, value, allowed);
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

static int add_setting(struct config_source *source, const char *name, const char *value)
{
	if (source->option_count == CONFIG_OPTIONS_MAX) {
		log_error("more than %d options are not allowed", CONFIG_OPTIONS_MAX);
		return -E2BIG;
	}
	source->options[source->option_count++] = (struct config_option){name, value};
	return 0;
}

static int set_option(struct arguments *arguments, int option, const char *value)
{
	struct tail_options *tail = &arguments->tail;
	const char *filter = options_filter_name(option, &value);

	if (filter) {
		arguments->shows = filter;
		return set_filter(&tail->filter, filter, value);
	}
	switch (option) {
	case OPT_JSON:
		arguments->shows = "json";
		tail->json = true;
		return 0;
	case OPT_CONFIG:
		arguments->serves = "config";
		arguments->source.file = value;
		arguments->source.optional = false;
		return 0;
	case OPT_CHECK_CONFIG:
		arguments->serves = "check-config";
		arguments->check_config = true;
		return 0;
	case OPT_ALL:
		arguments->shows = "all";
		return set_filter(&tail->filter, "all", NULL);
	case 'n':
		arguments->shows = "count";
		if (options_count(value, &tail->count) == 0)
			return 0;
		return bad_value("--count", value, OPTIONS_COUNT_ALLOWED);
	case 'w':
		arguments->shows = "wide";
		tail->style.wide = true;
		return 0;
	case 'T':
		arguments->shows = "no-time";
		tail->style.no_time = true;
		return 0;
	default:
		return -EINVAL; /* getopt has said why */
	}
}

/* The service would run, and show nothing of what was asked for. */
static int refuse_shows(const char *name)
{
	bool is_family = strcmp(name, "family") == 0;

	log_error("%s%s: only --tail and --list take it; of the service ask slowclose tail or list",
		  is_family ? "-4 or -6" : "--", is_family ? "" : name);
	return EXIT_USAGE;
}

/* They would show something, and nothing would be as it was asked for. */
static int refuse_serves(const char *name)
{
	log_error("--%s: only the service takes it, not --tail or --list", name);
	return EXIT_USAGE;
}

/* Failures are logged. */
static int read_config(struct settings *settings, const struct config_source *source)
{
	char text[CONFIG_TEXT_SIZE];
	struct config_error error;
	int r = config_read(settings, source, &error);

	if (r < 0)
		log_error("%s", config_error_text(&error, text));
	return r;
}

static int run(struct arguments *arguments, const struct settings *settings)
{
	struct tail_options *tail = &arguments->tail;

	tail->style.colour = options_wants_colour();
	settings_hooks(settings, &tail->hooks);
	switch (arguments->mode) {
	case OPT_TAIL:
		return tail_run(tail);
	case OPT_LIST:
		return list_run(tail);
	default:
		return service_run(settings, &arguments->source);
	}
}

/* Returns the exit status. */
static int print(const char *text)
{
	if (fputs(text, stdout) != EOF && fflush(stdout) != EOF)
		return EXIT_SUCCESS;
	log_error("cannot write: %s", strerror(errno));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.source = {.file = CONFIG_FILE, .optional = true}};
	struct settings settings;
	int option, row;

	if (standard_files_hold() < 0)
		return EXIT_FAILURE;
	/* glibc would raise it when a large block is freed, and keep the next ones for itself. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	/* getopt names the program in its messages as every other message does. */
	argv[0] = "slowclosed";
	while ((option = getopt_long(argc, argv, OPTIONS_FILTER_LETTERS "n:wTh", long_options,
				     &row)) != -1) {
		if (option == 'h') {
			return print(usage);
		} else if (option == OPT_VERSION) {
			return print("slowclosed " SLOWCLOSE_VERSION "\n");
		} else if (option == OPT_TAIL || option == OPT_LIST) {
			arguments.mode = option;
		} else if (option == OPT_DEBUG) {
			log_debug_enabled = true;
		} else if (option == OPT_SETTING || option == OPT_SERVICE_SETTING) {
			if (option == OPT_SERVICE_SETTING)
				arguments.serves = long_options[row].name;
			if (add_setting(&arguments.source, long_options[row].name, optarg) < 0)
				return EXIT_USAGE;
		} else if (set_option(&arguments, option, optarg) < 0) {
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		log_error("\"%s\": no arguments are allowed but options; see --help", argv[optind]);
		return EXIT_USAGE;
	}
	if (!arguments.mode && arguments.shows)
		return refuse_shows(arguments.shows);
	if (arguments.mode && arguments.serves)
		return refuse_serves(arguments.serves);
	if (arguments.mode)
		arguments.source.file = NULL;
	if (read_config(&settings, &arguments.source) < 0)
		return arguments.check_config ? EXIT_FAILURE : EXIT_USAGE;
	if (arguments.check_config)
		return EXIT_SUCCESS;
	return run(&arguments, &settings) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
