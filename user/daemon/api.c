// SPDX-License-Identifier: GPL-2.0
#include "api.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "answer.h"
#include "clients.h"
#include "clock.h"
#include "listen.h"
#include "listing.h"
#include "log.h"
#include "service.h"
#include "turn.h"

#define CLIENTS_MAX 1536
#define METRICS_CLIENTS_MAX 32 /* those that anybody may be */
#define OWN_DESCRIPTORS 128
#define CLIENT_MEMORY 8192 /* for its request, and for the headers of the answer */
#define CLIENT_TIMEOUT_SEC 5 /* without a byte of a request, and between two */
#define REQUEST_TIME_NS (10 * NSEC_PER_SEC) /* to send a request in */

/* So long clients are served before the ring has its turn. */
#define TURN_NS (10 * NSEC_PER_MSEC)

struct api {
	struct requests requests;
	struct MHD_Daemon *http;
	sd_event_source *io;
	sd_event_source *timer;
	sd_event_source *again; /* the turn after one that left more to do at once */
	struct clients clients;
	char *path;
};

static int on_again(sd_event_source *source, void *userdata);

static int ask_again(struct api *api)
{
	return turn_ask(watch_loop(api->requests.service->watch), &api->again, on_again, api);
}

static void on_resumed(void *userdata)
{
	ask_again(userdata);
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
	struct api *api = userdata;

	(void)version, (void)body;
	if (!*request_ret) {
		*request_ret = request_new(&api->requests, connection);
		return *request_ret ? MHD_YES : MHD_NO;
	}
	if (*body_size) { /* nothing here takes one */
		*body_size = 0;
		return MHD_YES;
	}
	client_has_asked(client_of(connection));
	return answer(*request_ret, path, method);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode code)
{
	(void)userdata, (void)code;
	if (*request)
		request_free(*request);
	*request = NULL;
	client_was_answered(client_of(connection), clock_monotonic_ns());
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
				  CLIENT_TIMEOUT_SEC); /* for the next one */
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

void api_wake(struct api *api)
{
	int64_t now_ns = clock_monotonic_ns();
	struct request *request;

	LIST_FOREACH(request, &api->requests.all, list)
	{
		if (request->suspended && answer_goes_on(request, now_ns))
			request_resume(request);
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

/* Of the unix socket. Descriptors are kept for the daemon's own needs, wherever the limit is. */
static unsigned int clients_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= CLIENTS_MAX + OWN_DESCRIPTORS)
		return CLIENTS_MAX;
	if (limit.rlim_cur <= 2 * OWN_DESCRIPTORS)
		return limit.rlim_cur / 2;
	return limit.rlim_cur - OWN_DESCRIPTORS;
}

static int start(struct api *api, int fd, unsigned int most)
{
	sd_event *loop = watch_loop(api->requests.service->watch);
	const union MHD_DaemonInfo *info;
	int r;

	api->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, api,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, most,
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

/* Takes fd over. */
static struct api *api_begin(struct service *service, int fd, unsigned int most, bool metrics_only)
{
	struct api *api = calloc(1, sizeof(*api));

	if (!api) {
		close(fd);
		return NULL;
	}
	api->requests.service = service;
	api->requests.unsent = &service->unsent;
	api->requests.metrics_only = metrics_only;
	api->requests.on_resumed = on_resumed;
	api->requests.userdata = api;
	if (start(api, fd, most) >= 0)
		return api;
	api_free(api);
	return NULL;
}

int api_new(struct api **ret, struct service *service, const char *path)
{
	int fd = listen_unix(path);
	struct api *api;

	if (fd < 0) /* logged */
		return fd;
	api = api_begin(service, fd, clients_max(), false);
	if (api)
		api->path = strdup(path);
	if (!api || !api->path) {
		log_error("cannot answer on %s: %s", path, strerror(ENOMEM));
		unlink(path);
		api_free(api);
		return -ENOMEM;
	}
	*ret = api;
	return 0;
}

int api_new_metrics(struct api **ret, struct service *service, int fd)
{
	*ret = api_begin(service, fd, METRICS_CLIENTS_MAX, true);
	if (!*ret) {
		log_error("cannot answer Prometheus: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	return 0;
}

/* MHD wants nothing suspended when it ends. */
static void end_requests(struct api *api)
{
	struct request *request;

	api->requests.ending = true;
	LIST_FOREACH(request, &api->requests.all, list)
	request_resume(request);
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
	if (api->path)
		unlink(api->path);
	free(api->path);
	free(api);
}
