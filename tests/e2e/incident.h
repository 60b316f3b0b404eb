/* SPDX-License-Identifier: GPL-2.0 */
/* What all incidents are made of: a server in a process of its own, and its clients. */
#ifndef E2E_INCIDENT_H
#define E2E_INCIDENT_H

#include "child.h"
#include "sockets.h"

#define INCIDENT_CLIENTS 64

struct incident {
	struct listener listener; /* the server alone has its descriptor */
	struct child server;
	int clients[INCIDENT_CLIENTS];
	int client_count;
};

void incident_begin(struct incident *incident, int backlog, child_function *server);

/* The queue has room for all of them: who is closed after this has been in it. */
void incident_connect(struct incident *incident, int count);

/*
 * The queue is full: they go on trying until they are closed, and leave nothing. (A FIN that finds
 * no room comes again for minutes, and so would what it waits for.)
 */
void incident_try(struct incident *incident, int count);

/* Closes all clients. */
void incident_leave(struct incident *incident);

/* So many clients, one after another, that send a byte and close. */
void incident_request(const struct incident *incident, int count);

/* The same, but each waits for its answer of one byte and for its end: never two at once. */
void incident_be_served(const struct incident *incident, int count);

/* Ends the server. */
void incident_end(struct incident *incident);

#endif
