// SPDX-License-Identifier: GPL-2.0
#include "api.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clients.h"
#include "clock.h"
#include "json.h"
#include "listen.h"
#include "listing.h"
#include "log.h"
#include "query.h"
#include "render.h"
#include "service.h"
#include "status.h"
#include "turn.h"

#define CLIENTS_MAX 1536
#define OWN_DESCRIPTORS 128
#define CLIENT_MEMORY 8192 /* for its request, and for the headers of the answer */
#define CLIENT_TIMEOUT_SEC 5 /* without a byte of a request, and between two */
#define REQUEST_TIME_NS (10 * NSEC_PER_SEC) /* to send a request in */
#define LISTING_TIMEOUT_SEC 30

/* So long clients are served before the ring has its turn. */
#define TURN_NS (10 * NSEC_PER_MSEC)

#define TYPE_JSON "application/json"
#define TYPE_NDJSON "application/x-ndjson"

struct api {
	struct service *service;
	struct MHD_Daemon *http;
	sd_event_source *io;
	sd_event_source *timer;
	sd_event_source *again; /* the turn after one that left more to do at once */
	struct listings *listings;
	struct request *requests;
	struct clients clients;
	char *path;
	bool ending;
};

struct request;

/* What a path does. */
struct route {
	const char *path;
	enum query_kind query;
	bool lines; /* without end or length: MHD 0.9.75 would end its answer to HEAD as if it had a
		     * body, and the client take that for its next answer */
	/* Answers, or suspends the request, and is called again when it is resumed. */
	enum MHD_Result (*answer)(struct request *request);
};

struct request {
	struct api *api;
	struct MHD_Connection *connection;
	const struct route *route;
	struct query query;
	struct query_error error;
	char *error_texts[2]; /* copies of what error points to */
	bool parsed, bad;
	bool suspended;
	uint64_t ended; /* for a summary: so many records must have been read; 0: not known yet */
	struct listing *listing;
	struct subscriber *subscriber;
	struct request *next, **previous;
};

