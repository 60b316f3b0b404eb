/* SPDX-License-Identifier: GPL-2.0 */
/* What a summary can be asked for, by the words of the query, the output and the options. */
#ifndef SLOWCLOSE_SUMMARY_WORDS_H
#define SLOWCLOSE_SUMMARY_WORDS_H

enum window {
	WINDOW_1M,
	WINDOW_5M,
	WINDOW_1H,
	WINDOW_START, /* since the start of the statistics */
	WINDOW_COUNT,
};

enum summary_by {
	BY_SERVICE,
	BY_PORT,
	BY_UNIT,
	BY_PROCESS,
	BY_PEER,
	BY_COUNT,
};

/* "service", …; "1m", …. NULL for any other number. */
const char *summary_by_name(enum summary_by by);
const char *summary_window_name(enum window window);

/* For people, where a word is wrong. */
#define SUMMARY_BY_ALLOWED "service, process, port, unit or peer"
#define SUMMARY_WINDOW_ALLOWED "1m, 5m, 1h or start"

/* Return 0 or -EINVAL. */
int summary_by_parse(const char *text, enum summary_by *by);
int summary_window_parse(const char *text, enum window *window);

#endif
