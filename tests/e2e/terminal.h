/* SPDX-License-Identifier: GPL-2.0 */
/* A terminal of tmux that a program runs in, and what it shows. */
#ifndef E2E_TERMINAL_H
#define E2E_TERMINAL_H

#include <stdbool.h>

#include "program.h"

struct terminal {
	struct program server; /* of tmux, for this one terminal */
	struct program client; /* each request in turn; its output is the answer */
	char socket[64];
};

/* tmux's socket is to be in this directory; argv[0] is a path, NULL ends it. */
void terminal_open(struct terminal *terminal, const char *directory, int columns, int lines,
		   const char *const *argv);
/* The same terminal once what ran in it has ended, empty. */
void terminal_run(struct terminal *terminal, const char *const *argv);
void terminal_resize(struct terminal *terminal, int columns, int lines);
void terminal_press(struct terminal *terminal, const char *key);

/*
 * What is on the screen now; what was too long for a line, and goes on in the next, is one line
 * again. Valid until the next call.
 */
const char *terminal_lines(struct terminal *terminal);

/* Waits until a text is on the screen, or in this line of it (from 0); or on it no more. */
void terminal_expect(struct terminal *terminal, const char *text);
void terminal_expect_in_line(struct terminal *terminal, int line, const char *text);
void terminal_expect_gone(struct terminal *terminal, const char *text);

/* Waits for the end of what runs in it. Returns its exit status. */
int terminal_end(struct terminal *terminal);
void terminal_close(struct terminal *terminal);

#endif
