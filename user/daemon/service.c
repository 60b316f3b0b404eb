// SPDX-License-Identifier: GPL-2.0
#include "service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "log.h"
#include "passed.h"
#include "privilege.h"
#include "room.h"
#include "scan.h"

#define TICK_USEC (1000 * 1000)

static void on_event(void *userdata, const struct event *event)
{
	struct service *service = userdata;
	int64_t now_ns = watch_read_ns(service->watch);

	stats_add(service->stats, event, now_ns);
	events_publish(service->events, event);
	journal_event(service->journal, event, now_ns);
	findings_event(service->findings, event, now_ns);
}

static struct watch_wanted wants_all(void *userdata)
{
	struct service *service = userdata;

	return findings_begin(service->findings);
}

static void on_counted(void *userdata, const struct event *event)
{
	struct service *service = userdata;

	findings_counted(service->findings, event);
}

static void on_waiting(void *userdata, const struct event *event)
{
	struct service *service = userdata;

	findings_waiting(service->findings, event);
}

static void on_looked(void *userdata, const struct watch_looked *looked)
{
	struct service *service = userdata;

	findings_looked(service->findings, looked);
}

static void on_pause(void *userdata)
{
	struct service *service = userdata;

	api_wake(service->api);
	if (service->metrics_api)
		api_wake(service->metrics_api);
}

static void on_fold(void *userdata, const void *element)
{
	struct service *service = userdata;

	stats_add_folded(service->stats, element, clock_monotonic_ns());
}

int service_take_folded(struct service *service)
{
	struct hooks *hooks = watch_hooks(service->watch);
	struct hooks_counts counts;
	int r;

	hooks_counts(hooks, &counts);
	if (counts.folded == service->folded)
		return 0;
	r = scan_run(hooks, SCAN_FOLDS, on_fold, service);
	if (r == 0)
		r = scan_run(hooks, SCAN_FOLDS_OTHER, on_fold, service);
	if (r < 0)
		log_warning("cannot read what the kernel has counted: %s", strerror(-r));
	else
		service->folded = counts.folded;
	return r;
}

uint64_t service_ended(const struct service *service)
{
	struct hooks_counts counts;

	hooks_counts(watch_hooks(service->watch), &counts);
	return counts.records;
}

void service_take_waiting(struct service *service, const struct waiting *waiting)
{
	struct places *places = watch_places(service->watch);
	struct place place;
	struct event event;

	if (waiting_time_ns(waiting) <= service->summed_ns)
		return;
	service->summed_ns = waiting_time_ns(waiting);
	stats_waiting_begin(service->stats, service->summed_ns);
	for (size_t i = 0; i < waiting_count(waiting); i++) {
		waiting_event(waiting, i, watch_slow(service->watch), clock_realtime_offset_ns(),
			      places, &event, &place);
		stats_waiting_add(service->stats, &event);
	}
	stats_waiting_end(service->stats);
}

/* The shortest window that has all since the last report, or the longest there is. */
static enum window report_window(int64_t interval_ns)
{
	if (interval_ns <= 60 * NSEC_PER_SEC)
		return WINDOW_1M;
	return interval_ns <= 300 * NSEC_PER_SEC ? WINDOW_5M : WINDOW_1H;
}

static void report_finding(void *userdata, const struct evidence *evidence,
			   const struct finding *finding, int64_t since_ns)
{
	struct service *service = userdata;

	journal_finding(service->journal, evidence, finding, since_ns, clock_ns(CLOCK_REALTIME));
}

static void report(struct service *service)
{
	struct summary *summary;

	service_take_folded(service); /* logged */
	summary = summary_new(service->stats, report_window(service->settings.report_interval_ns),
			      BY_SERVICE, clock_monotonic_ns(), clock_realtime_offset_ns());
	if (summary)
		journal_summary(service->journal, summary);
	summary_free(summary);
	findings_for_each(service->findings, report_finding, service);
}

