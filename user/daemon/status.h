/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon tells about itself: /v1/status. */
#ifndef SLOWCLOSE_STATUS_H
#define SLOWCLOSE_STATUS_H

#include <jansson.h>

struct service;

/* A new reference, or NULL out of memory. */
json_t *status_json(struct service *service);

#endif
