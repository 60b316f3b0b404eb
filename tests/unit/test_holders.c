// SPDX-License-Identifier: GPL-2.0
/* Descriptors of sockets: each once, with the name of its process, a few of each, and no more than
 * there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "holders.h"

static void add(struct holders *holders, uint64_t sock, uint32_t pid, uint32_t fd, const char *comm)
{
	struct holder holder = {.sock = sock, .pid = pid, .fd = fd};

	memcpy(holder.comm, comm, strlen(comm));
	holders_add(holders, &holder);
}

static void expect(const struct holder *holder, uint32_t pid, uint32_t fd, const char *comm)
{
	assert_int_equal(holder->pid, pid);
	assert_int_equal(holder->fd, fd);
	assert_int_equal(strncmp(holder->comm, comm, sizeof(holder->comm)), 0);
}

static void each_descriptor_has_its_process(void **state)
{
	const struct holder *found;
	struct holders holders;
	size_t count, left_out;

	(void)state;
	holders_init(&holders, 100);
	add(&holders, 20, 7, 5, "server");
	add(&holders, 10, 7, 4, "server");
	add(&holders, 20, 7, 3, "server");
	add(&holders, 20, 3, 9, "sixteen letters.");
	assert_int_equal(holders_sort(&holders), 0);
	found = holders_of(&holders, 20, &count, &left_out);
	assert_int_equal(count, 3);
	expect(&found[0], 3, 9, "sixteen letters.");
	expect(&found[1], 7, 3, "server");
	expect(&found[2], 7, 5, "server");
	found = holders_of(&holders, 10, &count, &left_out);
	assert_int_equal(count, 1);
	expect(&found[0], 7, 4, "server");
	holders_of(&holders, 15, &count, &left_out);
	assert_int_equal(count, 0);
	holders_clear(&holders);
}

/* A thread with a table of descriptors of its own, which others of its process have between. */
static void the_same_descriptor_is_there_once(void **state)
{
	const struct holder *found;
	struct holders holders;
	size_t count, left_out;

	(void)state;
	holders_init(&holders, 100);
	for (int thread = 0; thread < 3; thread++) {
		add(&holders, 10, 7, 4, "server");
		add(&holders, 10, 8, 4, "other");
	}
	assert_int_equal(holders_sort(&holders), 0);
	found = holders_of(&holders, 10, &count, &left_out);
	assert_int_equal(count, 2);
	expect(&found[0], 7, 4, "server");
	expect(&found[1], 8, 4, "other");
	holders_clear(&holders);
}

/* Descriptors are for nothing, and a socket can be dup()ed as often as there may be any. */
static void a_process_shows_a_few(void **state)
{
	const struct holder *found;
	struct holders holders;
	size_t count, left_out;

	(void)state;
	holders_init(&holders, SIZE_MAX);
	for (uint32_t fd = 3; fd < 30003; fd++)
		add(&holders, 10, 7, fd, "hostile");
	for (uint32_t fd = 3; fd < 3 + HOLDERS_OF_PROCESS_MAX; fd++)
		add(&holders, 11, 7, fd, "hostile");
	add(&holders, 10, 8, 4, "server");
	assert_int_equal(holders_sort(&holders), 0);
	found = holders_of(&holders, 10, &count, &left_out);
	assert_int_equal(count, HOLDERS_OF_PROCESS_MAX + 1);
	assert_int_equal(left_out, 30000 - HOLDERS_OF_PROCESS_MAX);
	for (uint32_t i = 0; i < HOLDERS_OF_PROCESS_MAX; i++)
		expect(&found[i], 7, 3 + i, "hostile");
	expect(&found[HOLDERS_OF_PROCESS_MAX], 8, 4, "server");
	holders_of(&holders, 11, &count, &left_out);
	assert_int_equal(count, HOLDERS_OF_PROCESS_MAX);
	assert_int_equal(left_out, 0);
	holders_clear(&holders);
}

static void processes_have_a_name_while_they_hold(void **state)
{
	struct holders holders;

	(void)state;
	holders_init(&holders, 100);
	assert_null(holders_comm(&holders, 7));
	add(&holders, 10, 9, 4, "last");
	add(&holders, 10, 7, 4, "first");
	assert_int_equal(holders_sort(&holders), 0);
	assert_string_equal(holders_comm(&holders, 7), "first");
	assert_string_equal(holders_comm(&holders, 9), "last");
	assert_null(holders_comm(&holders, 8));
	assert_null(holders_comm(&holders, 10));
	holders_clear(&holders);
}

static void what_has_no_room_is_counted(void **state)
{
	struct holders holders;
	size_t count, left_out, all = 0;

	(void)state;
	holders_init(&holders, 100);
	for (uint32_t i = 0; i < 103; i++)
		add(&holders, i, i, 1, "many");
	assert_int_equal(holders_left_out(&holders), 3);
	assert_int_equal(holders_sort(&holders), 0);
	for (uint32_t i = 0; i < 103; i++) {
		holders_of(&holders, i, &count, &left_out);
		all += count;
	}
	assert_int_equal(all, 100);
	holders_clear(&holders);
	assert_int_equal(holders_left_out(&holders), 0);
	assert_int_equal(holders_sort(&holders), 0);
	holders_of(&holders, 1, &count, &left_out);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_descriptor_has_its_process),
		cmocka_unit_test(the_same_descriptor_is_there_once),
		cmocka_unit_test(a_process_shows_a_few),
		cmocka_unit_test(processes_have_a_name_while_they_hold),
		cmocka_unit_test(what_has_no_room_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
