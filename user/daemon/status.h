/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon tells about itself: /v1/status. */
#ifndef SLOWCLOSE_STATUS_H
#define SLOWCLOSE_STATUS_H

#include <jansson.h>
#include <stdint.h>

struct service;

/* A new reference, or NULL out of memory. */
json_t *status_json(struct service *service);

/* Memory of this process; UNKNOWN where /proc cannot be read. */
int64_t status_resident_bytes(void);

#endif
