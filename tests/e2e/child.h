/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that do their part of a scenario and talk with the test about it. */
#ifndef E2E_CHILD_H
#define E2E_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int channel;
};

struct message {
	int64_t value;
	int64_t before; /* the span of what the child did */
	int64_t after;
};

/*
 * Runs in the child, which has no descriptor but the channel and the one it was given: no copy of
 * a socket that the test closes. The child ends when it returns, or when the test is gone.
 */
typedef void child_function(int channel, int fd);

/* Holds what it was given, and its namespace, until it is told anything. */
child_function child_idle;

/* fd stays open in the test, too; -1 for none. */
void child_start(struct child *child, child_function *function, int fd);
void child_tell(struct child *child, int64_t value);
struct message child_hear(struct child *child);

/* The child's side of these: hear ends the child when the test is gone. */
int64_t child_told(int channel);
void child_say(int channel, int64_t value, int64_t before, int64_t after);
_Noreturn void child_fail(const char *what);

/* Whether a process or thread sleeps; and until a child that was heard does, where it blocks next.
 */
bool task_asleep(pid_t tid);
void child_wait_asleep(const struct child *child);

void child_send_fd(struct child *child, int fd);
int child_receive_fd(int channel);

/* SIGKILL or the end that comes by itself; both wait for it. */
void child_kill(struct child *child);
void child_wait(struct child *child);
void child_kill_all(void);

#endif
