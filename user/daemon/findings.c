// SPDX-License-Identifier: GPL-2.0
#include "findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "evidence_json.h"
#include "log.h"
#include "reading.h"
#include "render.h"
#include "scan.h"
#include "told.h"
#include "turn.h"

/*
 * Connections that one reading looks at with their holders; and those that it only counts, which
 * takes some 2 µs for each.
 */
#define CONNECTIONS_MAX 20000
#define COUNTED_MAX 200000

/* A reading comes after so many times of its cost: 1 % of a CPU, but for what follows. */
#define COST_SHARE 100

/* What is over must be gone within ten seconds, whatever it costs to see that. */
#define INTERVAL_MAX_NS (8 * NSEC_PER_SEC)

/* What a reading does next; each is done in one or more turns of the loop. */
enum step {
	STEP_NONE,
	STEP_TAKE, /* connection by connection, from the look: which can fail and begin anew */
	STEP_SYMBOLS, /* once, and again after one that was not known */
	STEP_THREADS_BEGIN,
	STEP_THREADS,
	STEP_PROCESSES,
	STEP_SERVICES,
	STEP_NODE,
	STEP_JUDGE,
	STEP_END,
};

/* A service that has something waiting, and what is found of it. */
struct patient {
	bool seen; /* by this reading */
	unsigned int readings; /* in a row */
	unsigned int absent; /* readings since it was seen last */
	struct service_id id;
	struct evidence evidence;
	struct diagnosis diagnosis; /* as of the last reading */
	struct told told[FINDINGS];
};

struct findings {
	struct watch *watch;
	sd_event_source *turn; /* of the next piece of a step */
	struct reading *now, *before;
	struct recent recent;
	struct symbols *symbols; /* NULL: cannot be had */
	bool symbols_loaded;
	int symbols_error; /* -errno, if they cannot be had */
	struct proc_mounts mounts;
	enum step step;
	size_t at; /* process, service or patient of the step */
	struct scan_reader threads;
	struct patient *patients[READING_SERVICES_MAX];
	size_t patient_count;
	int64_t walk_ns; /* CPU time: the least that a walk over all connections took */
	int64_t next_ns; /* CLOCK_MONOTONIC: no reading before */
	int64_t cost_ns; /* CPU time of this reading, */
	int64_t last_cost_ns; /* and of the last */
	int64_t read_ns; /* CLOCK_REALTIME of the last; 0: there was none */
	int64_t interval_ns; /* to the next */
};

static const struct thresholds *thresholds(const struct findings *findings)
{
	return watch_slow(findings->watch);
}

static void forget(struct findings *findings, size_t i)
{
	free(findings->patients[i]);
	findings->patients[i] = findings->patients[--findings->patient_count];
}

/* The one that has not waited for the longest goes; those of this reading are never too many. */
static void make_room(struct findings *findings)
{
	size_t longest = findings->patient_count;

	for (size_t i = 0; i < findings->patient_count; i++) {
		const struct patient *patient = findings->patients[i];

		if (!reading_find_service(findings->now, &patient->id) &&
		    (longest == findings->patient_count ||
		     patient->absent > findings->patients[longest]->absent))
			longest = i;
	}
	if (longest < findings->patient_count)
		forget(findings, longest);
}

/* NULL: there is no memory. */
static struct patient *patient_of(struct findings *findings, const struct service_id *id)
{
	struct patient *patient;

	for (size_t i = 0; i < findings->patient_count; i++) {
		if (service_id_is(&findings->patients[i]->id, id))
			return findings->patients[i];
	}
	if (findings->patient_count == READING_SERVICES_MAX)
		make_room(findings);
	patient = calloc(1, sizeof(*patient));
	if (!patient)
		return NULL;
	patient->id = *id;
	findings->patients[findings->patient_count++] = patient;
	return patient;
}

