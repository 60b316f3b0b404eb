// SPDX-License-Identifier: GPL-2.0
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "suite.h"

#define MAX_CHILDREN 16
#define CHANNEL_FD 3
#define GIVEN_FD 4

static struct child running[MAX_CHILDREN];

_Noreturn void child_fail(const char *what)
{
	dprintf(STDERR_FILENO, "child: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Both are moved out of the way first: either may sit where the other has to go. */
_Noreturn static void child_main(child_function *function, int channel, int fd)
{
	int high_channel = fcntl(channel, F_DUPFD, GIVEN_FD + 1);
	int high_fd = fd >= 0 ? fcntl(fd, F_DUPFD, GIVEN_FD + 1) : -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(high_channel, CHANNEL_FD) < 0)
		child_fail("dup2");
	if (fd >= 0 && dup2(high_fd, GIVEN_FD) < 0)
		child_fail("dup2");
	if (close_range(fd >= 0 ? GIVEN_FD + 1 : GIVEN_FD, ~0U, 0))
		child_fail("close_range");
	child_say(CHANNEL_FD, 0, 0, 0);
	function(CHANNEL_FD, fd >= 0 ? GIVEN_FD : -1);
	_exit(0);
}

static void remember(const struct child *child)
{
	for (size_t i = 0; i < MAX_CHILDREN; i++) {
		if (running[i].pid == 0) {
			running[i] = *child;
			return;
		}
	}
	fail_msg("more than %d children", MAX_CHILDREN);
}

void child_start(struct child *child, child_function *function, int fd)
{
	int channel[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel))
		fail_msg("socketpair: %s", strerror(errno));
	fflush(NULL);
	child->channel = channel[0];
	child->pid = fork();
	if (child->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (child->pid == 0)
		child_main(function, channel[1], fd);
	close(channel[1]);
	remember(child);
	child_hear(child); /* it has closed its copies of our descriptors */
}

void child_tell(struct child *child, int64_t value)
{
	struct message message = {.value = value};

	if (send(child->channel, &message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		fail_msg("telling the child: %s", strerror(errno));
}

struct message child_hear(struct child *child)
{
	struct pollfd fd = {.fd = child->channel, .events = POLLIN};
	struct message message = {};

	if (poll(&fd, 1, PATIENCE_MS) != 1)
		fail_msg("the child says nothing");
	if (recv(child->channel, &message, sizeof(message), 0) != sizeof(message))
		fail_msg("the child has ended");
	return message;
}

int64_t child_told(int channel)
{
	struct message message;

	if (recv(channel, &message, sizeof(message), 0) != sizeof(message))
		_exit(1);
	return message.value;
}

void child_idle(int channel, int fd)
{
	(void)fd;
	child_told(channel);
}

void child_say(int channel, int64_t value, int64_t before, int64_t after)
{
	struct message message = {value, before, after};

	if (send(channel, &message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		child_fail("saying");
}

bool task_asleep(pid_t tid)
{
	char path[64], line[512], state = '?';
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file)) {
		end = strrchr(line, ')'); /* a name can hold anything */
		if (end && end[1])
			state = end[2];
	}
	fclose(file);
	return state == 'S';
}

void child_wait_asleep(const struct child *child)
{
	int64_t deadline = deadline_ns();

	while (!task_asleep(child->pid)) {
		if (now_ns() > deadline)
			fail_msg("the child does not block");
		pass_ms(1);
	}
}

void child_send_fd(struct child *child, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(child->channel, &message, MSG_NOSIGNAL) != 1)
		fail_msg("passing a descriptor: %s", strerror(errno));
}

int child_receive_fd(int channel)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(channel, &message, 0) != 1)
		child_fail("recvmsg");
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		child_fail("no descriptor");
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

void child_wait(struct child *child)
{
	for (size_t i = 0; i < MAX_CHILDREN; i++) {
		if (running[i].pid == child->pid)
			running[i].pid = 0;
	}
	close(child->channel);
	waitpid(child->pid, NULL, 0);
	child->pid = 0;
}

void child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	child_wait(child);
}

void child_kill_all(void)
{
	for (size_t i = 0; i < MAX_CHILDREN; i++) {
		struct child child = running[i];

		if (child.pid)
			child_kill(&child);
	}
}
