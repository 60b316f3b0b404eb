/* SPDX-License-Identifier: GPL-2.0 */
/* A stand-in for the system's journal: what it is sent can be looked at. */
#ifndef E2E_JOURNALD_H
#define E2E_JOURNALD_H

#include <jansson.h>

/* The service, started with these arguments, sends to it. */
void journald_start(const char *const *arguments);

/* The same, but nothing is taken until it goes on. */
void journald_start_hanging(const char *const *arguments);
void journald_go_on(void);

/* Stops both. */
void journald_stop(void);

/*
 * The next entry, waited for; json_decref() it. An object with its fields, of which each must be
 * there once.
 */
json_t *journald_next(void);

/* The same, of what has come: NULL if there is none. */
json_t *journald_next_now(void);

/* The value of a field, which must be there. */
const char *journald_field(json_t *entry, const char *name);

#endif
