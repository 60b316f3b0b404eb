// SPDX-License-Identifier: GPL-2.0
#include "hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <malloc.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "log.h"
#include "room.h"
#include "slowclose.skel.h"

/* An eighth of the connections that may be followed at once is in the small table. */
#define SMALL_PART 8

/* A preallocated map takes all its memory at once, so they are smaller: 27 MiB and 2 MiB. */
#define PREALLOCATED_CONNECTIONS 131072
#define PREALLOCATED_FOLDS 8192

/* include/linux/errno.h: of the kernel alone, yet bpf() returns it. */
#define ENOTSUPP 524

struct hooks {
	struct slowclose_bpf *skel;
	struct ring_buffer *ring;
	hooks_record_fn on_record;
	void *userdata;
	const char *backend;
	char reason[128];
	const struct conn_cpu *cpus; /* the kernel's, one for each possible CPU */
	int cpu_count;
	uint32_t room; /* connections for which there is memory */
	uint64_t memory_limit; /* of the cgroup, in bytes */
	int batch_left; /* records that may still be handed over */
	uint64_t tracked; /* by the last look at all connections */
};

/* What the running kernel has, by its BTF. */
struct kernel {
	bool graft; /* security_sock_graft() */
	bool accept_arg; /* struct proto_accept_arg, since 6.10 */
	bool mem_alloc; /* BPF's own allocator, since 6.1 */
	bool preempt_disable; /* bpf_preempt_disable(), since 6.10 */
	bool preemptible_tracepoints; /* under SRCU instead of preempt_disable(), since 7.0 */
};

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (!log_debug_enabled || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, args);
}

static bool has(const struct btf *btf, const char *name, __u32 kind)
{
	return btf__find_by_name_kind(btf, name, kind) > 0;
}

static int kernel_probe(struct kernel *kernel)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf) {
		log_line(
			"this kernel has no type information (BTF): /sys/kernel/btf/vmlinux cannot "
			"be read. Use a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as "
			"Debian's since 11");
		return -ENOENT;
	}
	kernel->graft = has(btf, "security_sock_graft", BTF_KIND_FUNC);
	kernel->accept_arg = has(btf, "proto_accept_arg", BTF_KIND_STRUCT);
	kernel->mem_alloc = has(btf, "bpf_mem_alloc", BTF_KIND_STRUCT);
	kernel->preempt_disable = has(btf, "bpf_preempt_disable", BTF_KIND_FUNC);
	kernel->preemptible_tracepoints = has(btf, "class_srcu_fast_notrace_t", BTF_KIND_TYPEDEF);
	btf__free(btf);
	return 0;
}

/* Why nothing can be loaded at all, said once and before anything else fails of it. */
static int bpf_probe(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sc_probe", 4, 4, 1, NULL);

	if (fd == -ENOSYS) {
		log_line("this kernel has no BPF. Use one built with CONFIG_BPF_SYSCALL=y");
		return fd;
	}
	if (fd < 0 && geteuid() != 0) {
		log_line("no permission to load BPF programs. Run as root (sudo slowclosed …), or "
			 "with the capabilities CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN");
		return fd;
	}
	if (fd < 0) {
		log_line("BPF is forbidden here, though this is root: %s. In a container, give it "
			 "CAP_BPF and CAP_PERFMON and a seccomp profile with bpf(); on a "
			 "locked-down "
			 "kernel, see /sys/kernel/security/lockdown",
			 strerror(-fd));
		return fd;
	}
	close(fd);

	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sc_probe", 0, 0, sysconf(_SC_PAGESIZE), NULL);
	if (fd < 0 && fd != -EPERM) {
		log_line(
			"this kernel is too old: it has no BPF ring buffer (%s). Use 5.10 or newer",
			strerror(-fd));
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

/*
 * The system calls' tracepoints are found through tracefs. Where nobody has mounted it, mount it
 * for this process alone.
 */
static int tracefs_ensure(void)
{
	static const char *const paths[] = {"/sys/kernel/tracing/events",
					    "/sys/kernel/debug/tracing/events"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		/* access() would ask without the capabilities of a user who is not root. */
		if (faccessat(AT_FDCWD, paths[i], F_OK, AT_EACCESS) == 0)
			return 0;
		if (errno == EACCES)
			return -EACCES;
	}
	/* A mount propagates as the one that it is on: /sys. The root need not be one (chroot). */
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/sys", NULL, MS_PRIVATE, NULL) == 0 &&
	    mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) == 0)
		return 0;
	return -errno;
}

