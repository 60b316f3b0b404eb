// SPDX-License-Identifier: GPL-2.0
#include "hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "load.h"
#include "log.h"
#include "slowclose.skel.h"

struct hooks {
	struct loaded loaded;
	struct ring_buffer *ring;
	hooks_record_fn on_record;
	void *userdata;
	const struct conn_cpu *cpus; /* the kernel's, one for each possible CPU */
	int cpu_count;
	int batch_left; /* records that may still be handed over */
	const void *walk_room; /* the kernel's, where scans are walks; else NULL */
	uint64_t walked; /* connections that the scan had passed when it began with this table */
	uint64_t tracked; /* by the last look at all connections */
};

static int receive(void *userdata, void *data, size_t size)
{
	struct hooks *hooks = userdata;

	if (size == sizeof(struct record))
		hooks->on_record(hooks->userdata, data);
	/* An error ends the reading; this record is behind it. */
	return --hooks->batch_left ? 0 : -EAGAIN;
}

static size_t cpus_size(const struct hooks *hooks)
{
	size_t page = sysconf(_SC_PAGESIZE), size = hooks->cpu_count * sizeof(*hooks->cpus);

	return (size + page - 1) / page * page;
}

static int map_cpus(struct hooks *hooks)
{
	const struct bpf_map *map = hooks->loaded.skel->maps.cpus;
	void *cpus;
	int r;

	hooks->cpu_count = (int)bpf_map__max_entries(map);
	cpus = mmap(NULL, cpus_size(hooks), PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (cpus == MAP_FAILED) {
		r = -errno;
		log_error("cannot map the counters: %s", strerror(-r));
		return r;
	}
	hooks->cpus = cpus;
	return 0;
}

static int map_walk_room(struct hooks *hooks)
{
	const struct bpf_map *map = hooks->loaded.skel->maps.walk_room;
	void *room;
	int r;

	room = mmap(NULL, WALK_ROOM, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (room == MAP_FAILED) {
		r = -errno;
		log_error("cannot map what walks tell: %s", strerror(-r));
		return r;
	}
	hooks->walk_room = room;
	return 0;
}

static int map_ring(struct hooks *hooks)
{
	int fd = bpf_map__fd(hooks->loaded.skel->maps.ring), r;

	hooks->ring = ring_buffer__new(fd, receive, hooks, NULL);
	if (hooks->ring)
		return 0;
	r = -errno;
	log_error("cannot map the ring buffer: %s", strerror(-r));
	return r;
}

int hooks_attach(struct hooks **ret, const struct hooks_options *options, hooks_record_fn on_record,
		 void *userdata)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));
	int r;

	if (!hooks)
		return -ENOMEM;
	hooks->on_record = on_record;
	hooks->userdata = userdata;
	r = load_programs(&hooks->loaded, options);
	if (r == 0)
		r = map_cpus(hooks);
	if (r == 0 && hooks->loaded.walks)
		r = map_walk_room(hooks);
	if (r == 0 && !options->scans_only)
		r = map_ring(hooks);
	if (r < 0)
		hooks_free(hooks);
	else
		*ret = hooks;
	return r;
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	ring_buffer__free(hooks->ring);
	if (hooks->cpus)
		munmap((void *)hooks->cpus, cpus_size(hooks));
	if (hooks->walk_room)
		munmap((void *)hooks->walk_room, WALK_ROOM);
	slowclose_bpf__destroy(hooks->loaded.skel);
	free(hooks);
}

int hooks_fd(const struct hooks *hooks)
{
	return ring_buffer__epoll_fd(hooks->ring);
}

int hooks_consume(struct hooks *hooks, int most)
{
	int r;

	hooks->batch_left = most;
	r = ring_buffer__consume(hooks->ring);
	return r == -EAGAIN && !hooks->batch_left ? most : r;
}

struct skipped {
	uint64_t runs;
};

static void add_skipped(void *userdata, const struct hooks_program *program)
{
	struct skipped *skipped = userdata;

	skipped->runs += program->skipped;
}

