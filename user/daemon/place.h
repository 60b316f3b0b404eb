/* SPDX-License-Identifier: GPL-2.0 */
/* Where a process belongs: systemd unit and container, from its cgroup (v1, v2 and hybrid). */
#ifndef SLOWCLOSE_PLACE_H
#define SLOWCLOSE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct places; /* what was found out last, for a time */

/* Returns NULL when there is no memory. */
struct places *places_new(void);
void places_free(struct places *places);

/*
 * Where the process is; or was, if it was asked for before it ended and others have not taken its
 * place here since. /proc is read at most once a second for a process. now_ns is CLOCK_MONOTONIC.
 * Returns place, or NULL where that is not known.
 */
const struct place *places_of(struct places *places, uint32_t pid, int64_t now_ns,
			      struct place *place);

/* Whether places_of() would not read /proc. */
bool places_known(const struct places *places, uint32_t pid, int64_t now_ns);

/*
 * The unit and the container in a cgroup's path, such as "/system.slice/nginx.service" or
 * "/system.slice/docker-<64 hexadecimal digits>.scope".
 */
void place_from_cgroup(struct place *place, const char *path);

#endif
