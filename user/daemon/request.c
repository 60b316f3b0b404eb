// SPDX-License-Identifier: GPL-2.0
#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "json.h"
#include "listing.h"

struct request *request_new(struct requests *requests, struct MHD_Connection *connection)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->requests = requests;
	request->connection = connection;
	LIST_INSERT_HEAD(&requests->all, request, list);
	return request;
}

void request_free(struct request *request)
{
	LIST_REMOVE(request, list);
	request->requests->unsent->bytes -= request->unsent;
	if (request->subscriber)
		events_unsubscribe(request->subscriber);
	listing_free(request->listing);
	free(request->error_texts[0]);
	free(request->error_texts[1]);
	free(request);
}

/* What is wrong is kept by copies: the parameters go before the answer is made. */
static void keep_error(struct request *request)
{
	request->bad = true;
	request->error_texts[0] = strdup(request->error.parameter);
	request->error_texts[1] = request->error.value ? strdup(request->error.value) : NULL;
	request->error.parameter = request->error_texts[0];
	request->error.value = request->error_texts[1];
}

static enum MHD_Result on_parameter(void *userdata, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	struct request *request = userdata;

	(void)kind;
	if (query_set(&request->query, name, value, &request->error) == 0)
		return MHD_YES;
	keep_error(request);
	return MHD_NO;
}

bool request_parse(struct request *request, enum query_kind kind)
{
	if (!request->parsed) {
		request->parsed = true;
		query_init(&request->query, kind);
		MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, on_parameter,
					  request);
	}
	return !request->bad;
}

void request_suspend(struct request *request)
{
	request->suspended = true;
	MHD_suspend_connection(request->connection);
}

void request_resume(struct request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	MHD_resume_connection(request->connection);
	request->requests->on_resumed(request->requests->userdata);
}

void request_set_timeout(struct request *request, unsigned int seconds)
{
	MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

enum MHD_Result respond(struct request *request, unsigned int status, const char *type,
			struct MHD_Response *response)
{
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	r = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return r;
}

/* An answer of /healthz, or an error: less than each client has for its request anyway. */
#define SHORT_BYTES 1024

/* One answer alone may be of any length; what is short is told in any case, as failures are. */
static bool has_room(const struct unsent *unsent, size_t size)
{
	return size <= SHORT_BYTES || !unsent->bytes || unsent->bytes + size <= unsent->most;
}

/* Counted until the request is over, with which MHD frees the response, whatever comes of it. */
static void count_unsent(struct request *request, size_t size)
{
	request->unsent += size;
	request->requests->unsent->bytes += size;
}

enum MHD_Result respond_text(struct request *request, unsigned int status, const char *type,
			     char *text, size_t size)
{
	struct MHD_Response *response;

	if (!text)
		return MHD_NO;
	if (!has_room(request->requests->unsent, size)) {
		free(text);
		return respond_failure(request,
				       "there are too many answers that nobody has read yet");
	}
	count_unsent(request, size);
	response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	return respond(request, status, type, response);
}

enum MHD_Result respond_json(struct request *request, unsigned int status, json_t *object)
{
	size_t size;
	char *text = json_line(object, &size);

	return respond_text(request, status, TYPE_JSON, text, size);
}

enum MHD_Result respond_error(struct request *request, unsigned int status,
			      const struct query_error *error)
{
	json_t *object = json_pack("{s:{s:s, s:s?, s:s?, s:s?}}", "error", "message",
				   error->message, "parameter", error->parameter, "value",
				   error->value, "allowed", error->allowed);

	if (!object) /* what was given is no UTF-8 */
		object = json_pack("{s:{s:s, s:n, s:n, s:s?}}", "error", "message", error->message,
				   "parameter", "value", "allowed", error->allowed);
	return respond_json(request, status, object);
}

enum MHD_Result respond_failure(struct request *request, const char *message)
{
	const struct query_error error = {.message = message};

	return respond_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, &error);
}