static enum MHD_Result respond(struct request *request, unsigned int status, const char *type,
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

static enum MHD_Result respond_text(struct request *request, unsigned int status, char *text,
				    size_t size)
{
	struct MHD_Response *response;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	return respond(request, status, TYPE_JSON, response);
}

static enum MHD_Result respond_json(struct request *request, unsigned int status, json_t *object)
{
	size_t size;
	char *text = json_line(object, &size);

	return respond_text(request, status, text, size);
}

static enum MHD_Result respond_error(struct request *request, unsigned int status,
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

static enum MHD_Result respond_failure(struct request *request, const char *message)
{
	const struct query_error error = {.message = message};

	return respond_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, &error);
}

static int on_again(sd_event_source *source, void *userdata);

static int ask_again(struct api *api)
{
	return turn_ask(watch_loop(api->service->watch), &api->again, on_again, api);
}

static void suspend(struct request *request)
{
	request->suspended = true;
	MHD_suspend_connection(request->connection);
}

static void resume(struct request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	MHD_resume_connection(request->connection);
	ask_again(request->api);
}

/* A slow reader of events may stop for as long as it likes, one of a listing not. */
static void set_timeout(struct MHD_Connection *connection, unsigned int seconds)
{
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

static ssize_t read_events(void *userdata, uint64_t position, char *buf, size_t size)
{
	struct request *request = userdata;
	size_t n;

	(void)position;
	if (request->api->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = events_read(request->subscriber, buf, size, clock_monotonic_ns(),
			clock_ns(CLOCK_REALTIME));
	if (n == 0)
		suspend(request);
	return (ssize_t)n;
}

static enum MHD_Result answer_events(struct request *request)
{
	struct service *service = request->api->service;
	char now[RENDER_TIME_SIZE], started[RENDER_TIME_SIZE], hello[160];
	int r;

	snprintf(hello, sizeof(hello),
		 "{\"event\":\"hello\",\"time\":\"%s\",\"version\":\"" SLOWCLOSE_VERSION
		 "\",\"started\":\"%s\"}\n",
		 render_time(clock_ns(CLOCK_REALTIME), now),
		 render_time(service->started_ns, started));
	r = events_subscribe(service->events, &request->query.filter, hello, clock_monotonic_ns(),
			     &request->subscriber);
	if (r == -EBUSY)
		return respond_failure(request, "there are too many subscribers already");
	if (r < 0)
		return respond_failure(request, "out of memory");
	set_timeout(request->connection, 0);
	return respond(request, MHD_HTTP_OK, TYPE_NDJSON,
		       MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, read_events,
							 request, NULL));
}

static void on_listing(void *userdata)
{
	resume(userdata);
}

static ssize_t read_listing(void *userdata, uint64_t position, char *buf, size_t size)
{
	struct request *request = userdata;
	ssize_t n = listing_read(request->listing, buf, size);

	(void)position;
	if (n < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return n ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

/* The request's look is put into the statistics, so that another can begin. */
static enum MHD_Result respond_summary(struct request *request)
{
	struct service *service = request->api->service;
	struct summary *summary;
	char *text = NULL;
	FILE *out;
	size_t size;
	int r;

	service_take_waiting(service, listing_waiting(request->listing));
	listing_free(request->listing);
	request->listing = NULL;
	if (service_take_folded(service) < 0)
		return respond_failure(request, "the statistics cannot be read");
	summary = summary_new(service->stats, request->query.window, request->query.by,
			      clock_monotonic_ns(), clock_realtime_offset_ns());
	out = summary ? open_memstream(&text, &size) : NULL;
	r = out ? json_summary(out, summary, request->query.histogram) : -ENOMEM;
	if (out && fclose(out) == EOF)
		r = -ENOMEM;
	summary_free(summary);
	if (r < 0) {
		free(text);
		return respond_failure(request, "out of memory");
	}
	return respond_text(request, MHD_HTTP_OK, text, size);
}

static bool has_read_enough(const struct request *request)
{
	return watch_ended(request->api->service->watch) >= request->ended;
}

/* With all that had ended when the look was done; others are served while it is read. */
static enum MHD_Result answer_summary(struct request *request)
{
	struct service *service = request->api->service;

	if (!request->ended)
		request->ended = service_ended(service);
	if (!has_read_enough(request) && watch_read(service->watch) < 0)
		return respond_failure(request, "the statistics cannot be read");
	if (has_read_enough(request))
		return respond_summary(request);
	suspend(request);
	return MHD_YES;
}

/* Called again when the look is done. */
static enum MHD_Result answer_listing(struct request *request)
{
	struct api *api = request->api;
	enum listing_kind kind =
		request->query.kind == QUERY_LISTENERS ? LISTING_LISTENERS : LISTING_CONNECTIONS;
	int r;

	if (!request->listing) {
		r = listing_new(&request->listing, api->listings, kind, &request->query.filter,
				on_listing, request);
		if (r < 0)
			return respond_failure(request, "there are too many looks at once");
	}
	r = listing_ready(request->listing);
	if (r == 0) {
		suspend(request);
		return MHD_YES;
	}
	if (r < 0)
		return respond_failure(request, "what waits cannot be looked at");
	if (request->query.kind == QUERY_SUMMARY)
		return answer_summary(request);
	set_timeout(request->connection, LISTING_TIMEOUT_SEC);
	return respond(request, MHD_HTTP_OK, TYPE_NDJSON,
		       MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, read_listing,
							 request, NULL));
}

static enum MHD_Result answer_status(struct request *request)
{
	return respond_json(request, MHD_HTTP_OK, status_json(request->api->service));
}

static enum MHD_Result answer_diagnosis(struct request *request)
{
	const struct query *query = &request->query;

	return respond_json(
		request, MHD_HTTP_OK,
		findings_json(request->api->service->findings, query->port, query->filter.pid));
}

static enum MHD_Result answer_health(struct request *request)
{
	int64_t read_ns = watch_read_ns(request->api->service->watch);

	if (clock_monotonic_ns() - read_ns > 5 * NSEC_PER_SEC)
		return respond_failure(request, "the ring is not read");
	return respond_json(request, MHD_HTTP_OK, json_pack("{s:s}", "status", "ok"));
}

static const struct route routes[] = {
	{"/v1/events", QUERY_EVENTS, true, answer_events},
	{"/v1/connections", QUERY_EVENTS, true, answer_listing},
	{"/v1/listeners", QUERY_LISTENERS, true, answer_listing},
	{"/v1/summary", QUERY_SUMMARY, false, answer_listing},
	{"/v1/diagnosis", QUERY_DIAGNOSIS, false, answer_diagnosis},
	{"/v1/status", QUERY_NOTHING, false, answer_status},
	{"/healthz", QUERY_NOTHING, false, answer_health},
};

static const struct route *find_route(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
	}
	return NULL;
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

static struct request *request_new(struct api *api, struct MHD_Connection *connection,
				   const char *path)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->api = api;
	request->connection = connection;
	request->route = find_route(path);
	request->next = api->requests;
	request->previous = &api->requests;
	if (request->next)
		request->next->previous = &request->next;
	api->requests = request;
	return request;
}

static void request_free(struct request *request)
{
	*request->previous = request->next;
	if (request->next)
		request->next->previous = request->previous;
	if (request->subscriber)
		events_unsubscribe(request->subscriber);
	listing_free(request->listing);
	free(request->error_texts[0]);
	free(request->error_texts[1]);
	free(request);
}

static enum MHD_Result answer(struct request *request, const char *method)
{
	static const struct query_error no_path = {
		.message = "there is no such path",
		.allowed = "/v1/events, /v1/connections, /v1/listeners, /v1/summary, "
			   "/v1/diagnosis, /v1/status, /healthz"};
	static const struct query_error no_method = {.message = "this method is not answered",
						     .allowed = "GET, HEAD"};

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, &no_method);
	if (request->api->ending)
		return MHD_NO;
	if (!request->route)
		return respond_error(request, MHD_HTTP_NOT_FOUND, &no_path);
	if (!request->parsed) {
		request->parsed = true;
		query_init(&request->query, request->route->query);
		MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, on_parameter,
					  request);
	}
	if (request->bad)
		return respond_error(request, MHD_HTTP_BAD_REQUEST, &request->error);
	if (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 && request->route->lines)
		return respond(request, MHD_HTTP_OK, TYPE_NDJSON,
			       MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
	return request->route->answer(request);
}

static int fd_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* NULL where there was no memory for it. */
static struct client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

/* MHD calls this with the headers, then with each part of a body, then without. */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *body, size_t *body_size, void **request_ret)
{
	(void)version, (void)body;
	if (!*request_ret) {
		*request_ret = request_new(userdata, connection, path);
		return *request_ret ? MHD_YES : MHD_NO;
	}
	if (*body_size) { /* nothing here takes one */
		*body_size = 0;
		return MHD_YES;
	}
	client_has_asked(client_of(connection));
	return answer(*request_ret, method);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode code)
{
	(void)userdata, (void)code;
	if (*request)
		request_free(*request);
	*request = NULL;
	client_was_answered(client_of(connection), clock_monotonic_ns());
	set_timeout(connection, CLIENT_TIMEOUT_SEC); /* for the next one */
}

