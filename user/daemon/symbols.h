/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's functions by their addresses, from /proc/kallsyms, read in pieces. */
#ifndef SLOWCLOSE_SYMBOLS_H
#define SLOWCLOSE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

/* Returns NULL when there is no memory. */
struct symbols *symbols_new(void);
void symbols_free(struct symbols *symbols);

/*
 * Opens the file, /proc/kallsyms: what it may show is decided here, whatever is given up later.
 * Returns 0 or -errno: -EPERM where the kernel hides the addresses (kernel.kptr_restrict or
 * kernel.perf_event_paranoid, without CAP_SYSLOG).
 */
int symbols_open(struct symbols *symbols, const char *file);

/*
 * Reads one piece, in less than a millisecond. Returns 1: there is more; 0: that was all; -errno.
 */
int symbols_load(struct symbols *symbols);

/*
 * Adds what is in a part of the text of /proc/kallsyms. Returns how many bytes were used: up to the
 * end of the last whole line; or -ENOMEM.
 */
long symbols_add(struct symbols *symbols, const char *text, size_t size);

/* To be called when all is added, before any is asked for. */
void symbols_sort(struct symbols *symbols);

/* The function that the address is in; NULL where that is not known, which is noted. */
const char *symbols_name(struct symbols *symbols, uint64_t address);

/*
 * Forgets all, to load it anew, where an address was not known: as of a module of the kernel that
 * was loaded since. Returns whether it did so, which is once a minute at most.
 */
bool symbols_renew(struct symbols *symbols, int64_t now_ns);

#endif