void hooks_counts(const struct hooks *hooks, struct hooks_counts *counts)
{
	struct skipped skipped = {};

	memset(counts, 0, sizeof(*counts));
	for (int cpu = 0; cpu < hooks->cpu_count; cpu++) {
		counts->records += hooks->cpus[cpu].records;
		counts->folded += hooks->cpus[cpu].folded;
		for (int i = 0; i < LOSS_COUNT; i++)
			counts->losses[i] += hooks->cpus[cpu].losses[i];
	}
	hooks_for_each_program(hooks, add_skipped, &skipped);
	counts->skipped = skipped.runs;
}

void hooks_set_slow(struct hooks *hooks, const struct thresholds *slow)
{
	hooks->loaded.skel->data->slow_close_wait_ns = slow->close_wait_ns;
	hooks->loaded.skel->data->slow_accept_wait_ns = slow->accept_wait_ns;
}

void hooks_set_stream(struct hooks *hooks, bool slow_only)
{
	hooks->loaded.skel->data->stream_slow_only = slow_only;
}

/* Whether the kernel measures how long programs run; before it did, nobody could ask for it. */
static bool programs_timed(void)
{
	FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");
	bool timed = file && fgetc(file) == '1';

	if (file)
		fclose(file);
	return timed;
}

void hooks_for_each_program(const struct hooks *hooks, hooks_program_fn fn, void *userdata)
{
	struct bpf_program *program;
	bool timed = programs_timed();

	bpf_object__for_each_program(program, hooks->loaded.skel->obj)
	{
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd < 0 || !bpf_program__autoattach(program) ||
		    bpf_obj_get_info_by_fd(fd, &info, &size))
			continue;
		fn(userdata, &(struct hooks_program){
				     .name = bpf_program__name(program),
				     .timed = timed,
				     .runs = info.run_cnt,
				     .run_ns = info.run_time_ns,
				     .skipped = info.recursion_misses, /* 0 before 5.12 */
			     });
	}
}

uint64_t hooks_tracked(const struct hooks *hooks)
{
	return hooks->tracked;
}

uint64_t hooks_tracked_max(const struct hooks *hooks)
{
	const struct slowclose_bpf *skel = hooks->loaded.skel;
	uint64_t slots = skel->rodata->has_slots ? SLOTS : 0;
	uint64_t more = skel->rodata->has_more ? bpf_map__max_entries(skel->maps.conns_more) : 0;

	return slots + bpf_map__max_entries(skel->maps.conns) + more;
}

bool hooks_follow(const struct hooks *hooks)
{
	return hooks->ring;
}

void hooks_begin_look(struct hooks *hooks, const struct scan_options *options)
{
	struct slowclose_bpf__bss *bss = hooks->loaded.skel->bss;

	hooks->tracked = bss->scan_tracked;
	bss->scan_tracked = 0;
	bss->scan_slow = 0;
	bss->scan_told = 0;
	bss->scan_look = bss->scan_look % LOOKS + 1;
	bss->scan_close_wait_ns = options->least.close_wait_ns;
	bss->scan_accept_wait_ns = options->least.accept_wait_ns;
	bss->scan_tells_once = options->once;
	bss->scan_marks = options->mark;
	bss->scan_most = options->most ? options->most : UINT64_MAX;
	bss->scan_most_counted = options->most_counted;
}

static bool is_of_look(enum scan scan)
{
	return scan == SCAN_WAITING_SLOTS || scan == SCAN_WAITING || scan == SCAN_WAITING_MORE;
}

bool hooks_in_use(const struct hooks *hooks, enum scan scan)
{
	const struct slowclose_bpf *skel = hooks->loaded.skel;

	switch (scan) {
	case SCAN_WAITING_SLOTS:
		return skel->rodata->has_slots;
	case SCAN_WAITING:
		return !skel->rodata->has_slots || skel->data->conns_used;
	case SCAN_WAITING_MORE:
		return skel->data->more_used;
	default:
		return true;
	}
}

void hooks_set_threads(struct hooks *hooks, const uint32_t *pids, size_t count)
{
	struct slowclose_bpf__bss *bss = hooks->loaded.skel->bss;

	for (size_t i = 0; i < count; i++)
		bss->thread_pids[i] = pids[i];
	memset(bss->thread_counts, 0, sizeof(bss->thread_counts));
	bss->thread_pid_count = (uint32_t)count;
}