static void on_client(void *userdata, struct MHD_Connection *connection, void **client,
		      enum MHD_ConnectionNotificationCode code)
{
	struct api *api = userdata;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*client = client_new(&api->clients, fd_of(connection), clock_monotonic_ns());
	} else {
		client_free(*client);
		*client = NULL;
	}
}

/* Lets MHD work, and arms what wakes it up again. */
static int run(struct api *api)
{
	int64_t until_ns = clock_monotonic_ns() + TURN_NS;
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	int r;

	do { /* each time a few kilobytes to each client that can take some */
		MHD_run(api->http);
		if (MHD_get_timeout(api->http, &timeout_ms) != MHD_YES)
			return sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
	} while (timeout_ms == 0 && clock_monotonic_ns() < until_ns);
	if (timeout_ms == 0)
		return ask_again(api);
	r = sd_event_source_set_time_relative(api->timer, timeout_ms * 1000);
	return r < 0 ? r : sd_event_source_set_enabled(api->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source, (void)fd, (void)events;
	return run(userdata);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	return run(userdata);
}

static int on_again(sd_event_source *source, void *userdata)
{
	(void)source;
	return run(userdata);
}

static bool can_go_on(const struct request *request, int64_t now_ns)
{
	if (request->subscriber)
		return events_ready(request->subscriber, now_ns);
	return request->ended && has_read_enough(request);
}

void api_wake(struct api *api)
{
	int64_t now_ns = clock_monotonic_ns();

	for (struct request *request = api->requests; request; request = request->next) {
		if (request->suspended && can_go_on(request, now_ns))
			resume(request);
	}
}

void api_tick(struct api *api)
{
	int64_t now_ns = clock_monotonic_ns();

	clients_end_slow(&api->clients, now_ns, REQUEST_TIME_NS);
	api_wake(api); /* heartbeats */
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %00 stays as it is: nothing here has a zero byte in it, and it would hide what follows. */
static size_t unescape(void *userdata, struct MHD_Connection *connection, char *text)
{
	char *out = text;

	(void)userdata, (void)connection;
	for (const char *in = text; *in; out++) {
		int high = in[0] == '%' ? hex(in[1]) : -1;
		int low = high >= 0 ? hex(in[2]) : -1;

		if (low >= 0 && (high || low)) {
			*out = (char)(high << 4 | low);
			in += 3;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
	return (size_t)(out - text);
}

/* Descriptors are kept for the daemon's own needs, wherever the limit is. */
static unsigned int clients_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= CLIENTS_MAX + OWN_DESCRIPTORS)
		return CLIENTS_MAX;
	if (limit.rlim_cur <= 2 * OWN_DESCRIPTORS)
		return limit.rlim_cur / 2;
	return limit.rlim_cur - OWN_DESCRIPTORS;
}

static int start(struct api *api, int fd)
{
	sd_event *loop = watch_loop(api->service->watch);
	const union MHD_DaemonInfo *info;
	int r;

	api->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, api,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, clients_max(),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, CLIENT_TIMEOUT_SEC, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_client, api,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
	if (!api->http) {
		close(fd);
		return -ENOMEM;
	}
	info = MHD_get_daemon_info(api->http, MHD_DAEMON_INFO_EPOLL_FD);
	r = sd_event_add_io(loop, &api->io, info->epoll_fd, EPOLLIN, on_io, api);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &api->timer, CLOCK_MONOTONIC, 0, 1000,
					       on_timer, api);
	return r;
}

int api_new(struct api **ret, struct service *service, const char *path)
{
	struct api *api = calloc(1, sizeof(*api));
	int fd, r;

	if (!api)
		return -ENOMEM;
	api->service = service;
	fd = listen_unix(path);
	if (fd < 0) { /* logged */
		free(api);
		return fd;
	}
	r = -ENOMEM;
	api->path = strdup(path);
	api->listings = listings_new(service->watch);
	if (api->path && api->listings)
		r = start(api, fd);
	else
		close(fd);
	if (r < 0) {
		log_line("cannot answer on %s: %s", path, strerror(-r));
		api_free(api);
		return r;
	}
	*ret = api;
	return 0;
}

/* MHD wants nothing suspended when it ends. */
static void end_requests(struct api *api)
{
	api->ending = true;
	for (struct request *request = api->requests; request; request = request->next)
		resume(request);
	MHD_run(api->http);
}

void api_free(struct api *api)
{
	if (!api)
		return;
	if (api->http) {
		end_requests(api);
		MHD_stop_daemon(api->http);
	}
	sd_event_source_disable_unref(api->io);
	sd_event_source_disable_unref(api->timer);
	sd_event_source_disable_unref(api->again);
	listings_free(api->listings);
	if (api->path)
		unlink(api->path);
	free(api->path);
	free(api);
}
