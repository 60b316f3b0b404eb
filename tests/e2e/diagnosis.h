/* SPDX-License-Identifier: GPL-2.0 */
/* What the service finds of the server of a port, or of its clients, and what it must find. */
#ifndef E2E_DIAGNOSIS_H
#define E2E_DIAGNOSIS_H

#include <jansson.h>
#include <stdint.h>

/* A list of codes for the functions below. */
#define FINDINGS_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

/*
 * Waits until all of the codes are found, and goes on doing so for some readings. Fails of any
 * other finding at any time. Returns the last answer; json_decref() it.
 */
json_t *diagnosis_expect(uint16_t port, const char *role, const char *const *codes);

/* Waits until none of the codes is found any more. Fails of any other. */
void diagnosis_expect_end(uint16_t port, const char *role, const char *const *codes);

/* Nothing is found while so many readings see something waiting. */
void diagnosis_expect_nothing(uint16_t port, const char *role, int readings);

/* Nothing is found now, whether anything waits or not. */
void diagnosis_is_empty(uint16_t port);

/* The server's evidence, of an answer. Fails where there is none. */
const json_t *diagnosis_evidence(const json_t *answer);

/* The server's finding of that code says that, in its headline, its proof or its advice. */
void diagnosis_says(const json_t *answer, const char *code, const char *text);

#endif
