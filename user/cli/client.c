// SPDX-License-Identifier: GPL-2.0
#include "client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "event.h"
#include "text.h"

#define TOO_LONG "the filters are too long to be asked for: give fewer, or shorter ones"

#define ERROR_BODY_MAX 65536 /* of an answer that is an error */
#define RECEIVE_SIZE (128L << 10) /* of what a stream has sent meanwhile, taken at once */
#define PAUSE_MS 1000 /* so often the reader has its turn when nothing comes */

/* An answer as it comes. */
struct answer {
	struct client *client;
	const struct client_reader *reader; /* NULL: of one object */
	CURL *curl;
	char *data; /* the object, the body of an error, or the line that has not ended yet */
	size_t size;
	size_t used;
	size_t max; /* of data */
	bool left_out; /* the line is too long */
	int64_t deadline_ns; /* 0: none */
	int64_t longest_ns; /* that the reader took at a time */
	int result; /* why it was ended here; 0: it was not */
};

/* Returns 0, -ENOMEM, or -EMSGSIZE: it would be more than allowed. */
static int store(struct answer *answer, const char *data, size_t length)
{
	size_t wanted = answer->used + length + 1;

	if (wanted > answer->max)
		return -EMSGSIZE;
	if (wanted > answer->size) {
		size_t size = wanted * 2 < answer->max ? wanted * 2 : answer->max;
		char *bigger = realloc(answer->data, size);

		if (!bigger)
			return -ENOMEM;
		answer->data = bigger;
		answer->size = size;
	}
	memcpy(answer->data + answer->used, data, length);
	answer->used += length;
	answer->data[answer->used] = '\0';
	return 0;
}

static int end_line(struct answer *answer)
{
	int r = 0;

	if (answer->left_out)
		answer->client->long_lines++;
	else if (answer->used)
		r = answer->reader->line(answer->reader->userdata, answer->data, answer->used);
	answer->left_out = false;
	answer->used = 0;
	return r;
}

static int store_piece(struct answer *answer, const char *data, size_t length)
{
	int r = answer->left_out ? 0 : store(answer, data, length);

	if (r == -EMSGSIZE) {
		answer->left_out = true;
		r = 0;
	}
	return r;
}

static int split_lines(struct answer *answer, const char *data, size_t length)
{
	const char *newline;
	int r = 0;

	while (r == 0 && (newline = memchr(data, '\n', length))) {
		size_t piece = (size_t)(newline - data);

		r = store_piece(answer, data, piece);
		if (r == 0)
			r = end_line(answer);
		data += piece + 1;
		length -= piece + 1;
	}
	return r ? r : store_piece(answer, data, length);
}

static long http_status(const struct answer *answer)
{
	long status = 0;

	curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static void note_time(struct answer *answer, int64_t begun_ns)
{
	int64_t ns = clock_monotonic_ns() - begun_ns;

	if (ns > answer->longest_ns)
		answer->longest_ns = ns;
}

static int pause_reader(struct answer *answer)
{
	const struct client_reader *reader = answer->reader;
	int64_t begun_ns = clock_monotonic_ns();
	int r = reader && reader->pause ? reader->pause(reader->userdata) : 0;

	note_time(answer, begun_ns);
	return r;
}

static size_t on_data(char *data, size_t one, size_t length, void *userdata)
{
	struct answer *answer = userdata;
	int64_t begun_ns = clock_monotonic_ns();

	(void)one;
	if (http_status(answer) != 200)
		answer->max = ERROR_BODY_MAX;
	if (answer->reader && http_status(answer) == 200)
		answer->result = split_lines(answer, data, length);
	else
		answer->result = store(answer, data, length);
	note_time(answer, begun_ns);
	answer->client->heard_ns = clock_monotonic_ns(); /* it can have taken long to write */
	return answer->result ? 0 : length;
}

static bool is_late(const struct answer *answer)
{
	int64_t now = clock_monotonic_ns();

	return now - answer->client->heard_ns > answer->client->silence_ms * NSEC_PER_MSEC ||
	       (answer->deadline_ns && now > answer->deadline_ns);
}

/* Why the transfer has ended. */
static CURLcode code_of(CURLM *multi)
{
	int left;
	const CURLMsg *message = curl_multi_info_read(multi, &left);

	return message ? message->data.result : CURLE_OUT_OF_MEMORY;
}

/*
 * Takes what has come, then lets the reader pause, then waits for more. The reader may take as long
 * as it likes, as less does at the end of a page: the other side's silence is what counts, and that
 * is known when what has come meanwhile was taken.
 */
static CURLcode transfer(struct answer *answer, CURLM *multi)
{
	int running = 0;

	while (curl_multi_perform(multi, &running) == CURLM_OK && running) {
		if (answer->result == 0 && is_late(answer))
			answer->result = -ETIMEDOUT;
		if (answer->result == 0)
			answer->result = pause_reader(answer);
		if (answer->result)
			return CURLE_ABORTED_BY_CALLBACK;
		curl_multi_poll(multi, NULL, 0, PAUSE_MS, NULL);
	}
	return code_of(multi);
}

static CURLcode perform(struct answer *answer)
{
	CURLM *multi = curl_multi_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;

	if (multi && curl_multi_add_handle(multi, answer->curl) == CURLM_OK) {
		code = transfer(answer, multi);
		curl_multi_remove_handle(multi, answer->curl);
	}
	curl_multi_cleanup(multi);
	return code;
}

static int set_up(CURL *curl, const struct query *query, struct answer *answer)
{
	char url[QUERY_SIZE + sizeof("http://localhost")];

	snprintf(url, sizeof(url), "http://localhost%s", query->text);
	if (curl_easy_setopt(curl, CURLOPT_URL, url) ||
	    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, answer->client->socket) ||
	    curl_easy_setopt(curl, CURLOPT_PROXY, "") || /* none, whatever the environment says */
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) ||
	    curl_easy_setopt(curl, CURLOPT_USERAGENT, "slowclose/" SLOWCLOSE_VERSION) ||
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data) ||
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) ||
	    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, RECEIVE_SIZE))
		return -ENOMEM;
	return 0;
}

