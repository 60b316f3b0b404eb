// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void from_cgroup(void **state)
{
	static const struct {
		const char *path, *unit, *container;
	} cases[] = {
		{"/", "", ""},
		{"", "", ""},
		{"/init.scope", "init.scope", ""},
		{"/system.slice/nginx.service", "nginx.service", ""},
		{"/system.slice/nginx.service/worker", "nginx.service", ""},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/app.service",
		 "app.service", ""},
		{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", ""},
		{"/system.slice/docker-" ID ".scope", "docker-" ID ".scope", ID},
		{"/docker/" ID, "", ID},
		{"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope",
		 "cri-containerd-" ID ".scope", ID},
		{"/kubepods/besteffort/pod1/" ID, "", ID},
		{"/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", ID},
		{"/kubepods-pod1.slice:cri-containerd:" ID, "", ID},
		{"/lxc.payload.web/system.slice/a.service", "a.service", "web"},
		{"/x" ID, "", ""}, /* one digit too many, or another name */
		{"/docker/0123", "", ""},
		{"/.service", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place place;

		place_from_cgroup(&place, cases[i].path);
		assert_string_equal(place.unit, cases[i].unit);
		assert_string_equal(place.container, cases[i].container);
	}
}

/* A name as long as the kernel allows is cut, not run over. */
static void long_names(void **state)
{
	char path[300] = "/";
	struct place place;

	(void)state;
	for (int i = 1; i < 256; i++)
		path[i] = 'a';
	path[249] = '.', path[250] = 's', path[251] = 'c', path[252] = 'o', path[253] = 'p';
	path[254] = 'e', path[255] = '\0';
	place_from_cgroup(&place, path);
	assert_int_equal(strlen(place.unit), sizeof(place.unit) - 1);
}

static void of_processes(void **state)
{
	struct places *places = places_new();
	struct place place, again;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_ptr_equal(places_of(places, (uint32_t)pid, 1, &place), &place);
	assert_true(places_known(places, (uint32_t)pid, NSEC_PER_SEC));
	assert_false(places_known(places, (uint32_t)pid, NSEC_PER_SEC + 1));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* It has exited, and is still known, also when it would have to be read again. */
	assert_ptr_equal(places_of(places, (uint32_t)pid, 2, &again), &again);
	assert_string_equal(again.unit, place.unit);
	assert_ptr_equal(places_of(places, (uint32_t)pid, 2 * NSEC_PER_SEC, &again), &again);
	assert_string_equal(again.unit, place.unit);
	assert_null(places_of(places, 0, 3, &place));
	assert_null(places_of(places, UINT32_MAX, 3, &place));
	places_free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_cgroup),
		cmocka_unit_test(long_names),
		cmocka_unit_test(of_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
