/* SPDX-License-Identifier: GPL-2.0 */
/* Runs any program and reads what it writes, as far as a test waits for it. */
#ifndef E2E_PROGRAM_H
#define E2E_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

struct output {
	int fd; /* -1: at its end, or closed */
	char *text; /* so far; terminated */
	size_t length;
	size_t size;
};

/* Static, for a test that fails leaves it running; all zero at first, then used again. */
struct program {
	pid_t pid; /* 0: not running */
	char name[64];
	struct output out;
	struct output err;
};

/*
 * argv[0] is a path or in PATH; NULL ends it. With a uid that is not 0 it has no other privilege,
 * and argv[0] must be a path.
 */
void program_start(struct program *program, uid_t uid, const char *const *argv);

/* Each waits for a text, which must come. */
void program_expect_out(struct program *program, const char *text);
void program_expect_err(struct program *program, const char *text);

/* Takes what has come; waits for more of it, at most this long. */
void program_read(struct program *program, int timeout_ms);

/* As a reader does that has seen enough. */
void program_close_out(struct program *program);

/* Waits for its end, reading the rest. Returns its exit status. */
int program_end(struct program *program);

/* Those that a failed test left. */
void program_kill_all(void);

#endif
