// SPDX-License-Identifier: GPL-2.0
/* Who takes too long for a request is shut down, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients.h"

static bool has_ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void slow_ones_are_ended(void **state)
{
	struct clients clients = {};
	struct client *list[4];
	int fds[4][2];

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
		list[i] = client_new(&clients, fds[i][0], i < 3 ? 100 : 200);
	}
	client_has_asked(list[1]); /* is being answered, for as long as it takes */
	client_has_asked(list[2]);
	client_was_answered(list[2], 200); /* sends another */
	clients_end_slow(&clients, 110, 10);
	for (int i = 0; i < 4; i++)
		assert_false(has_ended(fds[i][1]));
	clients_end_slow(&clients, 111, 10);
	for (int i = 0; i < 4; i++)
		assert_int_equal(has_ended(fds[i][1]), i == 0);
	client_free(list[2]);
	client_free(NULL);
	client_has_asked(NULL);
	client_was_answered(NULL, 1);
	clients_end_slow(&clients, 1000, 10);
	assert_false(has_ended(fds[1][1]));
	assert_false(has_ended(fds[2][1]));
	assert_true(has_ended(fds[3][1]));
	client_free(list[0]);
	client_free(list[3]);
	client_free(list[1]);
	assert_true(LIST_EMPTY(&clients));
	for (int i = 0; i < 4; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_ones_are_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
