/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon says of itself, for people. */
#ifndef SLOWCLOSE_CLI_STATUS_H
#define SLOWCLOSE_CLI_STATUS_H

#include <jansson.h>
#include <stdio.h>

/* Prints an answer of /v1/status. What is missing in it or of another type shows as "-". */
void status_print(FILE *out, const json_t *status);

#endif