static void choose_programs(struct slowclose_bpf *skel, const struct kernel *kernel,
			    enum backend backend)
{
	bool fentry = backend == BACKEND_FENTRY;

	/* A softirq can fall into one look, so two are enough, until tasks are preempted in them */
	bpf_program__set_autoload(skel->progs.sc_state_2, kernel->preemptible_tracepoints);
	bpf_program__set_autoload(skel->progs.sc_state_3, kernel->preemptible_tracepoints);
	bpf_program__set_autoload(skel->progs.sc_graft, fentry && kernel->graft);
	/* Both load on 6.1, and one of them is wrong: BTF decides. */
	bpf_program__set_autoload(skel->progs.sc_accept, fentry && kernel->accept_arg);
	bpf_program__set_autoload(skel->progs.sc_accept_before_6_10, fentry && !kernel->accept_arg);
	bpf_program__set_autoload(skel->progs.sc_accept_failed, fentry);
	bpf_program__set_autoload(skel->progs.sc_close, fentry);
	bpf_program__set_autoload(skel->progs.sc_exit_accept, !fentry);
	bpf_program__set_autoload(skel->progs.sc_exit_accept4, !fentry);
}

/* Scans are programs that run when they are read, so they are not attached with the others. */
static void choose_scans(struct slowclose_bpf *skel, bool scans_only)
{
	struct bpf_program *const scans[] = {skel->progs.sc_existing,  skel->progs.sc_waiting,
					     skel->progs.sc_listeners, skel->progs.sc_accepts,
					     skel->progs.sc_folds,     skel->progs.sc_holders,
					     skel->progs.sc_threads};
	struct bpf_program *program;

	if (scans_only) {
		bpf_object__for_each_program(program, skel->obj)
			bpf_program__set_autoload(program, false);
	}
	for (size_t i = 0; i < sizeof(scans) / sizeof(scans[0]); i++) {
		bpf_program__set_autoload(scans[i], true);
		bpf_program__set_autoattach(scans[i], false);
	}
}

static void preallocate(struct bpf_map *map, __u32 entries)
{
	bpf_map__set_map_flags(map, 0);
	bpf_map__set_max_entries(map, entries);
}

static void size_tables(struct slowclose_bpf *skel, __u32 max)
{
	__u32 small = max / SMALL_PART;

	if (!small) {
		skel->rodata->has_more = false;
		bpf_map__set_max_entries(skel->maps.conns, max);
		bpf_map__set_max_entries(skel->maps.conns_more, 1);
		return;
	}
	bpf_map__set_max_entries(skel->maps.conns, small);
	bpf_map__set_max_entries(skel->maps.conns_more, max - small);
}

static void size_maps(struct slowclose_bpf *skel, const struct kernel *kernel, __u32 max,
		      __u32 room)
{
	if (!max)
		max = kernel->mem_alloc ? CONNECTIONS_DEFAULT : PREALLOCATED_CONNECTIONS;
	if (max > room)
		max = room ? room : 1;
	if (!kernel->mem_alloc) {
		/* There a map that allocates as it goes is unsafe in a tracepoint, and the
		 * kernel says so with a warning. */
		preallocate(skel->maps.conns, max);
		preallocate(skel->maps.conns_more, 1);
		preallocate(skel->maps.folds, PREALLOCATED_FOLDS);
		preallocate(skel->maps.folds_other, PREALLOCATED_FOLDS);
		skel->rodata->has_more = false;
		return;
	}
	size_tables(skel, max);
}

static const char *refusal(int error)
{
	return strerror(error == -ENOTSUPP ? EOPNOTSUPP : -error);
}

static int load(struct hooks *hooks, const struct kernel *kernel, enum backend backend,
		const struct hooks_options *options)
{
	struct slowclose_bpf *skel;
	int r;

	if (backend == BACKEND_TRACEPOINT && !options->scans_only) {
		r = tracefs_ensure();
		if (r < 0)
			return r;
	}
	skel = slowclose_bpf__open();
	if (!skel)
		return -errno;
	choose_programs(skel, kernel, backend);
	choose_scans(skel, options->scans_only);
	bpf_map__set_max_entries(skel->maps.cpus, hooks->cpu_count);
	skel->data->slow_close_wait_ns = options->slow.close_wait_ns;
	skel->data->slow_accept_wait_ns = options->slow.accept_wait_ns;
	skel->bss->stream_slow_only = options->stream_slow;
	skel->rodata->disable_preemption = kernel->preempt_disable;
	skel->rodata->disable_preemption_in_tracepoints =
		kernel->preempt_disable && kernel->preemptible_tracepoints;
	skel->rodata->accepts_syn_recv = backend == BACKEND_FENTRY && !kernel->graft;
	size_maps(skel, kernel, options->max_connections, hooks->room);
	r = slowclose_bpf__load(skel);
	if (r == 0 && !options->scans_only)
		r = slowclose_bpf__attach(skel);
	if (r < 0) {
		slowclose_bpf__destroy(skel);
		return r;
	}
	hooks->skel = skel;
	hooks->backend = backend == BACKEND_FENTRY ? "fentry" : "tracepoint";
	return 0;
}

