/* SPDX-License-Identifier: GPL-2.0 */
/* The command slowclose, and the service that it asks. */
#ifndef E2E_COMMAND_H
#define E2E_COMMAND_H

#include <jansson.h>
#include <stdint.h>

#include "program.h"
#include "service.h"

/* From these on a wait is slow for the service: longer than what is to be fast ever takes. */
#define COMMAND_SLOW "200ms"
#define COMMAND_SLOW_MS 200

/* Group setup and teardown: the service or, for the second, none where it would be. */
int command_setup(void **state);
int command_setup_alone(void **state);
int command_teardown(void **state);

/* For each test: undoes what a failed one may have left. */
int command_clean(void **state);

#define command_scenario(function) cmocka_unit_test_teardown(function, command_clean)

/* After service_stop(). */
void command_service_start(void);

/* slowclose --socket …, and these arguments. Both return at once, command_run() its exit status. */
#define command_start(command, ...)                                                                \
	command_start_as(command, 0, (const char *const[]){__VA_ARGS__, NULL})
#define command_run(command, ...)                                                                  \
	command_run_as(command, 0, (const char *const[]){__VA_ARGS__, NULL})

void command_start_as(struct program *command, uid_t uid, const char *const *arguments);
int command_run_as(struct program *command, uid_t uid, const char *const *arguments);

/* Waits until the service has so many: an earlier one may not have gone yet, a new one not come. */
void command_wait_subscribers(size_t count);

/* What it must print as JSON: an array of the lines up to now. */
json_t *command_lines(const struct program *command);

/* The answer of the command, which must be 0 and say nothing else. */
#define command_ask(command, ...)                                                                  \
	command_ask_as_given(command, (const char *const[]){__VA_ARGS__, NULL})
json_t *command_ask_as_given(struct program *command, const char *const *arguments);

/* No line of it is longer than a terminal. */
void command_expect_narrow(const char *text);

/* Nothing that it wrote can do anything to a terminal. */
void command_expect_harmless(const struct program *command);

/* A scenario of the group that has a service to ask. */
void command_examples_with_jq(void **state);

#endif
