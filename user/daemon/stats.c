// SPDX-License-Identifier: GPL-2.0
#include "stats.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mix.h"
#include "table.h"

#define ROWS_MAX 1000
#define CELLS_MAX (12 * 1024 * 1024 / sizeof(struct histogram_cell))

struct stats {
	struct thresholds thresholds;
	uint64_t seed;
	int64_t start_ns;
	int64_t next_tick_ns; /* when the next tick begins */
	uint64_t tick;
	struct table tables[STATS_TABLES];
	unsigned int shown; /* which of a row's two looks at what waits */
};

struct stats *stats_new(const struct stats_options *options, int64_t now_ns)
{
	size_t rows_max = options->rows_max ? options->rows_max : ROWS_MAX;
	size_t cells_max = options->cells_max ? options->cells_max : CELLS_MAX;
	struct stats *stats = calloc(1, sizeof(*stats));
	int err = 0;

	if (!stats)
		return NULL;
	stats->thresholds = options->thresholds;
	stats->seed = options->seed;
	stats->start_ns = now_ns;
	stats->next_tick_ns = now_ns + TICK_NS;
	/* Shares, so that no number of peers takes the percentiles from the services. */
	err |= table_init(&stats->tables[STATS_SERVICES], rows_max, cells_max - cells_max / 2);
	err |= table_init(&stats->tables[STATS_PROCESSES], rows_max, cells_max / 4);
	err |= table_init(&stats->tables[STATS_PEERS], rows_max, cells_max / 4);
	if (err) {
		stats_free(stats);
		return NULL;
	}
	return stats;
}

void stats_free(struct stats *stats)
{
	if (!stats)
		return;
	for (size_t i = 0; i < STATS_TABLES; i++)
		table_free(&stats->tables[i]);
	free(stats);
}

void stats_set_thresholds(struct stats *stats, const struct thresholds *thresholds)
{
	stats->thresholds = *thresholds;
}

static void advance(struct stats *stats, int64_t now_ns)
{
	if (now_ns < stats->next_tick_ns)
		return;
	stats->tick = (uint64_t)(now_ns - stats->start_ns) / TICK_NS;
	stats->next_tick_ns = stats->start_ns + (int64_t)(stats->tick + 1) * TICK_NS;
	for (size_t i = 0; i < STATS_TABLES; i++)
		table_advance(&stats->tables[i], stats->tick);
}

/* to is all zero. */
static void set_comm(char to[16], const char from[16])
{
	memccpy(to, from, '\0', 16);
}

static void set_measure(struct sample *sample, enum measure measure, int64_t ns)
{
	if (ns == UNKNOWN)
		return;
	sample->measures[measure] = (struct sample_measure){
		.count = 1,
		.sum_ns = (uint64_t)ns,
		.max_ns = (uint64_t)ns,
		.bucket = bucket_of((uint64_t)ns),
	};
}

/* What is a lower bound is in no measure. */
static void set_measures(struct sample *sample, const struct event *event)
{
	const struct conn *conn = &event->conn;

	if (!(conn->flags & CONN_OLD_FIN))
		set_measure(sample, MEASURE_CLOSE_WAIT, event->close_wait_ns);
	if (conn->flags & CONN_OLD)
		return;
	set_measure(sample, MEASURE_ACCEPT_WAIT, event->accept_wait_ns);
	set_measure(sample, MEASURE_LIFETIME, event->lifetime_ns);
	if (conn->established_ns && conn->close_wait_ns >= conn->established_ns)
		set_measure(sample, MEASURE_UNTIL_FIN,
			    (int64_t)(conn->close_wait_ns - conn->established_ns));
}

static bool is_over(int64_t wait_ns, int64_t threshold_ns)
{
	return wait_ns != UNKNOWN && wait_ns >= threshold_ns;
}

