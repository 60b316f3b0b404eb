// SPDX-License-Identifier: GPL-2.0
#include "beside.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct running {
	const char *group;
	const struct CMUnitTest *test;
	pid_t pid; /* 0: not wanted */
	FILE *said;
} running[BESIDE_MAX];

static CMFixtureFunction setup_all;

static bool is_wanted(const struct CMUnitTest *test)
{
	return !suite.only || fnmatch(suite.only, test->name, 0) == 0;
}

_Noreturn static void run(const struct running *this)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fileno(this->said), STDOUT_FILENO);
	dup2(fileno(this->said), STDERR_FILENO);
	_exit(_cmocka_run_group_tests(this->group, this->test, 1, NULL, NULL) != 0);
}

static int begin(void **state)
{
	int r = setup_all(state);

	for (struct running *this = running; r == 0 && this->test; this ++) {
		if (!is_wanted(this->test))
			continue;
		this->said = tmpfile();
		assert_non_null(this->said);
		fflush(NULL);
		this->pid = fork();
		if (this->pid < 0)
			fail_msg("fork: %s", strerror(errno));
		if (this->pid == 0)
			run(this);
	}
	return r;
}

/* Returns whether it was skipped. */
static bool relay(FILE *said, bool all)
{
	bool skipped = false;
	char *line = NULL;
	size_t size = 0;

	rewind(said);
	while (getline(&line, &size, said) > 0) {
		skipped |= strncmp(line, "[  SKIPPED ]", 12) == 0;
		if (all || line[0] == ' ')
			fputs(line, stdout);
	}
	free(line);
	fclose(said);
	return skipped;
}

static void tell(void **state)
{
	const struct running *this = *state;
	int status;

	assert_int_equal(waitpid(this->pid, &status, 0), this->pid);
	if (relay(this->said, status != 0))
		skip();
	if (status)
		fail_msg("it ended with wait status %#x", (unsigned int)status);
}

int beside_run(const char *name, const struct CMUnitTest *tests, size_t count,
	       CMFixtureFunction setup, CMFixtureFunction teardown)
{
	struct CMUnitTest told[BESIDE_MAX] = {};

	setup_all = setup;
	memset(running, 0, sizeof(running));
	for (size_t i = 0; i < count && i < BESIDE_MAX - 1; i++) {
		running[i] = (struct running){.group = name, .test = &tests[i]};
		told[i] = (struct CMUnitTest){
			.name = tests[i].name, .test_func = tell, .initial_state = &running[i]};
	}
	return _cmocka_run_group_tests(name, told, count, begin, teardown);
}
