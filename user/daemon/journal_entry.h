/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One entry of the system's journal, by its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). sd_journal_sendv() of libsystemd does the same,
 * but where the journal takes nothing, such as when its disk hangs, it waits for as long as that
 * lasts; and that is when this daemon is asked most.
 */
#ifndef SLOWCLOSE_JOURNAL_ENTRY_H
#define SLOWCLOSE_JOURNAL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

/* A datagram of this size goes through a socket with Linux' defaults (net.core.wmem_default). */
#define JOURNAL_ENTRY_BYTES 32768

/* One while it is put together; begins with a size of 0. */
struct journal_entry {
	size_t size;
	char text[JOURNAL_ENTRY_BYTES];
};

/*
 * Adds a field, "NAME=value". A newline in it becomes a space, so that no name of a process can
 * forge another field. One that there is no room for is left out.
 */
void entry_add(struct journal_entry *entry, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The way to the journal. */
struct journal_socket {
	int fd;
	bool hangs; /* it took nothing the last time */
};

/* Returns 0 or -errno. */
int journal_socket_open(struct journal_socket *journal);
void journal_socket_close(struct journal_socket *journal);

/*
 * False if it was not sent. One that hangs is waited for a tenth of a second once, and then not any
 * more until it takes an entry again.
 */
bool journal_socket_send(struct journal_socket *journal, const struct journal_entry *entry);

#endif
