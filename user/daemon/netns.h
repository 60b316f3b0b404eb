/* SPDX-License-Identifier: GPL-2.0 */
/* The network namespaces of this host. */
#ifndef SLOWCLOSE_NETNS_H
#define SLOWCLOSE_NETNS_H

typedef void (*netns_fn)(void *userdata, int enter_error);

/*
 * Calls fn once for each network namespace that a process lives in or that has a name in
 * /run/netns, its own first, while this thread is in it; or with -errno where it cannot be entered.
 * Afterwards the thread is where it was. Returns 0; -errno if it cannot tell them, or cannot come
 * back, which nothing can go on from.
 */
int netns_for_each(netns_fn fn, void *userdata);

#endif