uint32_t hooks_threads(const struct hooks *hooks, size_t i)
{
	return hooks->loaded.skel->bss->thread_counts[i];
}

uint64_t hooks_slow(const struct hooks *hooks)
{
	return hooks->loaded.skel->bss->scan_slow;
}

uint64_t hooks_untold(const struct hooks *hooks)
{
	const struct slowclose_bpf__bss *bss = hooks->loaded.skel->bss;
	uint64_t more = bss->scan_told > bss->scan_most ? bss->scan_told - bss->scan_most : 0;

	return more > bss->scan_most_counted ? more - bss->scan_most_counted : 0;
}

/* What a scan reads. */
struct source {
	const struct bpf_program *program;
	const struct bpf_map *map; /* of which it iterates over the elements, */
	enum walk walk; /* or which a walk goes through */
};

static struct source source_of(const struct slowclose_bpf *skel, enum scan scan)
{
	switch (scan) {
	case SCAN_EXISTING:
		return (struct source){skel->progs.sc_existing, NULL, WALK_NONE};
	case SCAN_WAITING_SLOTS:
		return (struct source){skel->progs.sc_waiting_slots, skel->maps.slots,
				       WALK_WAITING_SLOTS};
	case SCAN_WAITING:
		return (struct source){skel->progs.sc_waiting, skel->maps.conns, WALK_WAITING};
	case SCAN_WAITING_MORE:
		return (struct source){skel->progs.sc_waiting, skel->maps.conns_more,
				       WALK_WAITING_MORE};
	case SCAN_LISTENERS:
		return (struct source){skel->progs.sc_listeners, skel->maps.listeners,
				       WALK_LISTENERS};
	case SCAN_HOLDERS:
		return (struct source){skel->progs.sc_holders, NULL, WALK_NONE};
	case SCAN_ACCEPTS:
		return (struct source){skel->progs.sc_accepts, skel->maps.accepts, WALK_ACCEPTS};
	case SCAN_FOLDS:
		return (struct source){skel->progs.sc_folds, skel->maps.folds, WALK_FOLDS};
	case SCAN_FOLDS_OTHER:
		return (struct source){skel->progs.sc_folds, skel->maps.folds_other,
				       WALK_FOLDS_OTHER};
	default:
		return (struct source){skel->progs.sc_threads, NULL, WALK_NONE};
	}
}

static int iterate(const struct source *source)
{
	union bpf_iter_link_info info = {};
	LIBBPF_OPTS(bpf_iter_attach_opts, options);
	struct bpf_link *link;
	int fd;

	if (source->map) {
		info.map.map_fd = bpf_map__fd(source->map);
		options.link_info = &info;
		options.link_info_len = sizeof(info);
	}
	link = bpf_program__attach_iter(source->program, &options);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link); /* the descriptor keeps what it needs */
	return fd;
}

int hooks_scan(struct hooks *hooks, enum scan scan)
{
	struct source source = source_of(hooks->loaded.skel, scan);

	if (is_of_look(scan))
		hooks->walked = hooks->loaded.skel->bss->scan_tracked;
	return hooks->walk_room && source.map ? HOOKS_WALK : iterate(&source);
}

int hooks_walk(struct hooks *hooks, enum scan scan, const void **elements, size_t *size)
{
	struct slowclose_bpf *skel = hooks->loaded.skel;
	struct slowclose_bpf__bss *bss = skel->bss;
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int r;

	bss->walk_map = source_of(skel, scan).walk;
	if (is_of_look(scan))
		bss->scan_tracked = hooks->walked; /* each run passes all of them */
	r = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.sc_walk), &options);
	if (r < 0)
		return r;
	*elements = hooks->walk_room;
	*size = bss->walk_bytes;
	return bss->walk_stopped;
}

const char *hooks_backend(const struct hooks *hooks)
{
	return hooks->loaded.backend;
}

const char *hooks_backend_reason(const struct hooks *hooks)
{
	return hooks->loaded.reason;
}