static void sample_from_event(struct sample *sample, const struct event *event,
			      const struct thresholds *thresholds)
{
	enum conn_end end = event->conn.end;

	memset(sample, 0, sizeof(*sample));
	sample->counts.ended = 1;
	sample->counts.ends[end < END_COUNT ? end : END_UNKNOWN] = 1;
	if (event->slow) {
		sample->counts.causes[event->cause] = 1;
		sample->counts.slow_accepts =
			is_over(event->accept_wait_ns, thresholds->accept_wait_ns);
		sample->counts.slow_closes =
			is_over(event->close_wait_ns, thresholds->close_wait_ns);
	}
	if (event->rx_bytes != UNKNOWN)
		sample->counts.rx_bytes = (uint64_t)event->rx_bytes;
	if (event->tx_bytes != UNKNOWN)
		sample->counts.tx_bytes = (uint64_t)event->tx_bytes;
	set_measures(sample, event);
}

/* Without the name, which set_comm() sets. */
static union row_key service_key(const struct conn *conn)
{
	bool server = conn->role == ROLE_SERVER;

	return (union row_key){
		.service = {.netns = server ? conn->netns : 0,
			    .port = server ? conn->local_port : conn->remote_port,
			    .role = conn->role},
	};
}

/* All services of a server's port have the same hash, so that they are found together. */
static uint64_t service_hash(const struct stats *stats, const union row_key *key)
{
	uint64_t hash = mix(stats->seed, key->words[0]);

	if (key->service.role == ROLE_SERVER)
		return hash;
	return mix(mix(hash, key->words[1]), key->words[2]);
}

static uint64_t key_hash(const struct stats *stats, const union row_key *key)
{
	return mix(mix(mix(stats->seed, key->words[0]), key->words[1]), key->words[2]);
}

/* The rows of a server's port. */
struct port {
	struct row *named, *presumed; /* the last of each */
	size_t named_count, presumed_count;
};

static struct port find_port(const struct table *table, const union row_key *key, uint64_t hash)
{
	struct port port = {0};
	struct row *row = NULL;

	while ((row = table_next(table, hash, row))) {
		if (row->key.words[0] != key->words[0])
			continue;
		if (row->presumed) {
			port.presumed = row;
			port.presumed_count++;
		} else {
			port.named = row;
			port.named_count++;
		}
	}
	return port;
}

/* The one service that a port has, as far as is known; or NULL. */
static struct row *only_service(const struct port *port)
{
	if (port->named_count)
		return port->named_count == 1 ? port->named : NULL;
	return port->presumed_count == 1 ? port->presumed : NULL;
}

/* The key has the owner's name. */
static struct row *service_of_owner(struct stats *stats, const union row_key *key)
{
	struct table *table = &stats->tables[STATS_SERVICES];
	uint64_t hash = service_hash(stats, key);
	struct row *row = table_find(table, key, hash);

	if (!row && key->service.role == ROLE_SERVER) {
		struct port port = find_port(table, key, hash);

		if (!port.named_count)
			row = only_service(&port);
		if (row)
			row->key = *key;
	}
	if (!row)
		return table_add(table, key, hash, stats->tick);
	row->presumed = false;
	return row;
}

/* The key of a server has the name that it probably has, or none. */
static struct row *service_without_owner(struct stats *stats, const union row_key *key)
{
	struct table *table = &stats->tables[STATS_SERVICES];
	uint64_t hash = service_hash(stats, key);
	struct port port = find_port(table, key, hash);
	struct row *row = only_service(&port);

	if (row && row->presumed && key->service.comm[0]) {
		if (row->key.service.comm[0])
			row = NULL; /* another's */
		else
			row->key = *key;
	}
	if (!row)
		row = table_find(table, key, hash);
	if (!row) {
		row = table_add(table, key, hash, stats->tick);
		if (row)
			row->presumed = true;
	}
	return row;
}

/*
 * Who probably has a server's connection without an owner: its holders, if they agree, who closed
 * it, or who called listen(). Often the same command, and the first that accepts will tell.
 */
static const char *presumed_comm(const struct event *event)
{
	const struct conn_task *closer = &event->conn.closer;
	const struct conn_task *listens = event->listener ? &event->listener->listener.owner : NULL;

	for (size_t i = 1; i < event->holder_count; i++) {
		if (memcmp(event->holders[i].comm, event->holders[0].comm, 16) != 0)
			return "";
	}
	if (event->holder_count)
		return event->holders[0].comm;
	if (event->accepted == YES && closer->pid)
		return closer->comm;
	return listens && listens->pid ? listens->comm : "";
}

