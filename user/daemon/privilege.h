/* SPDX-License-Identifier: GPL-2.0 */
/* What this process may do: capabilities(7). */
#ifndef SLOWCLOSE_PRIVILEGE_H
#define SLOWCLOSE_PRIVILEGE_H

#include <stdbool.h>

/*
 * Gives up, for good, what only the start needs: CAP_SYS_ADMIN, for other network namespaces and
 * the tracepoints of system calls, and CAP_SYSLOG, for the addresses of the kernel's functions.
 * Returns 0 or -errno.
 */
int privilege_drop(void);

/* Whether it may look into other users' processes. */
bool privilege_sees_processes(void);

#endif
