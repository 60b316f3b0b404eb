/* SPDX-License-Identifier: GPL-2.0 */
/* Events as lines for people. */
#ifndef SLOWCLOSE_TEXT_H
#define SLOWCLOSE_TEXT_H

#include <stdio.h>

#include "event.h"

struct text_style {
	bool wide; /* more columns than 80 */
	bool list; /* of what waits now, instead of events as they come */
	bool no_time; /* -T */
	bool colour;
};

/* The column heads, one line. */
void text_event_head(FILE *out, const struct text_style *style);
void text_event(FILE *out, const struct event *event, const struct text_style *style);

/* The same without a table, for a log: only what is known, without the time and the newline. */
void text_event_line(FILE *out, const struct event *event);

/* A table of listeners; accept() that failed is told before the holder. */
void text_listener_head(FILE *out);
void text_listener(FILE *out, const struct listener_event *event);

/*
 * Copies at most size - 1 bytes of text, of length bytes, so that it can break no line and no
 * terminal: what is not printable ASCII or valid, printable UTF-8 becomes \xNN. Returns buf.
 */
const char *text_safe(const char *text, size_t length, char *buf, size_t size);

/* The same of text that can be missing, NULL or "": then it is a copy of missing. */
const char *text_or(const char *text, const char *missing, char *buf, size_t size);

/* The same of a process name, which can hold any byte and need not be terminated. */
const char *text_comm(const char comm[16], char *buf, size_t size);

#define TEXT_COMM_SIZE (16 * 4 + 1)

/* "192.0.2.1:80" or "[2001:db8::1]:80"; buf of TEXT_ADDRESS_SIZE. */
const char *text_address(enum conn_family family, const __u8 address[16], __u16 port, char *buf);

#define TEXT_ADDRESS_SIZE 56

#endif
