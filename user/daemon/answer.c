// SPDX-License-Identifier: GPL-2.0
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "listing.h"
#include "memory_file.h"
#include "prometheus.h"
#include "render.h"
#include "scrape.h"
#include "service.h"
#include "status.h"

#define LISTING_TIMEOUT_SEC 30

#define TYPE_NDJSON "application/x-ndjson"

/* What a path does. */
struct route {
	const char *path;
	enum query_kind query;
	bool lines; /* without end or length: MHD 0.9.75 would end its answer to HEAD as if it had a
		     * body, and the client take that for its next answer */
	bool open; /* where everybody may ask, too */
	/* Answers, or suspends the request, and is called again when it is resumed. */
	enum MHD_Result (*answer)(struct request *request);
};

static ssize_t read_events(void *userdata, uint64_t position, char *buf, size_t size)
{
	struct request *request = userdata;
	size_t n;

	(void)position;
	if (request->requests->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = events_read(request->subscriber, buf, size, clock_monotonic_ns(),
			clock_ns(CLOCK_REALTIME));
	if (n == 0)
		request_suspend(request);
	return (ssize_t)n;
}

static enum MHD_Result answer_events(struct request *request)
{
	struct service *service = request->requests->service;
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
	request_set_timeout(request,
			    0); /* one that reads slowly may stop for as long as it likes */
	return respond(request, MHD_HTTP_OK, TYPE_NDJSON,
		       MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, read_events,
							 request, NULL));
}

static void on_listing(void *userdata)
{
	request_resume(userdata);
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

static int print_summary(FILE *out, struct request *request)
{
	const struct query *query = &request->query;
	struct summary *summary =
		summary_new(request->requests->service->stats, query->window, query->by,
			    clock_monotonic_ns(), clock_realtime_offset_ns());
	int r = summary ? json_summary(out, summary, query->histogram) : -ENOMEM;

	summary_free(summary);
	return r;
}

/* The request's look, which the statistics know, is given back, so that another can begin. */
static int print_statistics(FILE *out, struct request *request)
{
	int r = request->query.kind == QUERY_METRICS
			? scrape(out, request->requests->service, listing_waiting(request->listing))
			: print_summary(out, request);

	listing_free(request->listing);
	request->listing = NULL;
	return r;
}

static enum MHD_Result respond_statistics(struct request *request)
{
	struct service *service = request->requests->service;
	bool metrics = request->query.kind == QUERY_METRICS;
	struct memory_file file;
	size_t size;
	char *text;
	FILE *out;
	int r;

	service_take_waiting(service, listing_waiting(request->listing));
	if (service_take_folded(service) < 0)
		return respond_failure(request, "the statistics cannot be read");
	out = memory_file_begin(&file);
	r = out ? print_statistics(out, request) : -ENOMEM;
	text = memory_file_end(&file, &size);
	if (r < 0 || !text) {
		free(text);
		return respond_failure(request, "out of memory");
	}
	return respond_text(request, MHD_HTTP_OK, metrics ? PROMETHEUS_TYPE : TYPE_JSON, text,
			    size);
}

static bool has_read_enough(const struct request *request)
{
	return watch_ended(request->requests->service->watch) >= request->ended;
}

/* With all that had ended when the look was done; others are served while it is read. */
static enum MHD_Result answer_statistics(struct request *request)
{
	struct service *service = request->requests->service;

	if (!request->ended)
		request->ended = service_ended(service);
	if (!has_read_enough(request) && watch_read(service->watch) < 0)
		return respond_failure(request, "the statistics cannot be read");
	if (has_read_enough(request))
		return respond_statistics(request);
	request_suspend(request);
	return MHD_YES;
}

static enum listing_kind kind_of(enum query_kind query)
{
	if (query == QUERY_LISTENERS)
		return LISTING_LISTENERS;
	return query == QUERY_EVENTS ? LISTING_CONNECTIONS : LISTING_NUMBERS;
}

/* Called again when the look is done. */
static enum MHD_Result answer_listing(struct request *request)
{
	enum listing_kind kind = kind_of(request->query.kind);
	int r;

	if (!request->listing) {
		r = listing_new(&request->listing, request->requests->service->listings, kind,
				&request->query.filter, on_listing, request);
		if (r < 0)
			return respond_failure(request,
					       r == -ENOMEM ? "out of memory"
							    : "there are too many looks at once");
	}
	r = listing_ready(request->listing);
	if (r == 0) {
		request_suspend(request);
		return MHD_YES;
	}
	if (r < 0)
		return respond_failure(request, "what waits cannot be looked at");
	if (kind == LISTING_NUMBERS)
		return answer_statistics(request);
	request_set_timeout(request, LISTING_TIMEOUT_SEC);
	return respond(request, MHD_HTTP_OK, TYPE_NDJSON,
		       MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, read_listing,
							 request, NULL));
}

