/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration: lines "KEY = VALUE" of one file, then of the files *.conf in the directory
 * FILE.d, in the order of their names, then what the command line has set. The last value holds.
 */
#ifndef SLOWCLOSE_CONFIG_H
#define SLOWCLOSE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

#define CONFIG_OPTIONS_MAX 64

/* An option of the command line: a setting; the texts are those of argv. */
struct config_option {
	const char *name, *value;
};

struct config_source {
	const char *file; /* NULL: the command line alone */
	bool optional; /* nothing is wrong if it does not exist */
	struct config_option options[CONFIG_OPTIONS_MAX];
	size_t option_count;
};

/* The first thing that is wrong; its texts can break no line and no terminal. */
struct config_error {
	char file[512]; /* "": the command line */
	unsigned int line; /* 0: it is of the whole file */
	char key[64]; /* "": it is of no key */
	char message[640]; /* for people: what is wrong, and what is allowed */
};

#define CONFIG_TEXT_SIZE 1280

/*
 * Reads it all into *settings, beginning with the defaults. Returns 0; or -errno with *error, and
 * then *settings is of no use.
 */
int config_read(struct settings *settings, const struct config_source *source,
		struct config_error *error);

/*
 * "FILE:LINE: KEY: what is wrong; what is allowed" into buf, safe for a terminal whatever is in the
 * file. Returns buf.
 */
const char *config_error_text(const struct config_error *error, char buf[CONFIG_TEXT_SIZE]);

#endif