static struct row *service_of_event(struct stats *stats, const struct event *event)
{
	const struct conn *conn = &event->conn;
	union row_key key = service_key(conn);

	if (conn->owner.pid || conn->role != ROLE_SERVER) {
		if (conn->owner.pid)
			set_comm(key.service.comm, conn->owner.comm);
		return service_of_owner(stats, &key);
	}
	set_comm(key.service.comm, presumed_comm(event));
	return service_without_owner(stats, &key);
}

/* The row of a process or a peer. */
static struct row *row_of_key(struct stats *stats, enum stats_table which, const union row_key *key)
{
	struct table *table = &stats->tables[which];
	uint64_t hash = key_hash(stats, key);
	struct row *row = table_find(table, key, hash);

	return row ? row : table_add(table, key, hash, stats->tick);
}

static struct row *process_of_event(struct stats *stats, const struct event *event)
{
	const struct conn_task *owner = &event->conn.owner;
	union row_key key = {.process = {.pid = owner->pid}};

	if (owner->pid)
		set_comm(key.process.comm, owner->comm);
	return row_of_key(stats, STATS_PROCESSES, &key);
}

static struct row *peer_of_event(struct stats *stats, const struct event *event)
{
	const struct conn *conn = &event->conn;
	union row_key key = {.peer = {.family = conn->family, .role = conn->role}};

	memcpy(key.peer.address, conn->remote_addr, sizeof(key.peer.address));
	return row_of_key(stats, STATS_PEERS, &key);
}

static void set_unit(struct row *row, const struct place *place)
{
	if (row && place && place->unit[0] && strcmp(row->unit, place->unit) != 0)
		memcpy(row->unit, place->unit, sizeof(row->unit));
}

/* Without a row, or without memory for its slot, to `other`. */
static void add(struct stats *stats, enum stats_table which, struct row *row,
		const struct sample *sample)
{
	struct table *table = &stats->tables[which];
	struct slot *slot = NULL;

	if (row) {
		table_touch(table, row, stats->tick);
		slot = row_slot(row, stats->tick, &table->budget);
	}
	if (!slot)
		slot = row_slot(&table->other, stats->tick, &table->budget);
	slot_add(slot, sample, &table->budget);
}

void stats_add(struct stats *stats, const struct event *event, int64_t now_ns)
{
	struct row *service, *process, *peer;
	struct sample sample;

	if (event->kind != RECORD_CLOSED)
		return;
	advance(stats, now_ns);
	service = service_of_event(stats, event);
	process = process_of_event(stats, event);
	peer = peer_of_event(stats, event);
	set_unit(service, event->owner_place);
	set_unit(process, event->owner_place);
	sample_from_event(&sample, event, &stats->thresholds);
	add(stats, STATS_SERVICES, service, &sample);
	add(stats, STATS_PROCESSES, process, &sample);
	add(stats, STATS_PEERS, peer, &sample);
}

/* NULL for what had no room in the kernel. */
static struct row *service_of_folded(struct stats *stats, const struct service_key *service)
{
	union row_key key = {
		.service = {.netns = service->netns, .port = service->port, .role = service->role}};

	if (!service->role)
		return NULL;
	set_comm(key.service.comm, service->comm);
	if (key.service.comm[0] || service->role != ROLE_SERVER)
		return service_of_owner(stats, &key);
	return service_without_owner(stats, &key);
}

static void set_folded_counts(struct counts *counts, const struct fold_record *record)
{
	uint8_t end = record->key.detail & ((1 << FOLD_CAUSE_SHIFT) - 1);
	uint8_t cause = record->key.detail >> FOLD_CAUSE_SHIFT;

	counts->ended = record->sums.count;
	counts->undetailed = record->sums.count;
	counts->ends[end < END_COUNT ? end : END_UNKNOWN] = record->sums.count;
	if (cause == FOLD_SLOW_WITHOUT_CAUSE)
		counts->causes[CAUSE_NONE] = record->sums.count;
	else if (cause != CAUSE_NONE && cause < CAUSE_COUNT)
		counts->causes[cause] = record->sums.count;
	counts->rx_bytes = record->sums.rx_bytes;
	counts->tx_bytes = record->sums.tx_bytes;
}

