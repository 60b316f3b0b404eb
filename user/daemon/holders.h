/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who holds a descriptor of a socket. A host that leaks has them by the hundred thousand, so one
 * takes 16 bytes here, and a name is kept once for each process. Anybody can dup() a socket as
 * often as he may have descriptors: of those of one process a few are shown.
 */
#ifndef SLOWCLOSE_HOLDERS_H
#define SLOWCLOSE_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "slowclose/record.h"

struct holders {
	struct array held; /* each descriptor */
	struct array names; /* of the processes */
	struct holder *shown; /* as many as are of one socket */
};

/* What a descriptor takes in memory; sorting takes it again. */
#define HOLDER_BYTES 16

/* So many descriptors of a socket are shown of each process: one tells as much as a thousand. */
#define HOLDERS_OF_PROCESS_MAX 8

/* Keeps most descriptors; holders_left_out() tells how many came when these were there. */
void holders_init(struct holders *holders, size_t most);
unsigned long holders_left_out(const struct holders *holders);

/* Forgets all, and gives the memory back. */
void holders_clear(struct holders *holders);

/* Those of a process come one after another. A failure is told by holders_sort(). */
void holders_add(struct holders *holders, const struct holder *holder);

/*
 * To be called when all are there, before any is asked for. The same descriptor can have been added
 * several times, and is there once. Returns 0 or -ENOMEM.
 */
int holders_sort(struct holders *holders);

/*
 * Of this socket, by process and descriptor, until it is asked for another's: of each process the
 * first few, and left_out are the others.
 */
const struct holder *holders_of(const struct holders *holders, uint64_t sock, size_t *count,
				size_t *left_out);

/* The name of a process that holds any; NULL: it does not. */
const char *holders_comm(const struct holders *holders, uint32_t pid);

#endif
