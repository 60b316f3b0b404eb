// SPDX-License-Identifier: GPL-2.0
#include "clients.h"

#include <stdlib.h>
#include <sys/socket.h>

struct client {
	int fd;
	int64_t since_ns; /* of sending a request, or of nothing; 0: it is being answered */
	LIST_ENTRY(client) list;
};

struct client *client_new(struct clients *clients, int fd, int64_t now_ns)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->fd = fd;
	client->since_ns = now_ns;
	LIST_INSERT_HEAD(clients, client, list);
	return client;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	LIST_REMOVE(client, list);
	free(client);
}

void client_has_asked(struct client *client)
{
	if (client)
		client->since_ns = 0;
}

void client_was_answered(struct client *client, int64_t now_ns)
{
	if (client)
		client->since_ns = now_ns;
}

void clients_end_slow(struct clients *clients, int64_t now_ns, int64_t longest_ns)
{
	struct client *client;

	LIST_FOREACH(client, clients, list)
	{
		if (client->since_ns && now_ns - client->since_ns > longest_ns)
			shutdown(client->fd, SHUT_RDWR); /* the library sees that and ends it */
	}
}
