// SPDX-License-Identifier: GPL-2.0
/* Servers that want more CPU than they get. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "servers.h"
#include "suite.h"

/* CPU time of each request. */
#define STARVED_WORK_NS 500000000
#define THROTTLED_WORK_NS 50000000

#define HOGS 4

struct cgroup server_cgroup;

/* A process that ends with the server. */
static void start_beside(void (*run)(void))
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run();
}

_Noreturn static void be_a_hog(void)
{
	for (;;)
		;
}

static void start_hogs(int count)
{
	for (int i = 0; i < count; i++)
		start_beside(be_a_hog);
}

static int64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void use_cpu(int64_t ns)
{
	int64_t end = cpu_ns() + ns;

	while (cpu_ns() < end)
		;
}

/* Each request takes some CPU. */
_Noreturn static void work(int fd, int64_t request_ns)
{
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		use_cpu(request_ns);
		close(connection);
	}
}

void server_starved(int channel, int fd)
{
	(void)channel;
	if (suite_use_one_cpu())
		child_fail("sched_setaffinity");
	start_hogs(HOGS);
	work(fd, STARVED_WORK_NS);
}

void server_throttled(int channel, int fd)
{
	if (!cgroup_enter(&server_cgroup))
		child_fail("cgroup.procs");
	start_hogs(1);
	child_say(channel, 0, 0, 0);
	work(fd, THROTTLED_WORK_NS);
}

#define TICKING_THREADS 40
#define TICK_NS 50000000
#define INTERRUPTION_NS 50000000

/* In the manner of a driver or of a host that takes the CPU away: no thread of the others runs. */
_Noreturn static void interrupt(void)
{
	const struct sched_param above_all = {.sched_priority = 50};

	if (sched_setscheduler(0, SCHED_FIFO, &above_all))
		child_fail("SCHED_FIFO");
	for (;;) {
		use_cpu(INTERRUPTION_NS);
		nanosleep(&(struct timespec){.tv_nsec = 1000000000 - INTERRUPTION_NS}, NULL);
	}
}

_Noreturn static void *tick(void *argument)
{
	(void)argument;
	for (;;)
		nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
}

void server_interrupted(int channel, int fd)
{
	pthread_t thread;

	(void)channel;
	if (suite_use_one_cpu())
		child_fail("sched_setaffinity");
	start_beside(interrupt);
	for (int i = 0; i < TICKING_THREADS; i++) {
		if (pthread_create(&thread, NULL, tick, NULL))
			child_fail("thread");
	}
	for (;;) {
		if (accept(fd, NULL, NULL) < 0)
			child_fail("accept");
	}
}

_Noreturn static void *burn(void *argument)
{
	(void)argument;
	for (;;)
		;
}

void server_busy(int channel, int fd)
{
	pthread_t thread;

	(void)channel, (void)fd;
	if (suite_use_one_cpu())
		child_fail("sched_setaffinity");
	if (nice(-5) == -1) /* over what else this machine does */
		child_fail("nice");
	for (int i = 1; i < HOGS; i++) {
		if (pthread_create(&thread, NULL, burn, NULL))
			child_fail("thread");
	}
	burn(NULL);
}
