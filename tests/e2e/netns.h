/* SPDX-License-Identifier: GPL-2.0 */
/* Network namespaces of the test's own. A socket stays in the one it was made in. */
#ifndef E2E_NETNS_H
#define E2E_NETNS_H

#include <stdint.h>

#include "child.h"

/* Once, at start: where netns_leave goes back to. */
void netns_remember(void);

/* Makes a namespace with its loopback up and takes the calling thread there. */
void netns_enter_new(void);
void netns_leave(void);

/* To where a child lives. */
void netns_enter(const struct child *child);
uint64_t netns_inode(void);

/* In the namespace of the calling thread. */
void netns_set(const char *sysctl, const char *value);
void netns_loopback(int up);
void netns_add_v6(const char *address);

/* Skips the test where there is none. */
void need_ipv6(void);

/* A counter of /proc/net/netstat; -1 where the kernel has no such. */
long netns_counter(const char *name);

#endif
