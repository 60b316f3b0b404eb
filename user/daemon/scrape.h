/* SPDX-License-Identifier: GPL-2.0 */
/* Gathers what the metrics are made of. */
#ifndef SLOWCLOSE_SCRAPE_H
#define SLOWCLOSE_SCRAPE_H

#include <stdio.h>

#include "service.h"
#include "waiting.h"

/*
 * Writes the answer of /metrics, of a look with all listeners that the statistics know already.
 * Returns 0, -ENOMEM, or -EIO when out failed.
 */
int scrape(FILE *out, struct service *service, const struct waiting *waiting);

#endif
