// SPDX-License-Identifier: GPL-2.0
#include "load.h"

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
#include <sys/mount.h>
#include <unistd.h>

#include "log.h"
#include "room.h"
#include "slowclose.skel.h"
#include "slowclose_before_6_1.skel.h"

/* Programs, maps and variables of the two are the same, so one skeleton does for both. */
#define SAME(part)                                                                                 \
	_Static_assert(sizeof(struct slowclose_bpf##part) ==                                       \
			       sizeof(struct slowclose_before_6_1_bpf##part),                      \
		       "a difference between the two BPF objects")
SAME();
SAME(__rodata);
SAME(__data);
SAME(__bss);

/*
 * The part of the connections that may be followed at once which is in the first two tables: 13
 * MiB. The first one is left out where it would be more than half of that.
 */
#define SMALL_PART 16

/* A preallocated map takes all its memory at once, so they are smaller: 27 MiB and 2 MiB. */
#define PREALLOCATED_CONNECTIONS 131072
#define PREALLOCATED_FOLDS 8192

/* include/linux/errno.h: of the kernel alone, yet bpf() returns it. */
#define ENOTSUPP 524

/* What the running kernel has, by its BTF. */
struct kernel {
	bool graft; /* security_sock_graft() */
	bool accept_arg; /* struct proto_accept_arg, since 6.10 */
	bool mem_alloc; /* BPF's own allocator, since 6.1 */
	bool rdonly_cast; /* bpf_rdonly_cast(), since 6.2 */
	bool preempt_disable; /* bpf_preempt_disable(), since 6.10 */
	bool preemptible_tracepoints; /* under SRCU instead of preempt_disable(), since 7.0 */
	bool element_iterators; /* over the elements of a map: a micro-VM kernel 6.18 refuses them
				 */
	int cpus; /* that there can be */
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

/* The kernel may have them and let nobody use them, so one is loaded. */
static bool probe_element_iterators(const struct btf *btf)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_ITER);
	int id = btf__find_by_name_kind(btf, "bpf_iter_bpf_map_elem", BTF_KIND_FUNC), fd;

	if (id < 0)
		return false;
	options.attach_btf_id = id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "sc_probe", "GPL", nothing,
			   sizeof(nothing) / sizeof(nothing[0]), &options);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int kernel_probe(struct kernel *kernel)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf) {
		log_error(
			"this kernel has no type information (BTF): /sys/kernel/btf/vmlinux cannot "
			"be read. Use a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as "
			"Debian's since 11");
		return -ENOENT;
	}
	kernel->graft = has(btf, "security_sock_graft", BTF_KIND_FUNC);
	kernel->accept_arg = has(btf, "proto_accept_arg", BTF_KIND_STRUCT);
	kernel->mem_alloc = has(btf, "bpf_mem_alloc", BTF_KIND_STRUCT);
	kernel->rdonly_cast = has(btf, "bpf_rdonly_cast", BTF_KIND_FUNC);
	kernel->preempt_disable = has(btf, "bpf_preempt_disable", BTF_KIND_FUNC);
	kernel->element_iterators = probe_element_iterators(btf);
	kernel->preemptible_tracepoints = has(btf, "class_srcu_fast_notrace_t", BTF_KIND_TYPEDEF);
	btf__free(btf);
	kernel->cpus = libbpf_num_possible_cpus();
	if (kernel->cpus < 0)
		log_error("cannot tell how many CPUs there are: %s", strerror(-kernel->cpus));
	return kernel->cpus < 0 ? kernel->cpus : 0;
}

