/* SPDX-License-Identifier: GPL-2.0 */
/* What is answered on each path, as docs/api.md describes it. */
#ifndef SLOWCLOSE_ANSWER_H
#define SLOWCLOSE_ANSWER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "request.h"

/* Answers a request that is whole, or suspends it; called again when it was resumed. */
enum MHD_Result answer(struct request *request, const char *path, const char *method);

/* Whether a suspended one has what it waits for; a listing resumes its request itself. */
bool answer_goes_on(const struct request *request, int64_t now_ns);

#endif
