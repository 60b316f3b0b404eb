/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration while the service runs: SIGHUP reads it again. What can change, changes; what
 * needs a restart is said; a configuration that is wrong changes nothing.
 */
#ifndef SLOWCLOSE_RELOAD_H
#define SLOWCLOSE_RELOAD_H

#include <jansson.h>

#include "config.h"
#include "settings.h"

struct service;

struct reload {
	struct service *service;
	const struct config_source *source;
	int64_t read_ns; /* CLOCK_REALTIME: when what is in use was read */
	bool failed; /* the last one, and error says of what */
	struct config_error error;
	unsigned long waiting; /* a bit for each setting that changes with the next start */
};

/* From here on SIGHUP waits, for what follows, instead of ending the process. Returns 0 or -errno.
 */
int reload_hold(void);

/* Reads again at each SIGHUP, once for those that wait. The service and its loop are there. Returns
 * 0 or -errno. */
int reload_prepare(struct reload *reload, struct service *service,
		   const struct config_source *source);

/* The field "configuration" of /v1/status, which docs/api.md describes. */
json_t *reload_json(const struct reload *reload);

#endif
