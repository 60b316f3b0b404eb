/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages to standard error, one line each, "slowclosed: …"; where that is the journal's, with
 * their priority. Nothing waits for a reader who does not read: what there is no room for is lost,
 * and counted in the next line.
 */
#ifndef SLOWCLOSE_LOG_H
#define SLOWCLOSE_LOG_H

#include <stdbool.h>
#include <syslog.h>

extern bool log_debug_enabled;

/* Whether standard error is the journal's. */
bool log_is_journal(void);

/* One line, without its newline; priority is syslog's. */
void log_at(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERR, __VA_ARGS__) /* it ends for this, or does not start */
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__) /* something is left out */
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)

#endif
