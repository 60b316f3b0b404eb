/* SPDX-License-Identifier: GPL-2.0 */
/* Connections whose every step is dated from outside, so that a reported wait can be bounded. */
#ifndef E2E_SOCKETS_H
#define E2E_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "daemon.h"

/* Something happened between these two moments, CLOCK_MONOTONIC in nanoseconds. */
struct span {
	int64_t before;
	int64_t after;
};

struct listener {
	int fd;
	int type; /* of its clients' sockets, too */
	int protocol;
	struct sockaddr_storage address;
	socklen_t length;
	uint16_t port;
};

struct pair {
	int client;
	int server; /* -1 until accepted */
	uint16_t client_port;
	uint16_t server_port;
	struct span connected;
	struct span queued;
	struct span accepted;
	struct span fin; /* of the client, at the server */
};

int64_t now_ns(void);

/* After PATIENCE_MS from now. */
int64_t deadline_ns(void);

/* Makes a wait long enough to be seen. How long it really was is measured. */
void pass_ms(int ms);

void listener_open(struct listener *listener, int family, const char *address, int backlog);
void listener_open_protocol(struct listener *listener, int family, const char *address, int backlog,
			    int protocol);

/* With SO_REUSEPORT on 127.0.0.1: the first one of a port, for NULL, or another one beside it. */
void listener_open_shared(struct listener *listener, const struct listener *first, int backlog);
void listener_wait_queued(const struct listener *listener, unsigned int count);
unsigned int listener_queued(const struct listener *listener);

/* Connects, and sees the child in the accept queue: only when nobody is accepting. */
void pair_connect(struct pair *pair, const struct listener *listener);
void pair_accept(struct pair *pair, const struct listener *listener);
void pair_open(struct pair *pair, const struct listener *listener);

/* Closes the client (or its sending half) and sees the server in CLOSE_WAIT. */
void pair_close_client(struct pair *pair);
void pair_shutdown_client(struct pair *pair);

/*
 * One that is accepted and reset at once: without a FIN neither end waits, however slow the machine
 * is. False: there was none, and errno says why.
 */
bool connect_once(const struct listener *listener);

struct wanted wanted_server(const struct pair *pair);
struct wanted wanted_client(const struct pair *pair);

/* Waits until the network namespace has no such socket, or has it in that state. */
#define STATE_GONE 0
void wait_state(uint16_t local_port, uint16_t remote_port, int state);
int socket_state(uint16_t local_port, uint16_t remote_port);

struct span timed_close(int fd);
struct span timed_shutdown(int fd, int how);
void set_linger_0(int fd);
void set_patience(int fd); /* to receive, or to accept: PATIENCE_MS */
void send_all(int fd, const void *data, size_t size);
void receive_all(int fd, size_t size);
void receive_end(int fd);
uint16_t local_port_of(int fd);

#endif