static void on_report_look(void *userdata)
{
	struct service *service = userdata;
	int r = listing_ready(service->report_look);

	if (r < 0)
		log_warning("cannot look at what waits: %s", strerror(-r));
	else
		service_take_waiting(service, listing_waiting(service->report_look));
	listing_free(service->report_look);
	service->report_look = NULL;
	report(service);
}

/* The next report comes an interval from now. */
static int await_report(struct service *service)
{
	int64_t interval_ns = service->settings.report_interval_ns;
	int r = sd_event_source_set_time_relative(service->report, (uint64_t)interval_ns / 1000);

	if (r < 0)
		return r;
	return sd_event_source_set_enabled(service->report,
					   interval_ns ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_report(sd_event_source *source, uint64_t usec, void *userdata)
{
	static const struct filter all;
	struct service *service = userdata;
	int r;

	(void)source, (void)usec;
	if (service->report_look) /* the last one is not over */
		return await_report(service);
	r = listing_new(&service->report_look, service->listings, LISTING_NUMBERS, &all,
			on_report_look, service);
	if (r < 0) {
		log_warning(
			"what waits is told as of the last look: %s",
			r == -EBUSY
				? "clients still read theirs, and there is no memory for another"
				: strerror(-r));
		report(service);
	} else if (listing_ready(service->report_look)) {
		on_report_look(service);
	}
	return await_report(service);
}

/*
 * A loop that goes round is no life: records must be read if there are any, and what waits be
 * looked at.
 */
static void feed_watchdog(struct service *service)
{
	uint64_t ended = watch_ended(service->watch), looks = watch_looks(service->watch);

	if (looks == service->fed_looks ||
	    (ended == service->fed_ended && ended < service_ended(service)))
		return;
	service->fed_looks = looks;
	service->fed_ended = ended;
	sd_notify(0, "WATCHDOG=1");
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct service *service = userdata;

	(void)usec;
	service_take_folded(service); /* logged */
	journal_tick(service->journal, clock_monotonic_ns());
	api_tick(service->api);
	if (service->metrics_api)
		api_tick(service->metrics_api);
	if (service->watchdog)
		feed_watchdog(service);
	return sd_event_source_set_time_relative(source, TICK_USEC);
}

static int prepare_loop(struct service *service, const struct config_source *source)
{
	int r;

	service->listings = listings_new(service->watch);
	if (!service->listings)
		return -ENOMEM;
	r = watch_add_timer(service->watch, NULL, TICK_USEC, on_tick, service);
	if (r >= 0)
		r = watch_add_timer(service->watch, &service->report, 0, on_report, service);
	if (r >= 0)
		r = await_report(service);
	if (r >= 0)
		r = findings_new(&service->findings, service->watch);
	if (r >= 0)
		r = reload_prepare(&service->reload, service, source);
	return r;
}

void service_set(struct service *service, const struct settings *settings)
{
	bool other_interval = settings->report_interval_ns != service->settings.report_interval_ns;

	service->settings = *settings;
	service->summed_ns = 0; /* by other thresholds */
	watch_set_slow(service->watch, &settings->slow);
	hooks_set_stream(watch_hooks(service->watch), settings->stream_slow);
	stats_set_thresholds(service->stats, &settings->slow);
	journal_set_most(service->journal, settings->journal_events);
	if (other_interval && await_report(service) < 0)
		log_error("cannot set when the next summary comes");
}

/* Each client takes a descriptor. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int prepare_sinks(struct service *service)
{
	struct stats_options stats = {.thresholds = service->settings.slow};
	uint64_t limit = room_limit();

	if (getrandom(&stats.seed, sizeof(stats.seed), 0) < 0)
		return -errno;
	service->stats = stats_new(&stats, clock_monotonic_ns());
	service->events = events_new(room_events(limit));
	service->unsent.most = room_answers(limit);
	service->journal = journal_new();
	if (service->journal)
		journal_set_most(service->journal, service->settings.journal_events);
	service->metrics = metrics_new();
	return service->stats && service->events && service->journal && service->metrics ? 0
											 : -ENOMEM;
}

static int watch_connections(struct service *service)
{
	const struct watch_sink sink = {
		.on_event = on_event,
		.on_pause = on_pause,
		.wants_all = wants_all,
		.on_counted = on_counted,
		.on_waiting = on_waiting,
		.on_looked = on_looked,
		.userdata = service,
	};
	struct watch_options options = {.tell = service->settings.slow};

	settings_hooks(&service->settings, &options.hooks);
	return watch_new(&service->watch, &options, &sink);
}

/* Failures are logged. */
static int prepare(struct service *service, const struct config_source *source)
{
	int r = prepare_sinks(service);

	if (r < 0) {
		log_error("cannot prepare: %s", strerror(-r));
		return r;
	}
	r = watch_connections(service);
	if (r < 0) /* logged */
		return r;
	r = prepare_loop(service, source);
	if (r < 0)
		log_error("cannot prepare the event loop: %s", strerror(-r));
	return r;
}

/* What systemd passed goes before the configuration: the sandbox lets nothing else in. */
static int answer_prometheus(struct service *service, int passed, const char *passed_address)
{
	const struct listen_address *address = &service->settings.metrics_listen;
	const char *text = passed_address;
	int fd = passed;

	if (passed < 0) {
		if (!address->size)
			return 0;
		text = address->text;
		fd = listen_tcp(address);
	} else if (address->size) {
		log_warning("metrics-listen = %s is left out: systemd passed a socket on %s",
			    address->text, text);
	}
	if (fd == -EAFNOSUPPORT) /* logged; all else of the service is worth more than this */
		return 0;
	if (fd < 0) /* logged */
		return fd;
	log_info("/metrics for Prometheus on %s", text);
	return api_new_metrics(&service->metrics_api, service, fd);
}

static int answer_until_end(struct service *service)
{
	struct hooks *hooks = watch_hooks(service->watch);
	int r;

	log_info("ready on %s, backend %s: %s", service->settings.socket_path, hooks_backend(hooks),
		 hooks_backend_reason(hooks));
	sd_notify(0, "READY=1");
	r = sd_event_loop(watch_loop(service->watch));
	sd_notify(0, "STOPPING=1");
	return r;
}

int service_run(const struct settings *settings, const struct config_source *source)
{
	struct service service = {.settings = *settings,
				  .started_ns = clock_ns(CLOCK_REALTIME),
				  .since_ns = clock_monotonic_ns()};
	char passed_address[LISTEN_TEXT_SIZE];
	int passed, r;

	/* Before all else: loading the programs takes long. */
	r = reload_hold();
	if (r < 0) {
		log_error("cannot hold SIGHUP: %s", strerror(-r));
		return r;
	}
	passed = passed_socket(passed_address);
	if (passed < 0 && passed != -ENOENT) /* logged */
		return passed;
	service.watchdog = sd_watchdog_enabled(0, NULL) > 0;
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	r = prepare(&service, source);
	if (r >= 0)
		r = api_new(&service.api, &service, settings->socket_path);
	if (r >= 0)
		r = answer_prometheus(&service, passed, passed_address);
	if (r < 0) /* logged */
		goto out;
	r = privilege_drop();
	if (r < 0)
		log_error("cannot give up privileges: %s", strerror(-r));
	else
		r = answer_until_end(&service);
out:
	api_free(service.metrics_api);
	api_free(service.api);
	listing_free(service.report_look);
	listings_free(service.listings);
	findings_free(service.findings);
	watch_free(service.watch);
	journal_free(service.journal);
	events_free(service.events);
	metrics_free(service.metrics);
	stats_free(service.stats);
	return r;
}
