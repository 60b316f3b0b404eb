/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an option of the command line and a key of the configuration can set alike: the service's
 * settings, by one name, with one parser.
 */
#ifndef SLOWCLOSE_SETTINGS_H
#define SLOWCLOSE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hooks.h"
#include "listen.h"
#include "socket_path.h"

struct settings {
	struct thresholds slow;
	enum backend backend;
	bool stream_slow; /* records of slow connections only */
	uint32_t max_connections; /* 0: the default */
	int64_t report_interval_ns; /* 0: never; else a second at least */
	uint32_t journal_events; /* slow connections in the journal each second, at most */
	char socket_path[SOCKET_PATH_SIZE];
	struct listen_address metrics_listen; /* size 0: nowhere */
};

/* The settings are numbered, in the order of the manual; their names, and NULL from the last on. */
const char *settings_name(size_t i);

/* All names, for people. */
const char *settings_names(void);

/* The number of a setting, or -ENOENT. */
int settings_find(const char *name);

/* Everything by its default. */
void settings_init(struct settings *settings);

/* Returns 0, or -EINVAL where the value is not allowed; settings_allowed() tells people what is. */
int settings_set(struct settings *settings, size_t i, const char *value);
const char *settings_allowed(size_t i);

/* Whether it can change while the daemon runs. */
bool settings_is_live(size_t i);

/* Those of the hooks. */
void settings_hooks(const struct settings *settings, struct hooks_options *hooks);

/* Whether both have the same value of one setting; and makes it so. */
bool settings_same(const struct settings *one, const struct settings *other, size_t i);
void settings_copy(struct settings *to, const struct settings *from, size_t i);

#endif
