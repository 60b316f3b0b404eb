// SPDX-License-Identifier: GPL-2.0
#include "http.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

static void append(struct buffer *buffer, const char *data, size_t size)
{
	if (buffer->room - buffer->size < size + 1) {
		buffer->room = 2 * (buffer->size + size + 1);
		buffer->data = realloc(buffer->data, buffer->room);
		assert_non_null(buffer->data);
	}
	memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
}

static void drop(struct buffer *buffer, size_t size)
{
	memmove(buffer->data, buffer->data + size, buffer->size - size);
	buffer->size -= size;
	if (buffer->data)
		buffer->data[buffer->size] = '\0';
}

void http_open(struct http *http)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memset(http, 0, sizeof(*http));
	http->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, service.socket);
	if (http->fd < 0 || connect(http->fd, (struct sockaddr *)&address, sizeof(address)))
		fail_msg("connecting to %s: %s", service.socket, strerror(errno));
}

void http_open_tcp(struct http *http, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	memset(http, 0, sizeof(*http));
	http->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (http->fd < 0 || connect(http->fd, (struct sockaddr *)&address, sizeof(address)))
		fail_msg("connecting to port %u: %s", port, strerror(errno));
}

void http_close(struct http *http)
{
	close(http->fd);
	free(http->in.data);
	free(http->body.data);
	memset(http, 0, sizeof(*http));
	http->fd = -1;
}

void http_write(struct http *http, const void *data, size_t size)
{
	send_all(http->fd, data, size);
}

void http_ask(struct http *http, const char *method, const char *target)
{
	char text[4096];
	int size =
		snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: e2e\r\n\r\n", method, target);

	http_write(http, text, (size_t)size);
}

/* Of a chunk's bytes the last two are its end. */
static size_t data_left(const struct http *http)
{
	return http->chunked && http->left ? http->left - 2 : http->left;
}

/* False: its size has not come yet, or it is the last one. */
static bool begin_chunk(struct http *http)
{
	char *end = http->in.size ? strstr(http->in.data, "\r\n") : NULL;
	size_t size = end ? strtoul(http->in.data, NULL, 16) : 0;

	if (!end)
		return false;
	if (size) {
		drop(&http->in, (size_t)(end + 2 - http->in.data));
		http->left = size + 2;
		return true;
	}
	if (strncmp(end, "\r\n\r\n", 4) != 0)
		return false;
	drop(&http->in, (size_t)(end + 4 - http->in.data));
	http->ended = true;
	return false;
}

/* From what has come to the body, as far as it goes. */
static void decode(struct http *http)
{
	while (!http->ended) {
		size_t left = data_left(http);
		size_t n = left < http->in.size ? left : http->in.size;

		append(&http->body, http->in.data, n);
		drop(&http->in, n);
		http->left -= n;
		if (n < left)
			return;
		if (!http->chunked) {
			http->ended = true;
			return;
		}
		if (http->left) {
			if (http->in.size < 2)
				return;
			drop(&http->in, 2);
			http->left = 0;
		}
		if (!begin_chunk(http))
			return;
	}
}

/* False at the end of the connection. */
static bool receive(struct http *http, int flags)
{
	char data[65536];
	ssize_t n = recv(http->fd, data, sizeof(data), flags);

	if (n > 0)
		append(&http->in, data, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Waits for something to come; false at the end of the connection. */
static bool receive_more(struct http *http)
{
	struct pollfd fd = {.fd = http->fd, .events = POLLIN};

	if (poll(&fd, 1, PATIENCE_MS) != 1)
		fail_msg("the service does not answer; so far: %s",
			 http->in.size ? http->in.data : "");
	return receive(http, 0);
}

static void copy_header(struct http *http, const char *name, char *value, size_t size)
{
	const char *found = strcasestr(http->in.data, name);
	size_t length;

	*value = '\0';
	if (!found)
		return;
	found += strlen(name);
	length = strcspn(found, "\r");
	assert_true(length < size);
	memcpy(value, found, length);
	value[length] = '\0';
}

void http_read_head(struct http *http, bool no_body)
{
	char value[64], *end;

	http->body.size = 0;
	while (!http->in.size || !(end = strstr(http->in.data, "\r\n\r\n"))) {
		if (!receive_more(http))
			fail_msg("the service ended the connection; so far: %s",
				 http->in.size ? http->in.data : "");
	}
	end[2] = '\0';
	if (sscanf(http->in.data, "HTTP/1.1 %d ", &http->status) != 1)
		fail_msg("no answer of HTTP: %s", http->in.data);
	copy_header(http, "\r\nContent-Type: ", http->type, sizeof(http->type));
	copy_header(http, "\r\nAllow: ", http->allow, sizeof(http->allow));
	copy_header(http, "\r\nTransfer-Encoding: ", value, sizeof(value));
	http->chunked = !no_body && !strcmp(value, "chunked");
	copy_header(http, "\r\nContent-Length: ", value, sizeof(value));
	http->left = no_body ? 0 : strtoul(value, NULL, 10);
	http->ended = no_body;
	drop(&http->in, (size_t)(end + 4 - http->in.data));
	decode(http);
}

const char *http_body(struct http *http)
{
	while (!http->ended) {
		if (!receive_more(http))
			fail_msg("the answer has no end: %s", http->body.data);
		decode(http);
	}
	append(&http->body, "", 0);
	return http->body.data;
}

const char *http_line_now(struct http *http)
{
	char *end = http->body.size ? memchr(http->body.data + http->taken, '\n',
					     http->body.size - http->taken)
				    : NULL;
	char *line = http->body.data + http->taken;

	if (!end) {
		drop(&http->body, http->taken);
		http->taken = 0;
		return NULL;
	}
	*end = '\0';
	http->taken = (size_t)(end + 1 - http->body.data);
	return line;
}

const char *http_line(struct http *http)
{
	const char *line;

	while (!(line = http_line_now(http)) && !http->ended) {
		if (!receive_more(http))
			fail_msg("the stream has ended");
		decode(http);
	}
	return line;
}

bool http_receive(struct http *http)
{
	bool open = receive(http, MSG_DONTWAIT);

	decode(http);
	return open;
}

bool http_ends(struct http *http)
{
	struct pollfd fd = {.fd = http->fd, .events = POLLIN};

	while (poll(&fd, 1, PATIENCE_MS) == 1) {
		if (!receive(http, 0))
			return true;
	}
	return false;
}