static void judge(struct findings *findings, size_t i)
{
	struct patient *patient = patient_of(findings, &findings->now->services[i].id);

	if (!patient)
		return;
	patient->seen = true;
	patient->readings++;
	patient->absent = 0;
	evidence_make(&patient->evidence, findings->now, findings->before, i, thresholds(findings),
		      clock_realtime_offset_ns());
	diagnose(&patient->evidence, &patient->diagnosis);
	told_update(patient->told, &patient->diagnosis, findings->now->time_ns,
		    clock_monotonic_ns());
}

/* Of what does not wait any more. */
static void judge_absent(struct findings *findings)
{
	for (size_t i = 0; i < findings->patient_count;) {
		struct patient *patient = findings->patients[i];

		if (!patient->seen) {
			patient->readings = 0;
			told_update(patient->told, NULL, 0, clock_monotonic_ns());
			if (++patient->absent >= TOLD_ABSENT_MAX) {
				forget(findings, i);
				continue;
			}
		}
		patient->seen = false;
		i++;
	}
}

/*
 * To the next reading. The cheaper of two counts: one can cost much by chance, as where the host of
 * this machine has taken the CPU away meanwhile.
 */
static int64_t interval_ns(int64_t cost_ns, int64_t last_cost_ns)
{
	int64_t ns = COST_SHARE * (cost_ns < last_cost_ns ? cost_ns : last_cost_ns);

	return ns < INTERVAL_MAX_NS ? ns : INTERVAL_MAX_NS;
}

static void end_reading(struct findings *findings)
{
	struct reading *before = findings->before;
	int64_t now_ns = clock_monotonic_ns();

	judge_absent(findings);
	findings->before = findings->now;
	findings->now = before;
	findings->read_ns = clock_ns(CLOCK_REALTIME);
	findings->interval_ns = interval_ns(findings->cost_ns, findings->last_cost_ns);
	findings->last_cost_ns = findings->cost_ns;
	findings->next_ns = now_ns + findings->interval_ns;
}

static void on_thread(void *userdata, const void *element)
{
	struct findings *findings = userdata;

	reading_add_thread(findings->now, findings->before, element,
			   findings->symbols_loaded ? findings->symbols : NULL);
}

static void forget_symbols(struct findings *findings, int error)
{
	log_warning(
		"the kernel's functions are not known (/proc/kallsyms: %s): what threads wait in "
		"shows by their state alone. It takes root or CAP_SYSLOG, and a "
		"kernel.kptr_restrict of less than 2",
		strerror(-error));
	symbols_free(findings->symbols);
	findings->symbols = NULL;
	findings->symbols_error = error;
}

static int load_symbols(struct findings *findings)
{
	int r;

	if (!findings->symbols ||
	    (findings->symbols_loaded && !symbols_renew(findings->symbols, clock_monotonic_ns())))
		return 0;
	r = symbols_load(findings->symbols);
	findings->symbols_loaded = r == 0;
	if (r < 0)
		forget_symbols(findings, r);
	return r > 0;
}

static int begin_threads(struct findings *findings)
{
	uint32_t pids[READING_PROCESSES_MAX];
	struct hooks *hooks = watch_hooks(findings->watch);

	hooks_set_threads(hooks, pids, reading_pids(findings->now, pids));
	return scan_begin(&findings->threads, hooks, SCAN_THREADS);
}

static int read_threads(struct findings *findings)
{
	struct hooks *hooks = watch_hooks(findings->watch);
	int r = scan_read(&findings->threads, on_thread, findings);

	if (r > 0)
		return 1;
	scan_close(&findings->threads);
	for (size_t i = 0; r == 0 && i < findings->now->process_count; i++) {
		struct evidence_process *seen = &findings->now->processes[i].seen;
		uint32_t all = hooks_threads(hooks, i);

		seen->threads_left_out = all > seen->threads ? all - seen->threads : 0;
	}
	reading_end_threads(findings->now, clock_monotonic_ns());
	return r;
}