static int explain(struct client *client, int error, const char *sentence)
{
	snprintf(client->message, sizeof(client->message), "%s", sentence);
	return error;
}

/* An answer that was ended here: by its reader, or for one of these reasons. */
static int explain_result(struct client *client, int result)
{
	switch (result) {
	case -ETIMEDOUT:
		return explain(client, result,
			       "slowclosed does not answer: is it stopped, or the machine too "
			       "busy? (systemctl status slowclosed)");
	case -ENOMEM:
		return explain(client, result, "out of memory");
	case -EMSGSIZE:
		return explain(client, -EBADMSG,
			       "the answer is longer than any of slowclosed: is it the right "
			       "--socket?");
	default:
		return result;
	}
}

/*
 * Whether the daemon has lost its patience: the reader can have taken half of that to write what
 * had come, and the rest in its next pause.
 */
static bool was_slow(const struct answer *answer)
{
	int64_t patience_ns = answer->client->patience_ms * NSEC_PER_MSEC;

	return patience_ns && answer->longest_ns >= patience_ns / 2;
}

static int explain_slow(const struct answer *answer)
{
	struct client *client = answer->client;

	snprintf(client->message, sizeof(client->message),
		 "the answer broke off: the output was not read for %.0f seconds, and slowclosed "
		 "waits for %.0f; write it to a file first",
		 (double)answer->longest_ns / 1e9, (double)client->patience_ms / 1e3);
	return -ECONNRESET;
}

static int finish(struct answer *answer, CURLcode code)
{
	struct client *client = answer->client;
	long status = http_status(answer), os_error = 0;
	int r = 0;

	if (answer->result)
		return explain_result(client, answer->result);
	if (code != CURLE_OK) {
		curl_easy_getinfo(answer->curl, CURLINFO_OS_ERRNO, &os_error);
		if (was_slow(answer))
			return explain_slow(answer);
		return client_explain_failure(client->message, sizeof(client->message), code,
					      (int)os_error, client->socket);
	}
	if (status != 200)
		return client_explain_answer(client->message, sizeof(client->message), status,
					     answer->data ? answer->data : "", answer->used);
	/* The last line may lack its newline. */
	if (answer->reader && (answer->used || answer->left_out))
		r = end_line(answer);
	return r ? r : pause_reader(answer);
}

static int request(struct answer *answer, const struct query *query)
{
	struct client *client = answer->client;
	int r;

	client->message[0] = '\0';
	client->heard_ns = clock_monotonic_ns();
	if (query->too_long)
		return explain(client, -EINVAL, TOO_LONG);
	answer->curl = curl_easy_init();
	r = answer->curl ? set_up(answer->curl, query, answer) : -ENOMEM;
	if (r == 0)
		r = finish(answer, perform(answer));
	else
		explain(client, r, "out of memory");
	curl_easy_cleanup(answer->curl);
	return r;
}

