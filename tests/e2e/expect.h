/* SPDX-License-Identifier: GPL-2.0 */
/* What an event must say. A failure prints the whole event. */
#ifndef E2E_EXPECT_H
#define E2E_EXPECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "sockets.h"

#define expect_text(event, key, value) expect_text_at(event, key, value, __FILE__, __LINE__)
#define expect_null(event, key) expect_null_at(event, key, __FILE__, __LINE__)
#define expect_truth(event, key, value) expect_truth_at(event, key, value, __FILE__, __LINE__)
#define expect_number(event, key, value) expect_number_at(event, key, value, __FILE__, __LINE__)
#define expect_wait(event, key, from, to) expect_wait_at(event, key, from, to, __FILE__, __LINE__)
#define expect_task(event, key, pid, tid) expect_task_at(event, key, pid, tid, __FILE__, __LINE__)
#define expect_holders(event, holdings, count)                                                     \
	expect_holders_at(event, holdings, count, __FILE__, __LINE__)
#define expect_end(event, key, address, port)                                                      \
	expect_end_at(event, key, address, port, __FILE__, __LINE__)

void expect_text_at(json_t *event, const char *key, const char *value, const char *file, int line);
void expect_null_at(json_t *event, const char *key, const char *file, int line);
void expect_truth_at(json_t *event, const char *key, bool value, const char *file, int line);
void expect_number_at(json_t *event, const char *key, int64_t value, const char *file, int line);

/* The wait, in milliseconds, fits between two things that happened in these spans. */
void expect_wait_at(json_t *event, const char *key, struct span from, struct span to,
		    const char *file, int line);
void expect_task_at(json_t *event, const char *key, pid_t pid, pid_t tid, const char *file,
		    int line);
void expect_end_at(json_t *event, const char *key, const char *address, uint16_t port,
		   const char *file, int line);

/* A descriptor by which a process holds a socket. */
struct holding {
	pid_t pid;
	int fd;
};

/* Both are of the same connection. */
void expect_same_id(json_t *one, json_t *other);

/* "time", or another one, by CLOCK_REALTIME in nanoseconds. */
int64_t event_time(json_t *event);
int64_t event_time_at(json_t *event, const char *key);

/* These holders, and no other. */
void expect_holders_at(json_t *event, const struct holding *holdings, size_t count,
		       const char *file, int line);

/* Take the event of one side of the pair. */
json_t *server_event(const struct pair *pair);
json_t *client_event(const struct pair *pair);

/* Exactly one record came, and no other will. */
void expect_one_each(const struct pair *pair);

/* All that a client's event has to say when the pair was connected by this thread. */
void expect_client(json_t *event, const struct pair *pair, const char *end);

#endif
