// SPDX-License-Identifier: GPL-2.0
/* The kernel's symbols: it makes no difference how the text is cut into pieces. */
#include "fuzz.h"

#include "symbols.h"

/* All text in pieces of so many new bytes, as symbols_load() adds them. */
static struct symbols *load(const char *text, size_t size, size_t piece)
{
	struct symbols *symbols = symbols_new();
	size_t at = 0, end = 0;

	CHECK(symbols);
	while (end < size) {
		long used;
		char *part;

		end = end + piece < size ? end + piece : size;
		part = text_of_input((const uint8_t *)text + at, end - at);
		used = symbols_add(symbols, part, end - at);
		CHECK(used >= 0 && (size_t)used <= end - at);
		CHECK(used == 0 || part[used - 1] == '\n');
		CHECK(!memchr(part + used, '\n', end - at - (size_t)used));
		free(part);
		at += (size_t)used;
	}
	symbols_sort(symbols);
	return symbols;
}

static void check_same(struct symbols *one, struct symbols *other, uint64_t address)
{
	const char *name = symbols_name(one, address), *same = symbols_name(other, address);

	CHECK(!name == !same);
	if (name)
		CHECK(!strchr(name, '\n') && !strchr(name, ' ') && !strchr(name, '\t'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	size_t piece = 1 + take_byte(&input);
	struct symbols *whole = load((const char *)input.data, input.size, input.size);
	struct symbols *pieces = load((const char *)input.data, input.size, piece);
	uint64_t address = 0;

	for (size_t i = 0; i < input.size && i < 256; i++) {
		address = address << 4 | (input.data[i] & 15);
		check_same(whole, pieces, address);
	}
	check_same(whole, pieces, UINT64_MAX);
	symbols_free(pieces);
	symbols_free(whole);
	return 0;
}