static void set_folded_measure(struct sample *sample, enum measure measure,
			       const struct fold_record *record)
{
	uint64_t middle = bucket_middle(record->key.bucket);

	sample->measures[measure] = (struct sample_measure){
		.count = record->sums.count,
		.sum_ns = record->sums.ns,
		.max_ns = middle < INT64_MAX ? middle : INT64_MAX, /* as times have */
		.bucket = record->key.bucket,
	};
}

/* Returns false if it is none of ours. */
static bool sample_from_folded(struct sample *sample, const struct fold_record *record)
{
	static const enum measure measures[] = {
		[FOLD_LIFETIME] = MEASURE_LIFETIME,
		[FOLD_ACCEPT_WAIT] = MEASURE_ACCEPT_WAIT,
		[FOLD_CLOSE_WAIT] = MEASURE_CLOSE_WAIT,
		[FOLD_UNTIL_FIN] = MEASURE_UNTIL_FIN,
	};
	const struct fold_key *key = &record->key;

	memset(sample, 0, sizeof(*sample));
	if (key->measure >= sizeof(measures) / sizeof(measures[0]))
		return false;
	if (key->measure == FOLD_LIFETIME)
		set_folded_counts(&sample->counts, record);
	else if (key->measure == FOLD_ACCEPT_WAIT && key->detail)
		sample->counts.slow_accepts = record->sums.count;
	else if (key->measure == FOLD_CLOSE_WAIT && key->detail)
		sample->counts.slow_closes = record->sums.count;
	if (key->bucket < BUCKETS)
		set_folded_measure(sample, measures[key->measure], record);
	return true;
}

void stats_add_folded(struct stats *stats, const struct fold_record *record, int64_t now_ns)
{
	struct sample sample;

	if (!sample_from_folded(&sample, record))
		return;
	advance(stats, now_ns);
	add(stats, STATS_SERVICES, service_of_folded(stats, &record->key.service), &sample);
}

void stats_waiting_begin(struct stats *stats, int64_t now_ns)
{
	struct table *table = &stats->tables[STATS_SERVICES];
	unsigned int next = !stats->shown;

	advance(stats, now_ns);
	for (size_t i = 0; i < table->count; i++)
		table->rows[i].waiting[next] = (struct waiting_counts){0};
	table->other.waiting[next] = (struct waiting_counts){0};
}

static void count_waiting(struct waiting_counts *counts, const struct event *event)
{
	const struct conn *conn = &event->conn;
	bool in_queue = event->accepted == NO;
	bool in_close_wait = conn_is_in_close_wait(conn);

	counts->accept_queue += in_queue;
	counts->close_wait += in_close_wait;
	if (event->slow)
		counts->causes[event->cause]++;
	if (in_queue && event->accept_wait_ns > counts->oldest_ns)
		counts->oldest_ns = event->accept_wait_ns;
	if (in_close_wait && event->close_wait_ns > counts->oldest_ns)
		counts->oldest_ns = event->close_wait_ns;
}

void stats_waiting_add(struct stats *stats, const struct event *event)
{
	struct table *table = &stats->tables[STATS_SERVICES];
	struct row *row = service_of_event(stats, event);

	if (row) {
		set_unit(row, event->owner_place);
		table_touch(table, row, stats->tick);
	}
	count_waiting(&(row ? row : &table->other)->waiting[!stats->shown], event);
}

void stats_waiting_end(struct stats *stats)
{
	stats->shown = !stats->shown;
}

void stats_usage(const struct stats *stats, struct stats_usage *usage)
{
	*usage = (struct stats_usage){.rows_max = stats->tables[0].max};
	for (size_t i = 0; i < STATS_TABLES; i++) {
		usage->rows[i] = stats->tables[i].count;
		usage->cells += stats->tables[i].budget.cells.used;
		usage->cells_max += stats->tables[i].budget.cells.max;
	}
}

void stats_view(struct stats *stats, int64_t now_ns, struct stats_view *view)
{
	advance(stats, now_ns);
	*view = (struct stats_view){
		.tables = stats->tables,
		.start_ns = stats->start_ns,
		.tick = stats->tick,
		.shown = stats->shown,
		.thresholds = stats->thresholds,
	};
}
