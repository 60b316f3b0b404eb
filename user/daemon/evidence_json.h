/* SPDX-License-Identifier: GPL-2.0 */
/* Evidence and findings as JSON, as docs/api.md describes them. New references, or NULL. */
#ifndef SLOWCLOSE_EVIDENCE_JSON_H
#define SLOWCLOSE_EVIDENCE_JSON_H

#include <jansson.h>

#include "diagnose.h"
#include "json_part.h"

/* since_ns is CLOCK_REALTIME. */
json_t *json_finding(const struct finding *finding, int64_t since_ns);

/* Takes over findings, an array of those that are proven. */
json_t *json_service(const struct evidence *evidence, const struct diagnosis *diagnosis,
		     json_t *findings, unsigned int readings);

#endif