/* Why nothing can be loaded at all, said once and before anything else fails of it. */
static int bpf_probe(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sc_probe", 4, 4, 1, NULL);

	if (fd == -ENOSYS) {
		log_error("this kernel has no BPF. Use one built with CONFIG_BPF_SYSCALL=y");
		return fd;
	}
	if (fd < 0 && geteuid() != 0) {
		log_error("no permission to load BPF programs. Run as root (sudo slowclosed …), or "
			  "with the capabilities CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN");
		return fd;
	}
	if (fd < 0) {
		log_error("BPF is forbidden here, though this is root: %s. In a container, give it "
			  "CAP_BPF and CAP_PERFMON and a seccomp profile with bpf(); on a "
			  "locked-down "
			  "kernel, see /sys/kernel/security/lockdown",
			  strerror(-fd));
		return fd;
	}
	close(fd);

	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sc_probe", 0, 0, sysconf(_SC_PAGESIZE), NULL);
	if (fd < 0 && fd != -EPERM) {
		log_error(
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
static void choose_scans(struct slowclose_bpf *skel, const struct kernel *kernel, bool scans_only)
{
	const struct {
		struct bpf_program *program;
		bool used;
	} scans[] = {
		{skel->progs.sc_existing, true},
		{skel->progs.sc_holders, true},
		{skel->progs.sc_threads, true},
		{skel->progs.sc_waiting_slots,
		 kernel->element_iterators && skel->rodata->has_slots},
		{skel->progs.sc_waiting, kernel->element_iterators},
		{skel->progs.sc_listeners, kernel->element_iterators},
		{skel->progs.sc_accepts, kernel->element_iterators},
		{skel->progs.sc_folds, kernel->element_iterators},
		{skel->progs.sc_walk, !kernel->element_iterators},
	};
	struct bpf_program *program;

	if (scans_only) {
		bpf_object__for_each_program(program, skel->obj)
			bpf_program__set_autoload(program, false);
	}
	for (size_t i = 0; i < sizeof(scans) / sizeof(scans[0]); i++) {
		bpf_program__set_autoload(scans[i].program, scans[i].used);
		bpf_program__set_autoattach(scans[i].program, false);
	}
	bpf_map__set_autocreate(skel->maps.walk_room, !kernel->element_iterators);
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
	bpf_map__set_max_entries(skel->maps.conns_more, max - small);
	if (small >= 2 * SLOTS) {
		skel->rodata->has_slots = true;
		small -= SLOTS;
	}
	/* Memory of its own, at once: less than half the time of what the kernel would allocate. */
	preallocate(skel->maps.conns, small);
}

/* As many as are wanted, or as there is memory for. */
static __u32 connections_max(const struct kernel *kernel, const struct hooks_options *options)
{
	uint64_t limit = room_limit();
	__u32 max = options->max_connections, room;

	if (!max)
		max = kernel->mem_alloc ? CONNECTIONS_DEFAULT : PREALLOCATED_CONNECTIONS;
	room = room_connections(limit);
	if (max <= room)
		return max;
	room = room ? room : 1;
	if (!options->scans_only)
		log_warning(
			"follows %u connections at once: there is no room for more in the %" PRIu64
			" MiB of memory that this cgroup may take (MemoryMax= of the unit)",
			room, limit >> 20);
	return room;
}

/* Before 6.1 a map that allocates as it goes is unsafe in a tracepoint, and the kernel warns. */
static void preallocate_tables(struct slowclose_bpf *skel, __u32 max)
{
	preallocate(skel->maps.conns, max);
	preallocate(skel->maps.conns_more, 1);
	preallocate(skel->maps.folds, PREALLOCATED_FOLDS);
	preallocate(skel->maps.folds_other, PREALLOCATED_FOLDS);
	skel->rodata->has_more = false;
}

static void size_maps(struct slowclose_bpf *skel, const struct kernel *kernel, __u32 max)
{
	bpf_map__set_max_entries(skel->maps.cpus, kernel->cpus);
	if (kernel->mem_alloc)
		size_tables(skel, max);
	else
		preallocate_tables(skel, max);
	if (!skel->rodata->has_slots)
		bpf_map__set_max_entries(skel->maps.slots, 1);
}

static const char *refusal(int error)
{
	return strerror(error == -ENOTSUPP ? EOPNOTSUPP : -error);
}

/* That of older kernels is the same but for what they refuse to read. */
static struct slowclose_bpf *open_programs(const struct kernel *kernel)
{
	struct slowclose_bpf *skel = calloc(1, sizeof(*skel));
	struct bpf_object_skeleton *object;
	int r;

	if (!skel)
		return NULL;
	r = slowclose_bpf__create_skeleton(skel);
	if (r == 0) {
		object = skel->skeleton;
		if (!kernel->mem_alloc)
			object->data = slowclose_before_6_1_bpf__elf_bytes(&object->data_sz);
		r = bpf_object__open_skeleton(object, NULL);
	}
	if (r == 0)
		return skel;
	slowclose_bpf__destroy(skel);
	errno = -r;
	return NULL;
}

static int load(struct loaded *loaded, const struct kernel *kernel, enum backend backend,
		const struct hooks_options *options, __u32 connections)
{
	struct slowclose_bpf *skel;
	int r;

	if (backend == BACKEND_TRACEPOINT && !options->scans_only) {
		r = tracefs_ensure();
		if (r < 0)
			return r;
	}
	skel = open_programs(kernel);
	if (!skel)
		return -errno;
	size_maps(skel, kernel, connections);
	choose_programs(skel, kernel, backend);
	choose_scans(skel, kernel, options->scans_only);
	skel->data->slow_close_wait_ns = options->slow.close_wait_ns;
	skel->data->slow_accept_wait_ns = options->slow.accept_wait_ns;
	skel->data->stream_slow_only = options->stream_slow;
	skel->rodata->existing_waiting_only = options->scans_only;
	skel->rodata->has_rdonly_cast = kernel->rdonly_cast;
	skel->rodata->disable_preemption = kernel->preempt_disable;
	skel->rodata->disable_preemption_in_tracepoints =
		kernel->preempt_disable && kernel->preemptible_tracepoints;
	skel->rodata->accepts_syn_recv = backend == BACKEND_FENTRY && !kernel->graft;
	r = slowclose_bpf__load(skel);
	if (r == 0 && !options->scans_only)
		r = slowclose_bpf__attach(skel);
	if (r < 0) {
		slowclose_bpf__destroy(skel);
		return r;
	}
	loaded->skel = skel;
	loaded->walks = !kernel->element_iterators;
	loaded->backend = backend == BACKEND_FENTRY ? "fentry" : "tracepoint";
	return 0;
}

static int load_scans(struct loaded *loaded, const struct kernel *kernel,
		      const struct hooks_options *options, __u32 connections)
{
	int r = load(loaded, kernel, BACKEND_TRACEPOINT, options, connections);

	if (r < 0)
		log_error("this kernel refuses the programs (%s). Run with --debug to see what it "
			  "says",
			  refusal(r));
	return r;
}

static int load_as_asked(struct loaded *loaded, const struct kernel *kernel,
			 const struct hooks_options *options, __u32 connections)
{
	int r = load(loaded, kernel, options->backend, options, connections);

	if (r < 0)
		log_error("this kernel refuses the backend %s (%s). Use --backend=auto, or --debug "
			  "to see what it says",
			  options->backend == BACKEND_FENTRY ? "fentry" : "tracepoint", refusal(r));
	snprintf(loaded->reason, sizeof(loaded->reason), "as asked");
	return r;
}

static int load_any(struct loaded *loaded, const struct kernel *kernel,
		    const struct hooks_options *options, __u32 connections)
{
	int refused = load(loaded, kernel, BACKEND_FENTRY, options, connections), r;

	if (refused == 0) {
		snprintf(loaded->reason, sizeof(loaded->reason),
			 "the kernel allows function hooks");
		return 0;
	}
	r = load(loaded, kernel, BACKEND_TRACEPOINT, options, connections);
	if (r < 0)
		log_error("this kernel refuses both function hooks (%s) and tracepoints (%s). Run "
			  "with --debug to see what it says",
			  refusal(refused), refusal(r));
	snprintf(loaded->reason, sizeof(loaded->reason), "the kernel refuses function hooks (%s)",
		 refusal(refused));
	return r;
}

int load_programs(struct loaded *loaded, const struct hooks_options *options)
{
	struct kernel kernel;
	__u32 connections;
	int r;

	libbpf_set_print(print_libbpf);
	r = bpf_probe();
	if (r == 0)
		r = kernel_probe(&kernel);
	if (r < 0)
		return r;
	connections = connections_max(&kernel, options);
	if (options->scans_only)
		r = load_scans(loaded, &kernel, options, connections);
	else if (options->backend != BACKEND_AUTO)
		r = load_as_asked(loaded, &kernel, options, connections);
	else
		r = load_any(loaded, &kernel, options, connections);
	malloc_trim(0); /* the kernel's types took megabytes for a moment */
	return r;
}