/* Each returns 1: there is more of this step; 0: the next one is due; -errno: without it. */
static int do_step(struct findings *findings)
{
	struct reading *now = findings->now;

	switch (findings->step) {
	case STEP_SYMBOLS:
		return load_symbols(findings);
	case STEP_THREADS_BEGIN:
		return begin_threads(findings);
	case STEP_THREADS:
		return read_threads(findings);
	case STEP_PROCESSES:
		if (findings->at < now->process_count)
			reading_read_process(now, findings->at, &findings->mounts,
					     watch_places(findings->watch));
		return ++findings->at < now->process_count;
	case STEP_SERVICES:
		if (findings->at < now->service_count)
			reading_read_service(now, findings->at);
		return ++findings->at < now->service_count;
	case STEP_NODE:
		reading_read_node(now, clock_monotonic_ns());
		return 0;
	case STEP_JUDGE:
		if (findings->at < now->service_count)
			judge(findings, findings->at);
		return ++findings->at < now->service_count;
	case STEP_NONE:
	case STEP_TAKE:
	case STEP_END:
		break;
	}
	return 0;
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct findings *findings = userdata;
	int64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int r = do_step(findings);

	(void)source;
	/* The kernel's functions are read seldom, whatever that takes. */
	if (findings->step != STEP_SYMBOLS)
		findings->cost_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	if (r < 0) {
		log_warning("cannot read the threads of processes: %s", strerror(-r));
		scan_close(&findings->threads);
		findings->step = STEP_THREADS;
	}
	if (r <= 0) {
		findings->at = 0;
		findings->step++;
	}
	if (findings->step < STEP_END)
		return turn_ask(watch_loop(findings->watch), &findings->turn, on_turn, findings);
	end_reading(findings);
	findings->step = STEP_NONE;
	return 0;
}

/* Nothing waits: what was found goes as it would by a reading that finds nothing. */
static void be_quiet(struct findings *findings)
{
	judge_absent(findings);
	reading_forget(findings->before);
}

struct watch_wanted findings_begin(struct findings *findings)
{
	/* Looks come once a second: one that comes a little early is not left out for it. */
	bool due = clock_monotonic_ns() >= findings->next_ns - NSEC_PER_SEC / 10;

	if (findings->step > STEP_TAKE || !due)
		return (struct watch_wanted){};
	reading_begin(findings->now, findings->before);
	findings->cost_ns = 0;
	findings->step = STEP_TAKE;
	return (struct watch_wanted){.in_full = CONNECTIONS_MAX, .counted = COUNTED_MAX};
}

/*
 * What the look took for this: the walk over all connections is done once a second anyway, and
 * takes longer only by what is told.
 */
static int64_t look_cost(struct findings *findings, const struct waiting *all)
{
	int64_t walk_ns = waiting_walk_cpu_ns(all);

	if (!findings->walk_ns || walk_ns < findings->walk_ns)
		findings->walk_ns = walk_ns;
	return walk_ns - findings->walk_ns + waiting_rest_cpu_ns(all);
}

void findings_counted(struct findings *findings, const struct event *event)
{
	reading_count(findings->now, event);
}

void findings_waiting(struct findings *findings, const struct event *event)
{
	reading_add(findings->now, event);
}

void findings_looked(struct findings *findings, const struct watch_looked *looked)
{
	int64_t cpu_ns;

	if (findings->step > STEP_TAKE)
		return;
	if (!looked->slow)
		be_quiet(findings);
	if (!looked->all)
		return;
	if (!findings->now->service_count) {
		findings->step = STEP_NONE;
		return;
	}
	findings->cost_ns += looked->told_cpu_ns + look_cost(findings, looked->all);
	cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	reading_end(findings->now, looked->all, &findings->recent, watch_places(findings->watch));
	findings->cost_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	findings->now->left_out += looked->left_out;
	if (turn_ask(watch_loop(findings->watch), &findings->turn, on_turn, findings) == 0)
		findings->step = STEP_SYMBOLS;
}

void findings_event(struct findings *findings, const struct event *event, int64_t now_ns)
{
	recent_add(&findings->recent, event, thresholds(findings), now_ns);
}

