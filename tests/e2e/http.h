/* SPDX-License-Identifier: GPL-2.0 */
/* As much of an HTTP client as it takes to see everything that the service sends. */
#ifndef E2E_HTTP_H
#define E2E_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buffer {
	char *data;
	size_t size, room;
};

struct http {
	int fd;
	struct buffer in; /* received, not understood yet */
	struct buffer body; /* of this answer */
	size_t taken; /* of the body, as lines */
	/* The answer. */
	int status;
	char type[64], allow[64];
	bool chunked, ended;
	size_t left; /* of the body, or of the chunk */
};

/* Connects to the service: to its unix socket, or by TCP to a port of 127.0.0.1. */
void http_open(struct http *http);
void http_open_tcp(struct http *http, uint16_t port);
void http_close(struct http *http);

void http_write(struct http *http, const void *data, size_t size);

/* Sends a request without a body. */
void http_ask(struct http *http, const char *method, const char *target);

/* Reads up to the end of the headers; no_body: the request was HEAD. */
void http_read_head(struct http *http, bool no_body);

/*
 * The rest of the body, terminated by a zero; good until the next request. Afterwards another
 * request can follow.
 */
const char *http_body(struct http *http);

/* The next line of a stream, without its end, good until the next; NULL: the body has ended. */
const char *http_line(struct http *http);

/* The same, of what is there now: NULL if no line is whole. */
const char *http_line_now(struct http *http);

/* Takes over what has come, without waiting; false: the connection has ended. */
bool http_receive(struct http *http);

/* Whether the service ends the connection, in time. */
bool http_ends(struct http *http);

#endif
