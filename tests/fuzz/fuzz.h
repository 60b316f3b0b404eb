/* SPDX-License-Identifier: GPL-2.0 */
/* What all fuzz targets share: properties that abort, input cut into pieces, and what is safe. */
#ifndef SLOWCLOSE_FUZZ_H
#define SLOWCLOSE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer keeps an input that aborts. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct input {
	const uint8_t *data;
	size_t size;
};

/* The next bytes; zeros where there are no more. */
static inline void take(struct input *input, void *to, size_t size)
{
	size_t length = size < input->size ? size : input->size;

	memset(to, 0, size);
	memcpy(to, input->data, length);
	input->data += length;
	input->size -= length;
}

static inline uint8_t take_byte(struct input *input)
{
	uint8_t byte;

	take(input, &byte, 1);
	return byte;
}

static inline int64_t take_number(struct input *input)
{
	int64_t number;

	take(input, &number, sizeof(number));
	return number;
}

/* The input as text, to be freed. */
static inline char *text_of_input(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A file in memory: what was written to it is good after fclose(out), and to be freed. */
struct memory {
	FILE *out;
	char *text;
	size_t size;
};

static inline void memory_open(struct memory *memory)
{
	memory->out = open_memstream(&memory->text, &memory->size);
	CHECK(memory->out);
}

/* jansson's own test of UTF-8, not ours. */
static inline bool is_utf8(const char *text, size_t size)
{
	json_t *string = json_stringn(text, size);
	bool valid = string != NULL;

	json_decref(string);
	return valid;
}

static inline size_t count_newlines(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += text[i] == '\n';
	return count;
}

/* UTF-8 that a terminal obeys in nothing; newlines are counted. */
static inline void check_no_control(const char *text, size_t size)
{
	CHECK(is_utf8(text, size));
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < size ? (unsigned char)text[i + 1] : 0;

		CHECK(c >= 0x20 || c == '\n');
		CHECK(c != 0x7f);
		CHECK(c != 0xc2 || next >= 0xa0); /* C1 */
	}
}

/* UTF-8 without anything that moves a cursor, turns text or ends a line; newlines are counted. */
static inline void check_safe(const char *text, size_t size)
{
	check_no_control(text, size);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < size ? (unsigned char)text[i + 1] : 0;
		unsigned char third = i + 2 < size ? (unsigned char)text[i + 2] : 0;

		CHECK(c != 0xe2 || next != 0x80 || third < 0xa8 || third > 0xae);
	}
}

/* One line for people, with its end. */
static inline void check_line(const char *text, size_t size)
{
	CHECK(size && text[size - 1] == '\n');
	CHECK(count_newlines(text, size) == 1);
	check_safe(text, size);
}

/* Ends the line that was written, and frees it. */
static inline void memory_check_line(struct memory *memory)
{
	fputc('\n', memory->out);
	fclose(memory->out);
	check_line(memory->text, memory->size);
	free(memory->text);
}

/* One line with one JSON object; a new reference to it. */
static inline json_t *check_json_line(const char *text, size_t size)
{
	json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

	CHECK(json_is_object(object));
	check_no_control(text, size);
	CHECK(text[size - 1] == '\n' && count_newlines(text, size) == 1);
	return object;
}

#endif