static int load_backend(struct hooks *hooks, const struct hooks_options *options)
{
	struct kernel kernel;
	int r, refused;

	r = kernel_probe(&kernel);
	if (r < 0)
		return r;
	if (options->scans_only) {
		r = load(hooks, &kernel, BACKEND_TRACEPOINT, options);
		if (r < 0)
			log_line("this kernel refuses the programs (%s). Run with --debug to see "
				 "what it says",
				 refusal(r));
		return r;
	}
	if (options->backend != BACKEND_AUTO) {
		r = load(hooks, &kernel, options->backend, options);
		if (r < 0)
			log_line("this kernel refuses the backend %s (%s). Use --backend=auto, or "
				 "--debug to see what it says",
				 options->backend == BACKEND_FENTRY ? "fentry" : "tracepoint",
				 refusal(r));
		snprintf(hooks->reason, sizeof(hooks->reason), "as asked");
		return r;
	}

	refused = load(hooks, &kernel, BACKEND_FENTRY, options);
	if (refused == 0) {
		snprintf(hooks->reason, sizeof(hooks->reason), "the kernel allows function hooks");
		return 0;
	}
	r = load(hooks, &kernel, BACKEND_TRACEPOINT, options);
	if (r < 0)
		log_line("this kernel refuses both function hooks (%s) and tracepoints (%s). Run "
			 "with "
			 "--debug to see what it says",
			 refusal(refused), refusal(r));
	snprintf(hooks->reason, sizeof(hooks->reason), "the kernel refuses function hooks (%s)",
		 refusal(refused));
	return r;
}

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
	void *cpus = mmap(NULL, cpus_size(hooks), PROT_READ, MAP_SHARED,
			  bpf_map__fd(hooks->skel->maps.cpus), 0);

	if (cpus == MAP_FAILED)
		return -errno;
	hooks->cpus = cpus;
	return 0;
}

static void tell_room(const struct hooks *hooks)
{
	if (hooks_tracked_max(hooks) >= hooks->room)
		log_line("follows %u connections at once: there is no room for more in the %" PRIu64
			 " MiB of memory that this cgroup may take (MemoryMax= of the unit)",
			 hooks->room, hooks->memory_limit >> 20);
}

int hooks_attach(struct hooks **ret, const struct hooks_options *options, hooks_record_fn on_record,
		 void *userdata)
{
	struct hooks *hooks;
	int r;

	libbpf_set_print(print_libbpf);
	r = bpf_probe();
	if (r < 0)
		return r;
	hooks = calloc(1, sizeof(*hooks));
	if (!hooks)
		return -ENOMEM;
	hooks->on_record = on_record;
	hooks->userdata = userdata;
	r = hooks->cpu_count = libbpf_num_possible_cpus();
	if (r < 0) {
		log_line("cannot tell how many CPUs there are: %s", strerror(-r));
		goto out;
	}
	hooks->room = room_here(&hooks->memory_limit);
	r = load_backend(hooks, options);
	if (r < 0)
		goto out;
	if (!options->scans_only)
		tell_room(hooks);
	malloc_trim(0); /* the kernel's types took megabytes for a moment */
	r = map_cpus(hooks);
	if (r < 0) {
		log_line("cannot map the counters: %s", strerror(-r));
		goto out;
	}
	if (options->scans_only) {
		*ret = hooks;
		return 0;
	}
	hooks->ring = ring_buffer__new(bpf_map__fd(hooks->skel->maps.ring), receive, hooks, NULL);
	if (!hooks->ring) {
		r = -errno;
		log_line("cannot map the ring buffer: %s", strerror(-r));
		goto out;
	}
	*ret = hooks;
	return 0;
out:
	hooks_free(hooks);
	return r;
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	ring_buffer__free(hooks->ring);
	if (hooks->cpus)
		munmap((void *)hooks->cpus, cpus_size(hooks));
	slowclose_bpf__destroy(hooks->skel);
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
	hooks->skel->data->slow_close_wait_ns = slow->close_wait_ns;
	hooks->skel->data->slow_accept_wait_ns = slow->accept_wait_ns;
}