int findings_new(struct findings **ret, struct watch *watch)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	int r = -ENOMEM;

	if (!findings)
		return r;
	findings->watch = watch;
	findings->now = reading_new();
	findings->before = reading_new();
	findings->symbols = symbols_new();
	if (findings->now && findings->before && findings->symbols)
		r = 0;
	if (r < 0) {
		findings_free(findings);
		return r;
	}
	r = symbols_open(findings->symbols, "/proc/kallsyms");
	if (r < 0)
		forget_symbols(findings, r);
	proc_mounts(&findings->mounts); /* without cgroups there is nothing to read of them */
	*ret = findings;
	return 0;
}

int findings_unseen(const struct findings *findings)
{
	return findings->symbols_error;
}

void findings_free(struct findings *findings)
{
	if (!findings)
		return;
	while (findings->patient_count)
		forget(findings, 0);
	sd_event_source_disable_unref(findings->turn);
	scan_close(&findings->threads);
	symbols_free(findings->symbols);
	reading_free(findings->now);
	reading_free(findings->before);
	free(findings);
}

void findings_for_each(const struct findings *findings, finding_fn fn, void *userdata)
{
	for (size_t i = 0; i < findings->patient_count; i++) {
		const struct patient *patient = findings->patients[i];

		for (int code = 0; code < FINDINGS; code++) {
			if (patient->told[code].shown)
				fn(userdata, &patient->evidence, &patient->told[code].finding,
				   patient->told[code].since_ns + clock_realtime_offset_ns());
		}
	}
}

static bool is_wanted(const struct evidence *evidence, uint16_t port, uint32_t pid)
{
	if (port && evidence->port != port)
		return false;
	for (size_t i = 0; pid && i < evidence->process_count; i++) {
		if (evidence->processes[i].pid == pid)
			return true;
	}
	return !pid;
}

static json_t *shown_findings(const struct patient *patient)
{
	int64_t offset_ns = clock_realtime_offset_ns();
	json_t *array = json_array();

	for (int code = 0; code < FINDINGS; code++) {
		if (patient->told[code].shown)
			json_array_append_new(
				array, json_finding(&patient->told[code].finding,
						    patient->told[code].since_ns + offset_ns));
	}
	return array;
}

static json_t *services(const struct findings *findings, uint16_t port, uint32_t pid)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->patient_count; i++) {
		const struct patient *patient = findings->patients[i];

		if (is_wanted(&patient->evidence, port, pid))
			json_array_append_new(
				array, json_service(&patient->evidence, &patient->diagnosis,
						    shown_findings(patient), patient->readings));
	}
	return array;
}

/* Of whose processes some are in no evidence: the one that is asked for can be one of these. */
static json_int_t services_in_part(const struct findings *findings)
{
	json_int_t count = 0;

	for (size_t i = 0; i < findings->patient_count; i++)
		count += findings->patients[i]->evidence.processes_left_out > 0;
	return count;
}

json_t *findings_json(const struct findings *findings, uint16_t port, uint32_t pid)
{
	char now[RENDER_TIME_SIZE], read[RENDER_TIME_SIZE];
	const struct reading *last = findings->before;

	return json_pack("{s:s, s:{s:s?, s:o, s:o, s:I, s:I, s:I, s:I}, s:o}", "time",
			 render_time(clock_ns(CLOCK_REALTIME), now), "reading", "time",
			 findings->read_ns ? render_time(findings->read_ns, read) : NULL, "cost_ms",
			 json_milliseconds(findings->read_ns ? findings->last_cost_ns : UNKNOWN),
			 "interval_ms",
			 json_milliseconds(findings->read_ns ? findings->interval_ns : UNKNOWN),
			 "connections_left_out", (json_int_t)last->left_out, "services_left_out",
			 (json_int_t)last->services_left_out, "processes_left_out",
			 (json_int_t)last->processes_left_out, "services_in_part",
			 services_in_part(findings), "services", services(findings, port, pid));
}
