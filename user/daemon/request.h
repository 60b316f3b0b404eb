/* SPDX-License-Identifier: GPL-2.0 */
/* A request: its parameters, and how it is answered, at once or later. */
#ifndef SLOWCLOSE_REQUEST_H
#define SLOWCLOSE_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "query.h"

/* Bytes of whole answers, which are kept until they are sent. */
struct unsent {
	size_t bytes, most;
};

/* All that there are, and what their answers are made of. */
struct requests {
	struct service *service;
	struct unsent *unsent; /* of all clients of the daemon */
	LIST_HEAD(, request) all;
	bool metrics_only; /* anybody may ask: the rest is hidden */
	bool ending; /* the daemon does: streams are closed, nothing is answered any more */
	void (*on_resumed)(void *userdata); /* one can go on: MHD must have a turn */
	void *userdata;
};

struct request {
	struct requests *requests;
	struct MHD_Connection *connection;
	struct query query;
	struct query_error error;
	char *error_texts[2]; /* copies of what error points to */
	bool parsed, bad;
	bool suspended;
	size_t unsent; /* of its answer, as counted */
	uint64_t ended; /* for a summary: so many records must have been read; 0: not known yet */
	struct listing *listing; /* freed with the request, as is the subscriber; NULL: none */
	struct subscriber *subscriber;
	LIST_ENTRY(request) list;
};

/* Returns NULL when there is no memory. */
struct request *request_new(struct requests *requests, struct MHD_Connection *connection);
void request_free(struct request *request);

/* Reads the parameters, the first time it is called. Returns whether they are good: else error says
 * what is not. */
bool request_parse(struct request *request, enum query_kind kind);

/* The request rests until it is resumed, which may be done to one that does not rest. */
void request_suspend(struct request *request);
void request_resume(struct request *request);

/* How long the client may take nothing of the answer; 0: for ever. */
void request_set_timeout(struct request *request, unsigned int seconds);

#define TYPE_JSON "application/json"

/*
 * These take over response, text (from malloc()) and object, and NULL as out of memory. Where too
 * much is unsent the answer is a failure instead, unless it is as short as one.
 */
enum MHD_Result respond(struct request *request, unsigned int status, const char *type,
			struct MHD_Response *response);
enum MHD_Result respond_text(struct request *request, unsigned int status, const char *type,
			     char *text, size_t size);
enum MHD_Result respond_json(struct request *request, unsigned int status, json_t *object);

enum MHD_Result respond_error(struct request *request, unsigned int status,
			      const struct query_error *error);

/* 503, with message. */
enum MHD_Result respond_failure(struct request *request, const char *message);

#endif
