// SPDX-License-Identifier: GPL-2.0
#include "privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Of this process, by 32 capabilities each. The system calls are used as they are: libcap-ng would
 * save some twenty lines, and be one more library for all who build and install this.
 */
struct sets {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
};

static int get(struct sets *sets)
{
	sets->header = (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
	return syscall(SYS_capget, &sets->header, sets->set) < 0 ? -errno : 0;
}

static void drop(struct sets *sets, int capability)
{
	struct __user_cap_data_struct *set = &sets->set[CAP_TO_INDEX(capability)];

	set->effective &= ~CAP_TO_MASK(capability);
	set->permitted &= ~CAP_TO_MASK(capability);
	set->inheritable &= ~CAP_TO_MASK(capability);
}

static bool has(const struct sets *sets, int capability)
{
	return sets->set[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

int privilege_drop(void)
{
	struct sets sets;
	int r = get(&sets);

	if (r < 0)
		return r;
	/* Without these it is what bpf() asks for: a container may have it alone. */
	if (has(&sets, CAP_BPF) && has(&sets, CAP_PERFMON))
		drop(&sets, CAP_SYS_ADMIN);
	drop(&sets, CAP_SYSLOG);
	return syscall(SYS_capset, &sets.header, sets.set) < 0 ? -errno : 0;
}

bool privilege_sees_processes(void)
{
	struct sets sets;

	return get(&sets) == 0 && has(&sets, CAP_SYS_PTRACE) &&
	       (has(&sets, CAP_DAC_READ_SEARCH) || has(&sets, CAP_DAC_OVERRIDE));
}
