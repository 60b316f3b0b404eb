// SPDX-License-Identifier: GPL-2.0
/* What the daemon loads: which backend, what it costs the verifier, and that it goes with it. */
#include <linux/bpf.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "suite.h"

#define MAX_IDS 4096

/* BPF objects of one kind, by their ids. */
struct ids {
	uint32_t id[MAX_IDS];
	size_t count;
};

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int open_id(int command, uint32_t id)
{
	union bpf_attr attr = {};

	attr.prog_id = id; /* the same place as map_id */
	return (int)bpf(command, &attr);
}

static void object_info(int fd, void *info, size_t size)
{
	union bpf_attr attr = {};

	memset(info, 0, size);
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = (uint32_t)size;
	attr.info.info = (uint64_t)(uintptr_t)info;
	bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static bool is_ours(int fd, bool program)
{
	struct bpf_prog_info prog;
	struct bpf_map_info map;

	if (program) {
		object_info(fd, &prog, sizeof(prog));
		return !strncmp(prog.name, "sc_", 3);
	}
	object_info(fd, &map, sizeof(map));
	return !strcmp(map.name, "conns") || !strcmp(map.name, "ring");
}

static void list_ids(struct ids *ids, bool program)
{
	union bpf_attr attr = {};

	ids->count = 0;
	while (!bpf(program ? BPF_PROG_GET_NEXT_ID : BPF_MAP_GET_NEXT_ID, &attr)) {
		uint32_t id = attr.next_id;
		int fd = open_id(program ? BPF_PROG_GET_FD_BY_ID : BPF_MAP_GET_FD_BY_ID, id);

		if (fd >= 0) {
			if (is_ours(fd, program) && ids->count < MAX_IDS)
				ids->id[ids->count++] = id;
			close(fd);
		}
		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
	}
}

static bool has_id(const struct ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->count; i++) {
		if (ids->id[i] == id)
			return true;
	}
	return false;
}

/* Another daemon may be on this machine: only those of ours count. */
static void subtract(struct ids *ids, const struct ids *others)
{
	size_t kept = 0;

	for (size_t i = 0; i < ids->count; i++) {
		if (!has_id(others, ids->id[i]))
			ids->id[kept++] = ids->id[i];
	}
	ids->count = kept;
}

static bool any_left(const struct ids *ids, bool program)
{
	static struct ids now;

	list_ids(&now, program);
	for (size_t i = 0; i < ids->count; i++) {
		if (has_id(&now, ids->id[i]))
			return true;
	}
	return false;
}

static void loaded_killed_leaves_nothing(void **state)
{
	static struct ids programs, maps, other_programs, other_maps;
	int64_t deadline;

	(void)state;
	suite_stop_daemon();
	list_ids(&other_programs, true);
	list_ids(&other_maps, false);
	suite_start_daemon();
	list_ids(&programs, true);
	list_ids(&maps, false);
	subtract(&programs, &other_programs);
	subtract(&maps, &other_maps);
	assert_true(programs.count >= 3);
	assert_int_equal(maps.count, 2);
	daemon_settle(&suite.daemon);

	daemon_kill(&suite.daemon);
	/* The kernel frees them a little later. */
	deadline = deadline_ns();
	while (any_left(&programs, true) || any_left(&maps, false)) {
		if (now_ns() > deadline)
			fail_msg("programs or maps are left");
		pass_ms(10);
	}
	suite_start_daemon();
}

/* It takes fentry wherever the kernel has it, and else says why not, in words. */
static void loaded_auto_backend(void **state)
{
	static const char *const arguments[] = {"--all", NULL};
	const struct daemon *daemon = &suite.daemon;

	(void)state;
	suite_stop_daemon();
	daemon_start(&suite.daemon, "auto", arguments);
	daemon_expect_said(&suite.daemon, ": the kernel ");
	if (suite.fentry || strstr(daemon->said, "backend fentry"))
		daemon_expect_said(&suite.daemon, "backend fentry: the kernel allows");
	else
		daemon_expect_said(&suite.daemon, "backend tracepoint: the kernel refuses");
	print_message("           %s", daemon->said);
	assert_null(strstr(daemon->said, "Unknown error"));
	suite_stop_daemon();
	suite_start_daemon();
}

/* Of what the verifier looks at, at most; so that no later kernel that looks closer refuses it. */
#define VERIFIED_MAX (1000000 / 2)

static uint32_t print_verified(uint32_t id)
{
	struct bpf_prog_info info;
	int fd = open_id(BPF_PROG_GET_FD_BY_ID, id);

	assert_true(fd >= 0);
	object_info(fd, &info, sizeof(info));
	close(fd);
	print_message("           %-16s %6u instructions verified\n", info.name,
		      info.verified_insns);
	return info.verified_insns;
}

static void loaded_verifier_budget(void **state)
{
	static struct ids programs, others;
	uint32_t most = 0;

	(void)state;
	suite_stop_daemon();
	list_ids(&others, true);
	suite_start_daemon();
	list_ids(&programs, true);
	subtract(&programs, &others);
	assert_true(programs.count >= 3);
	for (size_t i = 0; i < programs.count; i++) {
		uint32_t verified = print_verified(programs.id[i]);

		most = verified > most ? verified : most;
	}
	if (!most)
		skip_with_reason("this kernel does not tell (before 5.16)");
	assert_true(most <= VERIFIED_MAX);
}

int run_loaded(void)
{
	const struct CMUnitTest loaded[] = {
		scenario(loaded_killed_leaves_nothing),
		scenario(loaded_auto_backend),
		scenario(loaded_verifier_budget),
	};

	return cmocka_run_group_tests(loaded, suite_setup, suite_teardown);
}
