/* SPDX-License-Identifier: GPL-2.0 */
/* The parts that all objects of docs/api.md are made of. */
#ifndef SLOWCLOSE_JSON_PART_H
#define SLOWCLOSE_JSON_PART_H

#include <jansson.h>
#include <stdint.h>

/* How objects are written. 15 digits is what a double always keeps: 410.123 stays 410.123. */
#define JSON_STYLE (JSON_COMPACT | JSON_REAL_PRECISION(15))

#define JSON_CONTROL "\\u%04X" /* for printf(): a control character */

/*
 * For json_dump_callback(): writes to userdata, a FILE, as json_print(). A piece is of whole
 * characters, as jansson hands them out.
 */
int json_print_piece(const char *piece, size_t size, void *userdata);

/* New references; null where ns is UNKNOWN, and NULL out of memory. */
json_t *json_milliseconds(int64_t ns);

/* A process name can hold any byte; JSON can hold only UTF-8: the rest becomes U+FFFD. */
json_t *json_comm(const char comm[16]);

/* A unit or a container; null where text is "", or no UTF-8, since paths are bytes as well. */
json_t *json_place(const char *text);

#endif
