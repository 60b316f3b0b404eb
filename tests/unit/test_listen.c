// SPDX-License-Identifier: GPL-2.0
/* The socket's place: taken over from the dead, left to the living. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "listen.h"

static char directory[] = "/tmp/slowclose-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int remove_socket(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static int bound(int type, bool listens)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (listens)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static bool answers(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	strcpy(address.sun_path, path);
	r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return r == 0;
}

static void listens_privately(void **state)
{
	struct stat stat;
	int fd = listen_unix(path);

	(void)state;
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(lstat(path, &stat), 0);
	assert_int_equal(stat.st_mode & 07777, 0660);
	assert_true(answers());
	close(fd);
}

static void makes_the_directory(void **state)
{
	char below[80], deep[96];
	int fd;

	(void)state;
	snprintf(below, sizeof(below), "%s/new", directory);
	snprintf(deep, sizeof(deep), "%s/new/socket", directory);
	fd = listen_unix(deep);
	assert_true(fd >= 0);
	close(fd);
	unlink(deep);
	assert_int_equal(rmdir(below), 0);
	snprintf(deep, sizeof(deep), "%s/not/there/socket", directory);
	assert_int_equal(listen_unix(deep), -ENOENT);
}

static void stale_socket_is_replaced(void **state)
{
	int fd;

	(void)state;
	close(bound(SOCK_STREAM, true));
	assert_false(answers());
	fd = listen_unix(path);
	assert_true(fd >= 0);
	assert_true(answers());
	close(fd);
}

static void living_socket_is_left_alone(void **state)
{
	int fd = bound(SOCK_STREAM, true);

	(void)state;
	assert_int_equal(listen_unix(path), -EADDRINUSE);
	assert_true(answers());
	/* With its queue full it lives all the same. */
	for (int i = 0; i < 3; i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		strcpy(address.sun_path, path);
		connect(client, (struct sockaddr *)&address, sizeof(address));
	}
	assert_int_equal(listen_unix(path), -EADDRINUSE);
	close(fd);
}

static void others_are_left_alone(void **state)
{
	struct stat stat;
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	close(fd);
	assert_int_equal(listen_unix(path), -EEXIST);
	assert_int_equal(lstat(path, &stat), 0);
	assert_true(S_ISREG(stat.st_mode));
	unlink(path);

	assert_int_equal(symlink("/nowhere", path), 0);
	assert_int_equal(listen_unix(path), -EEXIST);
	unlink(path);

	fd = bound(SOCK_DGRAM, false);
	assert_int_equal(listen_unix(path), -EEXIST);
	assert_int_equal(lstat(path, &stat), 0);
	close(fd);
}

static void tcp_addresses(void **state)
{
	static const char *const good[] = {"127.0.0.1:9811", "0.0.0.0:1", "[::]:65535", "[::1]:1"};
	static const char *const bad[] = {"",
					  ":",
					  "9811",
					  ":9811",
					  "localhost:9811",
					  "127.0.0.1",
					  "127.0.0.1:",
					  "127.0.0.1:0",
					  "127.0.0.1:65536",
					  "127.0.0.1:+1",
					  "127.0.0.1:http",
					  "127.0.0.1:000001",
					  "::1:9811",
					  "[127.0.0.1]:1",
					  "[]:1",
					  "[::1:1",
					  "[::1]"};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct listen_address address = {0};

		assert_int_equal(listen_parse(good[i], &address), 0);
		assert_int_equal(address.size, good[i][0] == '[' ? sizeof(struct sockaddr_in6)
								 : sizeof(struct sockaddr_in));
		assert_int_equal(address.address.ss_family, good[i][0] == '[' ? AF_INET6 : AF_INET);
	}
	memset(text, '1', sizeof(text));
	strcpy(text + 190, ":1");
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		const char *one = i < sizeof(bad) / sizeof(bad[0]) ? bad[i] : text;
		struct listen_address address = {0};

		assert_int_equal(listen_parse(one, &address), -EINVAL);
		assert_int_equal(address.size, 0);
	}
}

static void listens_on_tcp(void **state)
{
	struct listen_address address;
	struct sockaddr_in bound_to;
	socklen_t size = sizeof(bound_to);
	char text[32];
	int fd;

	(void)state;
	listen_parse("127.0.0.1:1", &address);
	((struct sockaddr_in *)&address.address)->sin_port = 0; /* any */
	fd = listen_tcp(&address);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound_to, &size), 0);
	assert_int_equal(bound_to.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(bound_to.sin_port));
	assert_int_equal(listen_parse(text, &address), 0);
	assert_int_equal(listen_tcp(&address), -EADDRINUSE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(listens_privately, remove_socket),
		cmocka_unit_test_teardown(makes_the_directory, remove_socket),
		cmocka_unit_test_teardown(stale_socket_is_replaced, remove_socket),
		cmocka_unit_test_teardown(living_socket_is_left_alone, remove_socket),
		cmocka_unit_test_teardown(others_are_left_alone, remove_socket),
		cmocka_unit_test(tcp_addresses),
		cmocka_unit_test(listens_on_tcp),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
