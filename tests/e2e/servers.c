// SPDX-License-Identifier: GPL-2.0
#include "servers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void server_prompt(int channel, int fd)
{
	char buffer[64];
	int connection;

	(void)channel;
	for (;;) {
		connection = accept(fd, NULL, NULL);
		if (connection < 0)
			child_fail("accept");
		while (read(connection, buffer, sizeof(buffer)) > 0)
			if (write(connection, "y", 1) != 1)
				break;
		close(connection);
	}
}

void server_exhausted(int channel, int fd)
{
	struct rlimit limit = {32, 4096};
	int connection;

	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(fd) >= 0)
		;
	fcntl(channel, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct message message;

		connection = accept(fd, NULL, NULL);
		if (connection >= 0)
			close(connection);
		else
			nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		if (recv(channel, &message, sizeof(message), 0) == sizeof(message)) {
			limit.rlim_cur = limit.rlim_max;
			setrlimit(RLIMIT_NOFILE, &limit);
		}
	}
}

void server_deadlocked(int channel, int fd)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	(void)channel, (void)fd;
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
}

static pthread_mutex_t locked_mutex = PTHREAD_MUTEX_INITIALIZER;

static void *locked_thread(void *argument)
{
	pthread_mutex_lock(&locked_mutex);
	pthread_mutex_lock(&locked_mutex);
	return argument;
}

void server_locked(int channel, int fd)
{
	pthread_t thread;

	(void)channel;
	for (;;) {
		if (accept(fd, NULL, NULL) < 0 ||
		    pthread_create(&thread, NULL, locked_thread, NULL))
			child_fail("accept");
	}
}

#define TURN_NS 1000000

struct turns {
	pthread_mutex_t mutex;
	volatile pid_t inside;
	volatile int taken[2];
};

static struct turns *turns;

/* The first goes first, and the second waits for the lock behind it. */
static bool is_early(int i)
{
	if (turns->taken[i] == turns->taken[1 - i])
		return i == 1 && !turns->inside;
	return turns->taken[i] > turns->taken[1 - i];
}

_Noreturn static void take_turns(int fd, int i)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		while (is_early(i))
			nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
		pthread_mutex_lock(&turns->mutex);
		turns->inside = getpid();
		close(accept(fd, NULL, NULL));
		turns->inside = 0;
		turns->taken[i]++;
		pthread_mutex_unlock(&turns->mutex);
	}
}

void server_taking_turns(int channel, int fd)
{
	pthread_mutexattr_t shared;

	turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (turns == MAP_FAILED)
		child_fail("mmap");
	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&turns->mutex, &shared);
	for (int i = 0; i < 2; i++) {
		if (fork() == 0)
			take_turns(fd, i);
	}
	child_told(channel);
	while (!turns->taken[0] || !turns->taken[1] || !turns->inside)
		nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
	kill(turns->inside, SIGSTOP);
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

void server_leaving(int channel, int fd)
{
	close(accept(fd, NULL, NULL));
	if (fork() == 0)
		child_told(channel);
}

static void *accepting_thread(void *argument)
{
	while (accept((int)(intptr_t)argument, NULL, NULL) >= 0)
		;
	return NULL;
}

void server_joining(int channel, int fd)
{
	pthread_t thread;

	(void)channel;
	if (pthread_create(&thread, NULL, accepting_thread, (void *)(intptr_t)fd) ||
	    pthread_join(thread, NULL))
		child_fail("thread");
}

char server_log[SERVER_LOG_SIZE];

void server_logging(int channel, int fd)
{
	int log = open(server_log, O_WRONLY);

	if (log < 0)
		child_fail(server_log);
	child_say(channel, 0, 0, 0);
	if (write(log, "x", 1) == 1)
		child_fail("a write to the stalled disk");
	server_prompt(channel, fd);
}

static int logging_channel, logging_file;

static void *logging_thread(void *argument)
{
	int connection = (int)(intptr_t)argument;
	char byte;

	if (read(connection, &byte, 1) != 1)
		child_fail("read");
	child_say(logging_channel, 0, 0, 0);
	if (write(logging_file, &byte, 1) == 1)
		child_fail("a write to the stalled disk");
	close(connection);
	return NULL;
}

void server_threaded(int channel, int fd)
{
	pthread_t thread;

	logging_channel = channel;
	logging_file = open(server_log, O_WRONLY);
	if (logging_file < 0)
		child_fail(server_log);
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (connection < 0 ||
		    pthread_create(&thread, NULL, logging_thread, (void *)(intptr_t)connection))
			child_fail("accept");
	}
}

void server_leaking(int channel, int fd)
{
	char buffer[64];

	(void)channel;
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		while (connection >= 0 && read(connection, buffer, sizeof(buffer)) > 0)
			;
	}
}

void server_forking(int channel, int fd)
{
	char buffer[64];

	(void)channel;
	for (;;) {
		int connection = accept(fd, NULL, NULL);
		pid_t heir;

		while (read(connection, buffer, sizeof(buffer)) > 0)
			;
		heir = fork();
		if (heir == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			for (;;)
				pause();
		}
		close(connection);
	}
}

void server_handing_over(int channel, int fd)
{
	(void)channel;
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			raise(SIGSTOP);
			_exit(0);
		}
		close(connection);
	}
}

static pthread_mutex_t parked_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t parked_work = PTHREAD_COND_INITIALIZER;

static void *parked_idle(void *argument)
{
	(void)argument;
	pthread_mutex_lock(&parked_mutex);
	for (;;)
		pthread_cond_wait(&parked_work, &parked_mutex);
	return NULL;
}

void server_parked(int channel, int fd)
{
	struct timespec end;
	pthread_t thread;

	(void)channel;
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&thread, NULL, parked_idle, NULL))
			child_fail("pthread_create");
	}
	if (accept(fd, NULL, NULL) < 0)
		child_fail("accept");
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 3600;
	pthread_mutex_lock(&parked_mutex);
	for (;;)
		pthread_cond_timedwait(&parked_work, &parked_mutex, &end);
}

void server_sending(int channel, int fd)
{
	struct message message;
	int connection = accept(fd, NULL, NULL);

	fcntl(channel, F_SETFL, O_NONBLOCK);
	while (recv(channel, &message, sizeof(message), 0) < 0) {
		char byte;

		recv(connection, &byte, 1, MSG_DONTWAIT);
		if (write(connection, "y", 1) != 1)
			child_fail("write");
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	close(connection);
	child_say(channel, 0, 0, 0);
	child_told(channel);
}

void server_closing(int channel, int fd)
{
	(void)channel;
	for (;;)
		close(accept(fd, NULL, NULL));
}

#define ANSWER_SEC 5

static int after_work(void *argument)
{
	int connection = (int)(intptr_t)argument;
	char byte;

	if (read(connection, &byte, 1) == 1)
		nanosleep(&(struct timespec){.tv_sec = ANSWER_SEC}, NULL);
	return connection;
}

static void *give_up(void *argument)
{
	close(after_work(argument));
	return NULL;
}

static void *answer(void *argument)
{
	int connection = after_work(argument);

	send(connection, "y", 1, MSG_NOSIGNAL);
	close(connection);
	return NULL;
}

static void serve_each(int fd, void *(*work)(void *))
{
	pthread_t thread;

	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (pthread_create(&thread, NULL, work, (void *)(intptr_t)connection) ||
		    pthread_detach(thread))
			child_fail("thread");
	}
}

void server_slow(int channel, int fd)
{
	(void)channel;
	serve_each(fd, give_up);
}

void server_answering_late(int channel, int fd)
{
	(void)channel;
	serve_each(fd, answer);
}
