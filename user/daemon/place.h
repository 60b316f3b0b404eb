/* SPDX-License-Identifier: GPL-2.0 */
/* Where a process belongs: systemd unit and container, from its cgroup (v1, v2 and hybrid). */
#ifndef SLOWCLOSE_PLACE_H
#define SLOWCLOSE_PLACE_H

#include <stdint.h>

#include "event.h"

/*
 * Where the process is; or was, if it was asked for before it ended and others have not taken its
 * place in a cache since. Returns place, or NULL where that is not known.
 */
const struct place *place_of(uint32_t pid, struct place *place);

/*
 * The unit and the container in a cgroup's path, such as "/system.slice/nginx.service" or
 * "/system.slice/docker-<64 hexadecimal digits>.scope".
 */
void place_from_cgroup(struct place *place, const char *path);

#endif
