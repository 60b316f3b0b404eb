/* SPDX-License-Identifier: GPL-2.0 */
/* Messages to stderr, one line each, "slowclose: …". */
#ifndef SLOWCLOSE_CLI_MESSAGE_H
#define SLOWCLOSE_CLI_MESSAGE_H

/* One line, without its newline. What comes from elsewhere must be safe for a terminal already. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
