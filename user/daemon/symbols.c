// SPDX-License-Identifier: GPL-2.0
#include "symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "event.h"

#define SYMBOLS_MAX (1 << 20)
#define NAMES_MAX (64 * 1024 * 1024)

/* The kernel gives a page at a time; more at once only takes longer. */
#define PIECE 16384

/* No function is longer: an address so far behind the begin of one is in none that is known. */
#define FUNCTION_MAX 65536

/* Modules begin with a page of their own. */
#define PAGE 4096

/* It takes some 200 ms of CPU time. */
#define RENEW_NS (60 * NSEC_PER_SEC)

/* Packed: there are some 200,000, and they stay. */
struct __attribute__((packed)) symbol {
	uint64_t address;
	uint32_t name; /* where it is in names; 0: a module ends there */
};

struct symbols {
	struct array symbols; /* struct symbol */
	char *names; /* one after another, each with its zero */
	size_t names_size, names_room;
	int fd; /* of the file; 0: not open */
	char line[512]; /* one that a piece has cut */
	size_t line_size;
	char module[64]; /* of the last symbol; "": none */
	uint64_t module_last; /* the last of its addresses so far */
	bool missed; /* an address was not known */
	int64_t renewed_ns; /* 0: never */
};

struct symbols *symbols_new(void)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	array_init(&symbols->symbols, sizeof(struct symbol), SYMBOLS_MAX);
	symbols->names_size = 1;
	return symbols;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	if (symbols->fd > 0)
		close(symbols->fd);
	array_clear(&symbols->symbols);
	free(symbols->names);
	free(symbols);
}

/* Returns where it is, or -ENOMEM. */
static long add_name(struct symbols *symbols, const char *name, size_t length)
{
	size_t at = symbols->names_size;

	if (at + length + 1 > symbols->names_room) {
		size_t room = symbols->names_room ? symbols->names_room * 3 / 2 : 1 << 20;
		char *names = room <= NAMES_MAX ? realloc(symbols->names, room) : NULL;

		if (!names)
			return -ENOMEM;
		symbols->names = names;
		symbols->names_room = room;
	}
	memcpy(symbols->names + at, name, length);
	symbols->names[at + length] = '\0';
	symbols->names_size = at + length + 1;
	return (long)at;
}

static int add_symbol(struct symbols *symbols, const struct symbol *symbol)
{
	array_add(&symbols->symbols, symbol);
	return symbols->symbols.no_memory ? -ENOMEM : 0;
}

/* What is behind it is of a module that was loaded later. */
static int end_module(struct symbols *symbols)
{
	const struct symbol end = {.address = (symbols->module_last | (PAGE - 1)) + 1};

	if (!symbols->module[0])
		return 0;
	symbols->module[0] = '\0';
	return add_symbol(symbols, &end);
}

/* All of a module are together, in no order. */
static int note_module(struct symbols *symbols, const char *name, size_t length, uint64_t address)
{
	const size_t most = sizeof(symbols->module) - 1;
	int r = 0;

	if (length > most)
		length = most;
	if (strlen(symbols->module) != length || memcmp(symbols->module, name, length) != 0) {
		r = end_module(symbols);
		memcpy(symbols->module, name, length);
		symbols->module[length] = '\0';
		symbols->module_last = 0;
	}
	if (address > symbols->module_last)
		symbols->module_last = address;
	return r;
}

/* "ffffffff81000000 T name", and a tab and "[module]" behind it. */
static int add_line(struct symbols *symbols, const char *line, const char *end)
{
	struct symbol symbol = {0};
	const char *name;
	long at;
	int r;

	for (; line < end && *line != ' '; line++) {
		int digit = *line <= '9' ? *line - '0' : (*line | 0x20) - 'a' + 10;

		symbol.address = symbol.address << 4 | (uint64_t)(digit & 15);
	}
	if (end - line < 4 || (line[1] | 0x20) != 't' || !symbol.address)
		return 0;
	name = line + 3;
	line = name;
	while (line < end && *line != '\t' && *line != ' ')
		line++;
	at = add_name(symbols, name, (size_t)(line - name));
	if (at < 0)
		return (int)at;
	symbol.name = (uint32_t)at;
	r = note_module(symbols, line, (size_t)(end - line), symbol.address);
	return r < 0 ? r : add_symbol(symbols, &symbol);
}

long symbols_add(struct symbols *symbols, const char *text, size_t size)
{
	const char *at = text, *newline;

	while ((newline = memchr(at, '\n', size - (size_t)(at - text)))) {
		int r = add_line(symbols, at, newline);

		if (r < 0)
			return r;
		at = newline + 1;
	}
	return at - text;
}

static int compare(const void *a, const void *b)
{
	const struct symbol *one = a, *other = b;
	int order = compare_u64(one->address, other->address);

	/* Where one module ends, another can begin. */
	return order ? order : compare_u64(one->name, other->name);
}

void symbols_sort(struct symbols *symbols)
{
	end_module(symbols);
	array_sort(&symbols->symbols, compare);
}

/* Hidden ones are all zero; of those that are shown only a few variables' are. */
static bool shows_addresses(int fd)
{
	char text[4096] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return false;
	for (const char *line = text; line; line = strchr(line + 1, '\n')) {
		if (strtoull(line, NULL, 16))
			return true;
	}
	return false;
}

int symbols_open(struct symbols *symbols, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!shows_addresses(fd)) {
		close(fd);
		return -EPERM;
	}
	symbols->fd = fd;
	return 0;
}

int symbols_load(struct symbols *symbols)
{
	char buffer[sizeof(symbols->line) + PIECE];
	long used;
	ssize_t n;

	memcpy(buffer, symbols->line, symbols->line_size);
	n = read(symbols->fd, buffer + symbols->line_size, PIECE);
	if (n < 0)
		return -errno;
	if (n == 0) {
		symbols_sort(symbols);
		return 0;
	}
	n += (ssize_t)symbols->line_size;
	used = symbols_add(symbols, buffer, (size_t)n);
	if (used < 0)
		return (int)used;
	symbols->line_size = (size_t)(n - used);
	if (symbols->line_size > sizeof(symbols->line)) /* no symbol is so long */
		symbols->line_size = 0;
	memcpy(symbols->line, buffer + used, symbols->line_size);
	return 1;
}

const char *symbols_name(struct symbols *symbols, uint64_t address)
{
	const struct symbol wanted = {.address = address + 1};
	size_t i = array_first(&symbols->symbols, &wanted, compare);
	const struct symbol *symbol = i ? array_at(&symbols->symbols, i - 1) : NULL;

	if (symbol && symbol->name && address - symbol->address < FUNCTION_MAX)
		return symbols->names + symbol->name;
	symbols->missed = true;
	return NULL;
}

bool symbols_renew(struct symbols *symbols, int64_t now_ns)
{
	if (!symbols->missed || !symbols->fd ||
	    (symbols->renewed_ns && now_ns - symbols->renewed_ns < RENEW_NS) ||
	    lseek(symbols->fd, 0, SEEK_SET) < 0)
		return false;
	symbols->symbols.count = 0; /* their room is kept: there will be as many */
	symbols->names_size = 1;
	symbols->line_size = 0;
	symbols->missed = false;
	symbols->renewed_ns = now_ns;
	return true;
}
