/* SPDX-License-Identifier: GPL-2.0 */
/* Messages to stderr, one line each, "slowclosed: …". */
#ifndef SLOWCLOSE_LOG_H
#define SLOWCLOSE_LOG_H

#include <stdbool.h>

extern bool log_debug_enabled;

/* One line, without its newline. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
