// SPDX-License-Identifier: GPL-2.0
#include "incident.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

void incident_begin(struct incident *incident, int backlog, child_function *server)
{
	memset(incident, 0, sizeof(*incident));
	listener_open(&incident->listener, AF_INET, "127.0.0.1", backlog);
	child_start(&incident->server, server, incident->listener.fd);
	close(incident->listener.fd);
}

static int connect_one(const struct listener *listener, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (connect(fd, (const struct sockaddr *)&listener->address, listener->length) &&
	    errno != EINPROGRESS)
		fail_msg("connect: %s", strerror(errno));
	return fd;
}

void incident_connect(struct incident *incident, int count)
{
	for (int i = 0; i < count; i++)
		incident->clients[incident->client_count++] = connect_one(&incident->listener, 0);
}

void incident_try(struct incident *incident, int count)
{
	for (int i = 0; i < count; i++) {
		int fd = connect_one(&incident->listener, SOCK_NONBLOCK);

		set_linger_0(fd);
		incident->clients[incident->client_count++] = fd;
	}
}

void incident_leave(struct incident *incident)
{
	while (incident->client_count)
		close(incident->clients[--incident->client_count]);
}

void incident_request(const struct incident *incident, int count)
{
	for (int i = 0; i < count; i++) {
		int fd = connect_one(&incident->listener, 0);

		send_all(fd, "x", 1);
		close(fd);
	}
}

void incident_be_served(const struct incident *incident, int count)
{
	for (int i = 0; i < count; i++) {
		int fd = connect_one(&incident->listener, 0);

		send_all(fd, "x", 1);
		shutdown(fd, SHUT_WR);
		receive_all(fd, 1);
		receive_end(fd);
		close(fd);
	}
}

void incident_end(struct incident *incident)
{
	child_kill(&incident->server);
}