void hooks_set_stream(struct hooks *hooks, bool slow_only)
{
	hooks->skel->bss->stream_slow_only = slow_only;
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

	bpf_object__for_each_program(program, hooks->skel->obj)
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
	const struct slowclose_bpf *skel = hooks->skel;
	uint64_t more = skel->rodata->has_more ? bpf_map__max_entries(skel->maps.conns_more) : 0;

	return bpf_map__max_entries(skel->maps.conns) + more;
}

bool hooks_more_used(const struct hooks *hooks)
{
	return hooks->skel->bss->more_used;
}

bool hooks_follow(const struct hooks *hooks)
{
	return hooks->ring;
}

void hooks_set_scan(struct hooks *hooks, const struct scan_options *options)
{
	struct slowclose_bpf__bss *bss = hooks->skel->bss;

	bss->scan_close_wait_ns = options->least.close_wait_ns;
	bss->scan_accept_wait_ns = options->least.accept_wait_ns;
	bss->scan_tells_once = options->once;
	bss->scan_marks = options->mark;
	bss->scan_most = options->most ? options->most : UINT64_MAX;
}

void hooks_set_threads(struct hooks *hooks, const uint32_t *pids, size_t count)
{
	struct slowclose_bpf__bss *bss = hooks->skel->bss;

	for (size_t i = 0; i < count; i++)
		bss->thread_pids[i] = pids[i];
	memset(bss->thread_counts, 0, sizeof(bss->thread_counts));
	bss->thread_pid_count = (uint32_t)count;
}

uint32_t hooks_threads(const struct hooks *hooks, size_t i)
{
	return hooks->skel->bss->thread_counts[i];
}

uint64_t hooks_slow(const struct hooks *hooks)
{
	return hooks->skel->bss->scan_slow;
}

uint64_t hooks_untold(const struct hooks *hooks)
{
	const struct slowclose_bpf__bss *bss = hooks->skel->bss;

	return bss->scan_told > bss->scan_most ? bss->scan_told - bss->scan_most : 0;
}

int hooks_scan(struct hooks *hooks, enum scan scan)
{
	const struct slowclose_bpf *skel = hooks->skel;
	const struct {
		const struct bpf_program *program;
		const struct bpf_map *map;
	} scans[SCAN_COUNT] = {
		[SCAN_EXISTING] = {skel->progs.sc_existing, NULL},
		[SCAN_WAITING] = {skel->progs.sc_waiting, skel->maps.conns},
		[SCAN_WAITING_MORE] = {skel->progs.sc_waiting, skel->maps.conns_more},
		[SCAN_LISTENERS] = {skel->progs.sc_listeners, skel->maps.listeners},
		[SCAN_HOLDERS] = {skel->progs.sc_holders, NULL},
		[SCAN_ACCEPTS] = {skel->progs.sc_accepts, skel->maps.accepts},
		[SCAN_FOLDS] = {skel->progs.sc_folds, skel->maps.folds},
		[SCAN_FOLDS_OTHER] = {skel->progs.sc_folds, skel->maps.folds_other},
		[SCAN_THREADS] = {skel->progs.sc_threads, NULL},
	};
	struct slowclose_bpf__bss *bss = hooks->skel->bss;
	union bpf_iter_link_info info = {};
	LIBBPF_OPTS(bpf_iter_attach_opts, options);
	struct bpf_link *link;
	int fd;

	if (scans[scan].map) {
		info.map.map_fd = bpf_map__fd(scans[scan].map);
		options.link_info = &info;
		options.link_info_len = sizeof(info);
	}
	if (scan == SCAN_WAITING) {
		hooks->tracked = bss->scan_tracked;
		bss->scan_tracked = 0;
		bss->scan_slow = 0;
		bss->scan_told = 0;
	}
	link = bpf_program__attach_iter(scans[scan].program, &options);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link); /* the descriptor keeps what it needs */
	return fd;
}

const char *hooks_backend(const struct hooks *hooks)
{
	return hooks->backend;
}

const char *hooks_backend_reason(const struct hooks *hooks)
{
	return hooks->reason;
}
