// SPDX-License-Identifier: GPL-2.0
#include "journald.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "service.h"
#include "sockets.h"
#include "suite.h"

#define SOCKET "/run/systemd/journal/socket"
#define ENTRY_MAX 65536

/* There is little room in the socket, so a thread takes what comes at once. */
static struct {
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	json_t *entries; /* as strings, as they came */
	size_t taken; /* of them, by the test */
} journald = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Only its bytes are looked at, and only by one who knows the length: any byte may be among them.
 */
struct text {
	const char *at, *end;
};

static json_t *cut(struct text *text, size_t length)
{
	json_t *string = json_stringn(text->at, length);

	if (!string)
		fail_msg("a field is no UTF-8: %.*s", (int)length, text->at);
	text->at += length;
	return string;
}

/* "NAME=value\n"; or, of a value with a newline in it, "NAME\n", its length, the value and "\n". */
static void parse_field(struct text *text, json_t *entry)
{
	size_t name_length = 0, length;
	char name[64] = "";
	uint64_t size;

	while (text->at + name_length < text->end && !strchr("=\n", text->at[name_length]))
		name_length++;
	assert_in_range(name_length, 1, sizeof(name) - 1);
	memcpy(name, text->at, name_length);
	text->at += name_length + 1;
	if (text->at[-1] == '=') {
		length = (size_t)((char *)memchr(text->at, '\n', (size_t)(text->end - text->at)) -
				  text->at);
	} else {
		memcpy(&size, text->at, sizeof(size));
		text->at += sizeof(size);
		length = le64toh(size);
	}
	if (json_object_get(entry, name) && strcmp(name, "SLOWCLOSE_PROOF") != 0)
		fail_msg("%s is there twice", name);
	json_object_set_new(entry, name, cut(text, length));
	assert_int_equal(*text->at++, '\n');
}

static void *take_all(void *unused)
{
	static char bytes[ENTRY_MAX];
	ssize_t size;

	(void)unused;
	while ((size = recv(journald.fd, bytes, sizeof(bytes), 0)) > 0) {
		pthread_mutex_lock(&journald.lock);
		json_array_append_new(journald.entries, json_stringn_nocheck(bytes, (size_t)size));
		pthread_mutex_unlock(&journald.lock);
	}
	return NULL;
}

static void make_directories(void)
{
	mkdir("/run", 0755); /* some machines have none */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL))
		fail_msg("mounting /run: %s", strerror(errno));
	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
}

static void enter(int home, int directory)
{
	assert_int_equal(setns(home, CLONE_NEWNS), 0);
	assert_int_equal(fchdir(directory), 0); /* setns() has gone to the root */
	close(home);
	close(directory);
}

/* The service inherits the /run that has the socket; the others keep theirs. */
void journald_start_hanging(const char *const *arguments)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int home = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	journald.entries = json_array();
	journald.taken = 0;
	journald.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	make_directories();
	assert_int_equal(bind(journald.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	daemon_tell_of_journal(true);
	service_start(arguments);
	daemon_tell_of_journal(false);
	enter(home, directory);
}

void journald_go_on(void)
{
	assert_int_equal(pthread_create(&journald.thread, NULL, take_all, NULL), 0);
}

void journald_start(const char *const *arguments)
{
	journald_start_hanging(arguments);
	journald_go_on();
}

void journald_stop(void)
{
	service_stop();
	shutdown(journald.fd, SHUT_RDWR);
	pthread_join(journald.thread, NULL);
	close(journald.fd);
	json_decref(journald.entries);
}

json_t *journald_next_now(void)
{
	json_t *taken, *entry;
	struct text text;

	pthread_mutex_lock(&journald.lock);
	taken = json_array_get(journald.entries, journald.taken);
	journald.taken += taken != NULL;
	pthread_mutex_unlock(&journald.lock);
	if (!taken)
		return NULL;
	entry = json_object();
	text.at = json_string_value(taken);
	text.end = text.at + json_string_length(taken);
	while (text.at < text.end)
		parse_field(&text, entry);
	return entry;
}

json_t *journald_next(void)
{
	int64_t deadline = deadline_ns();
	json_t *entry;

	while (!(entry = journald_next_now())) {
		if (now_ns() > deadline)
			fail_msg("the journal gets nothing more");
		pass_ms(1);
	}
	return entry;
}

const char *journald_field(json_t *entry, const char *name)
{
	const char *value = json_string_value(json_object_get(entry, name));

	if (!value)
		fail_msg("no %s in %s", name, json_dumps(entry, JSON_COMPACT));
	return value;
}
