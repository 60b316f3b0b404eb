// SPDX-License-Identifier: GPL-2.0
#include "journal_entry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_USEC (100 * 1000)

void entry_add(struct journal_entry *entry, const char *format, ...)
{
	size_t room = sizeof(entry->text) - entry->size;
	char *field = entry->text + entry->size;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(field, room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room)
		return;
	for (int i = 0; i < length; i++) {
		if (field[i] == '\n')
			field[i] = ' ';
	}
	field[length] = '\n';
	entry->size += (size_t)length + 1;
}

int journal_socket_open(struct journal_socket *journal)
{
	static const struct timeval wait = {.tv_usec = WAIT_USEC};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	*journal = (struct journal_socket){.fd = fd};
	return 0;
}

void journal_socket_close(struct journal_socket *journal)
{
	close(journal->fd);
}

/* Not connected: a journal that was started anew has another socket at the same path. */
bool journal_socket_send(struct journal_socket *journal, const struct journal_entry *entry)
{
	static const struct sockaddr_un address = {.sun_family = AF_UNIX,
						   .sun_path = "/run/systemd/journal/socket"};
	int flags = MSG_NOSIGNAL | (journal->hangs ? MSG_DONTWAIT : 0);
	ssize_t sent;

	sent = sendto(journal->fd, entry->text, entry->size, flags,
		      (const struct sockaddr *)&address, sizeof(address));
	journal->hangs = sent < 0 && errno == EAGAIN;
	return sent >= 0;
}
