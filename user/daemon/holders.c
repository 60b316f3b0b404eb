// SPDX-License-Identifier: GPL-2.0
#include "holders.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct held {
	uint64_t sock;
	uint32_t pid;
	uint32_t fd;
};

_Static_assert(sizeof(struct held) == HOLDER_BYTES, "the memory that room.c counts with");

struct name {
	uint32_t pid;
	char comm[16];
};

void holders_init(struct holders *holders, size_t most)
{
	array_init(&holders->held, sizeof(struct held), most);
	array_init(&holders->names, sizeof(struct name), most);
	holders->shown = NULL;
}

unsigned long holders_left_out(const struct holders *holders)
{
	return holders->held.left_out;
}

void holders_clear(struct holders *holders)
{
	array_clear(&holders->held);
	array_clear(&holders->names);
	free(holders->shown);
	holders->shown = NULL;
}

void holders_add(struct holders *holders, const struct holder *holder)
{
	struct held held = {holder->sock, holder->pid, holder->fd};
	const struct name *last = NULL;
	struct name name = {.pid = holder->pid};

	array_add(&holders->held, &held);
	if (holders->names.count)
		last = array_at(&holders->names, holders->names.count - 1);
	if (last && last->pid == holder->pid)
		return;
	memcpy(name.comm, holder->comm, sizeof(name.comm));
	array_add(&holders->names, &name);
}

static int compare_held(const void *a, const void *b)
{
	const struct held *one = a, *other = b;
	int order = compare_u64(one->sock, other->sock);

	if (!order)
		order = compare_u64(one->pid, other->pid);
	return order ? order : compare_u64(one->fd, other->fd);
}

static int compare_names(const void *a, const void *b)
{
	const struct name *one = a, *other = b;

	return compare_u64(one->pid, other->pid);
}

/* The kernel shows threads with a table of descriptors of their own too; each descriptor once. */
static void remove_repeated(struct array *held)
{
	size_t kept = 0;

	for (size_t i = 1; i < held->count; i++) {
		if (compare_held(array_at(held, kept), array_at(held, i)) != 0)
			memcpy(array_at(held, ++kept), array_at(held, i), held->item_size);
	}
	held->count = kept + 1;
}

/* Whether it is one of the first descriptors of its process, in order and each being there once. */
static bool is_shown(const struct held *held, size_t i)
{
	const struct held *before;

	if (i < HOLDERS_OF_PROCESS_MAX)
		return true;
	before = &held[i - HOLDERS_OF_PROCESS_MAX];
	return before->sock != held[i].sock || before->pid != held[i].pid;
}

static size_t most_of_a_socket(const struct array *array)
{
	const struct held *held = array_at(array, 0);
	size_t most = 0, shown = 0;

	for (size_t i = 0; i < array->count; i++) {
		if (i && held[i].sock != held[i - 1].sock)
			shown = 0;
		shown += is_shown(held, i);
		if (shown > most)
			most = shown;
	}
	return most;
}

int holders_sort(struct holders *holders)
{
	if (holders->held.no_memory || holders->names.no_memory)
		return -ENOMEM;
	if (!holders->held.count)
		return 0;
	array_sort(&holders->held, compare_held);
	array_sort(&holders->names, compare_names);
	remove_repeated(&holders->held);
	holders->shown = calloc(most_of_a_socket(&holders->held), sizeof(*holders->shown));
	return holders->shown ? 0 : -ENOMEM;
}

const char *holders_comm(const struct holders *holders, uint32_t pid)
{
	const struct name wanted = {.pid = pid}, *name;
	size_t i = array_first(&holders->names, &wanted, compare_names);

	name = array_at(&holders->names, i);
	return i < holders->names.count && name->pid == pid ? name->comm : NULL;
}

const struct holder *holders_of(const struct holders *holders, uint64_t sock, size_t *count,
				size_t *left_out)
{
	const struct held wanted = {.sock = sock}, *held = array_at(&holders->held, 0);
	size_t i = array_first(&holders->held, &wanted, compare_held);

	*count = *left_out = 0;
	for (; i < holders->held.count && held[i].sock == sock; i++) {
		struct holder *shown = &holders->shown[*count];

		if (!is_shown(held, i)) {
			++*left_out;
			continue;
		}
		*shown = (struct holder){.sock = sock, .pid = held[i].pid, .fd = held[i].fd};
		memcpy(shown->comm, holders_comm(holders, shown->pid), sizeof(shown->comm));
		++*count;
	}
	return holders->shown;
}
