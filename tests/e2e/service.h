/* SPDX-License-Identifier: GPL-2.0 */
/* slowclosed as a service on a socket of its own, and what it answers. */
#ifndef E2E_SERVICE_H
#define E2E_SERVICE_H

#include <jansson.h>

#include "daemon.h"
#include "http.h"

struct service {
	struct daemon daemon;
	const char *const *arguments;
	char directory[32];
	char socket[64];
};

extern struct service service;

/* Group setup and teardown: the directory of the socket, and the end of what still runs. */
int service_setup(void **state);
int service_teardown(void **state);

/* For each test: undoes what a failed one may have left. */
int service_clean(void **state);

#define service_scenario(function) cmocka_unit_test_teardown(function, service_clean)

/* The arguments follow --socket; NULL ends them, and is none. */
void service_start(const char *const *arguments);

/* For tests that leave no trace: the one that runs, if it was started with these. */
void service_use(const char *const *arguments);

/* By SIGTERM: it must end well, and take its socket with it. */
void service_stop(void);

/* How many descriptors it has open; and until it has no more than these. */
size_t service_descriptors(void);
void service_wait_descriptors(size_t most);

/* The answer to GET, which must be 200; an object, or of a stream that ends an array of them. */
json_t *service_get(const char *target);
json_t *service_list(const char *target);

/* A number of /v1/status, by its path. */
long long service_number(const char *path);

/* CPU time that the daemon has used so far. */
int64_t service_cpu_ns(void);

/* Since the start so many connections to the port have ended: see summary_expect_ended(). */
void service_expect_ended(uint16_t port, long long count);

/* Subscribes; the stream's first line, hello, is read. */
void service_subscribe(struct http *stream, const char *target);

/* The next line of a stream; json_decref() it. */
json_t *service_next(struct http *stream);

/* object's value at a path such as "losses.ring_full", which must be there. */
json_t *at(json_t *object, const char *path);
long long number_at(json_t *object, const char *path);
const char *text_at(json_t *object, const char *path);

/* The one row of a summary that is of this port; NULL if there is none. */
json_t *row_of(json_t *summary, const char *role, uint16_t port);

/* A count of ended connections: exact, but for what this host hides. */
void service_expect_count(long long seen, long long count);

/* So many connections to the port, at both ends, and all of them seen from their beginning. */
void summary_expect_ended(json_t *summary, uint16_t port, long long count);

#endif
