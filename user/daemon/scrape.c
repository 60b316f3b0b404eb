// SPDX-License-Identifier: GPL-2.0
#include "scrape.h"

#include "clock.h"
#include "metrics.h"
#include "status.h"

static void add_program(void *userdata, const struct hooks_program *program)
{
	array_add(userdata, program);
}

static void count_subscriber(void *userdata, struct subscriber *subscriber)
{
	uint64_t *count = userdata;

	(void)subscriber;
	++*count;
}

static void add_finding(void *userdata, const struct evidence *evidence,
			const struct finding *finding, int64_t since_ns)
{
	(void)since_ns;
	metrics_add_finding(userdata, evidence, finding);
}

static void add_listeners(struct metrics *metrics, const struct waiting *waiting)
{
	struct listener_event event;

	for (size_t i = 0; i < waiting_listener_count(waiting); i++) {
		waiting_listener(waiting, i, &event);
		metrics_add_listener(metrics, &event);
	}
	for (size_t i = 0; i < waiting_accept_count(waiting); i++) {
		const struct accept_record *record = waiting_accept(waiting, i);

		metrics_add_accepts(metrics, record, waiting_comm(waiting, record->key.pid));
	}
}

/* health->programs is to be cleared. */
static void read_health(struct service *service, struct metrics_health *health)
{
	struct hooks *hooks = watch_hooks(service->watch);
	int error;

	*health = (struct metrics_health){
		.backend = hooks_backend(hooks),
		.slow = *watch_slow(service->watch),
		.read = watch_ended(service->watch),
		.events_lost = events_lost(service->events),
		.tracked = hooks_tracked(hooks),
		.tracked_max = hooks_tracked_max(hooks),
		.look_ns = looker_last_ns(watch_looker(service->watch)),
		.unseen_namespaces = watch_unseen(service->watch, &error),
		.resident_bytes = status_resident_bytes(),
		.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
		.started_ns = service->started_ns,
	};
	hooks_counts(hooks, &health->counts);
	stats_usage(service->stats, &health->usage);
	events_for_each(service->events, count_subscriber, &health->subscribers);
	array_init(&health->programs, sizeof(struct hooks_program), SIZE_MAX);
	hooks_for_each_program(hooks, add_program, &health->programs);
}

int scrape(FILE *out, struct service *service, const struct waiting *waiting)
{
	struct metrics *metrics = service->metrics;
	struct metrics_health health;
	int r;

	metrics_begin(metrics, clock_monotonic_ns());
	add_listeners(metrics, waiting);
	findings_for_each(service->findings, add_finding, metrics);
	read_health(service, &health);
	r = metrics_print(out, metrics, service->stats, &health);
	array_clear(&health.programs);
	return r;
}
