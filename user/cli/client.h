/* SPDX-License-Identifier: GPL-2.0 */
/* Asks the daemon, over HTTP on its unix socket. */
#ifndef SLOWCLOSE_CLI_CLIENT_H
#define SLOWCLOSE_CLI_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "query.h"

/* What an answer may take: a line of a stream; the one object of the others. */
#define CLIENT_LINE_MAX (1 << 20)
#define CLIENT_OBJECT_MAX (64 << 20)

/* A stream says something every 5 seconds. */
#define CLIENT_SILENCE_MS 15000
/* So long slowclosed waits for a client that takes nothing of a listing. */
#define CLIENT_PATIENCE_MS 30000
/* How long one object may take. */
#define CLIENT_OBJECT_MS 30000

struct client {
	const char *socket;
	int64_t silence_ms; /* without a byte for so long: given up */
	int64_t patience_ms; /* the daemon's with a reader that takes nothing; 0: it has no end */
	int64_t heard_ns; /* CLOCK_MONOTONIC of the last byte */
	unsigned long long_lines; /* left out, since they were over CLIENT_LINE_MAX */
	char message[1024]; /* after an error: one sentence for people, safe for a terminal */
};

/*
 * The errors of both, beside -ENOMEM: -ENOENT, -ECONNREFUSED (no daemon), -EACCES, -ECONNRESET (the
 * answer broke off), -ETIMEDOUT, -EINVAL (the daemon refuses the request), -EAGAIN (it is too
 * busy), -EBADMSG (it is no daemon).
 */

/* One object. Returns 0 with *ret to be given to json_decref(). */
int client_get(struct client *client, const struct query *query, json_t **ret);

/* What to do with an answer that comes line by line. */
struct client_reader {
	/* Of length bytes, with a NUL behind them in place of the newline. */
	int (*line)(void *userdata, const char *line, size_t length);
	/* Nothing else has come for now; at least once a second. May be NULL. */
	int (*pause)(void *userdata);
	void *userdata;
};

/*
 * Returns 0 at the end of the answer; what one of the reader's functions returned, if that was not
 * 0, which ends it; or -errno.
 */
int client_lines(struct client *client, const struct query *query,
		 const struct client_reader *reader);

/* The message of what libcurl could not do: os_error is why the socket could not be connected. */
int client_explain_failure(char *text, size_t size, CURLcode code, int os_error,
			   const char *socket);

/* The message of an answer that is an error, by its HTTP status and body. Returns -errno. */
int client_explain_answer(char *text, size_t size, long status, const char *body, size_t length);

#endif