static enum MHD_Result answer_status(struct request *request)
{
	return respond_json(request, MHD_HTTP_OK, status_json(request->requests->service));
}

static enum MHD_Result answer_diagnosis(struct request *request)
{
	const struct query *query = &request->query;

	return respond_json(request, MHD_HTTP_OK,
			    findings_json(request->requests->service->findings, query->port,
					  query->filter.pid));
}

static enum MHD_Result answer_health(struct request *request)
{
	int64_t read_ns = watch_read_ns(request->requests->service->watch);

	if (clock_monotonic_ns() - read_ns > 5 * NSEC_PER_SEC)
		return respond_failure(request, "the ring is not read");
	return respond_json(request, MHD_HTTP_OK, json_pack("{s:s}", "status", "ok"));
}

static const struct route routes[] = {
	{"/v1/events", QUERY_EVENTS, true, false, answer_events},
	{"/v1/connections", QUERY_EVENTS, true, false, answer_listing},
	{"/v1/listeners", QUERY_LISTENERS, true, false, answer_listing},
	{"/v1/summary", QUERY_SUMMARY, false, false, answer_listing},
	{"/v1/diagnosis", QUERY_DIAGNOSIS, false, false, answer_diagnosis},
	{"/v1/status", QUERY_NOTHING, false, false, answer_status},
	{"/metrics", QUERY_METRICS, false, true, answer_listing},
	{"/healthz", QUERY_NOTHING, false, true, answer_health},
};

static const struct route *find_route(const char *path, bool metrics_only)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, path) == 0 && (routes[i].open || !metrics_only))
			return &routes[i];
	}
	return NULL;
}

enum MHD_Result answer(struct request *request, const char *path, const char *method)
{
	static const struct query_error no_path = {
		.message = "there is no such path",
		.allowed = "/v1/events, /v1/connections, /v1/listeners, /v1/summary, "
			   "/v1/diagnosis, /v1/status, /metrics, /healthz"};
	static const struct query_error no_path_here = {.message = "there is no such path here",
							.allowed = "/metrics, /healthz"};
	static const struct query_error no_method = {.message = "this method is not answered",
						     .allowed = "GET, HEAD"};
	bool metrics_only = request->requests->metrics_only;
	const struct route *route = find_route(path, metrics_only);

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, &no_method);
	if (request->requests->ending)
		return MHD_NO;
	if (!route)
		return respond_error(request, MHD_HTTP_NOT_FOUND,
				     metrics_only ? &no_path_here : &no_path);
	if (!request_parse(request, route->query))
		return respond_error(request, MHD_HTTP_BAD_REQUEST, &request->error);
	if (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 && route->lines)
		return respond(request, MHD_HTTP_OK, TYPE_NDJSON,
			       MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
	return route->answer(request);
}

bool answer_goes_on(const struct request *request, int64_t now_ns)
{
	if (request->subscriber)
		return events_ready(request->subscriber, now_ns);
	return request->ended && has_read_enough(request);
}