int client_get(struct client *client, const struct query *query, json_t **ret)
{
	struct answer answer = {
		.client = client,
		.max = CLIENT_OBJECT_MAX,
		.deadline_ns = clock_monotonic_ns() + CLIENT_OBJECT_MS * NSEC_PER_MSEC,
	};
	int r = request(&answer, query);

	*ret = NULL;
	if (r == 0) {
		*ret = json_loadb(answer.data ? answer.data : "", answer.used, 0, NULL);
		if (!json_is_object(*ret)) {
			json_decref(*ret);
			*ret = NULL;
			r = explain(client, -EBADMSG,
				    "the answer is no JSON object, as those of slowclosed are: is "
				    "it the right --socket?");
		}
	}
	free(answer.data);
	return r;
}

int client_lines(struct client *client, const struct query *query,
		 const struct client_reader *reader)
{
	struct answer answer = {.client = client, .reader = reader, .max = CLIENT_LINE_MAX};
	int r = request(&answer, query);

	free(answer.data);
	return r;
}

static int explain_connect(char *text, size_t size, int os_error, const char *socket)
{
	switch (os_error) {
	case EACCES:
	case EPERM:
		snprintf(text, size,
			 "no permission for %s: it is for root and the group slowclose. Join it "
			 "(sudo usermod -aG slowclose $USER, then log in again), or use sudo",
			 socket);
		return -EACCES;
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		snprintf(text, size,
			 "no slowclosed answers at %s (--socket PATH asks elsewhere). Start it: "
			 "systemctl start slowclosed, or sudo slowclosed; or look with no service: "
			 "sudo slowclosed --list, what waits now, or sudo slowclosed --tail",
			 socket);
		return os_error == ECONNREFUSED ? -ECONNREFUSED : -ENOENT;
	default:
		snprintf(text, size, "cannot connect to slowclosed at %s: %s", socket,
			 os_error ? strerror(os_error) : "no reason is known");
		return -ECONNREFUSED;
	}
}

int client_explain_failure(char *text, size_t size, CURLcode code, int os_error, const char *socket)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return explain_connect(text, size, os_error, socket);
	case CURLE_OUT_OF_MEMORY:
		snprintf(text, size, "out of memory");
		return -ENOMEM;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		snprintf(text, size, "the answer of slowclosed broke off: did it end?");
		return -ECONNRESET;
	default:
		snprintf(text, size, "what answers at %s is not slowclosed (%s)", socket,
			 curl_easy_strerror(code));
		return -EBADMSG;
	}
}

static const char *safe(const json_t *value, char *buf, size_t size)
{
	return text_or(json_string_value(value), "", buf, size);
}

/* " (lport="x"; it takes …)", as much as is known of it. */
static void add_parameter(char *text, size_t size, const json_t *error)
{
	const json_t *parameter = json_object_get(error, "parameter");
	const json_t *value = json_object_get(error, "value");
	const json_t *allowed = json_object_get(error, "allowed");
	char buf[192];
	size_t used = strlen(text);

	if (json_is_string(parameter))
		used += (size_t)snprintf(text + used, size - used, "; parameter %s",
					 safe(parameter, buf, sizeof(buf)));
	if (json_is_string(value) && used < size)
		used += (size_t)snprintf(text + used, size - used, ", value \"%s\"",
					 safe(value, buf, sizeof(buf)));
	if (json_is_string(allowed) && used < size)
		snprintf(text + used, size - used, ", allowed: %s",
			 safe(allowed, buf, sizeof(buf)));
}

static int error_of(long status)
{
	return status == 503 ? -EAGAIN : status >= 400 && status < 500 ? -EINVAL : -EBADMSG;
}

int client_explain_answer(char *text, size_t size, long status, const char *body, size_t length)
{
	json_t *object = json_loadb(body, length, 0, NULL);
	const json_t *error = json_object_get(object, "error");
	char buf[384]; /* all of them fit into a client's message: no character is cut */

	if (json_is_string(json_object_get(error, "message"))) {
		snprintf(text, size, "slowclosed says: %s",
			 safe(json_object_get(error, "message"), buf, sizeof(buf)));
		add_parameter(text, size, error);
	} else if (status == 414 || status == 431) { /* of the HTTP library, which answers text */
		snprintf(text, size, "%s (HTTP status %ld)", TOO_LONG, status);
	} else {
		snprintf(text, size,
			 "the answer is HTTP status %ld and no error of slowclosed: is it the "
			 "right --socket?",
			 status);
	}
	json_decref(object);
	return error_of(status);
}
