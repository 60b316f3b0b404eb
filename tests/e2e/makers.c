// SPDX-License-Identifier: GPL-2.0
#include "makers.h"

#include <limits.h>
#include <unistd.h>

#include "suite.h"

/* Returns NULL, or the maker that could not. */
static void *make(void *argument)
{
	struct maker *maker = argument;

	while (maker->made < maker->wanted && connect_once(&maker->listener))
		maker->made++;
	return maker->made < maker->wanted ? maker : NULL;
}

static void start(struct maker *maker, long wanted)
{
	maker->wanted = wanted;
	assert_int_equal(pthread_create(&maker->thread, NULL, make, maker), 0);
}

void makers_open(struct maker *makers, int count)
{
	for (int i = 0; i < count; i++) {
		makers[i].wanted = makers[i].made = 0;
		listener_open(&makers[i].listener, AF_INET, "127.0.0.1", 16);
		set_patience(makers[i].listener.fd);
	}
}

void makers_close(struct maker *makers, int count)
{
	for (int i = 0; i < count; i++)
		close(makers[i].listener.fd);
}

void makers_make(struct maker *makers, int count, long each)
{
	for (int i = 0; i < count; i++)
		start(&makers[i], makers[i].wanted + each);
	for (int i = 0; i < count; i++)
		pthread_join(makers[i].thread, NULL);
	for (int i = 0; i < count; i++)
		assert_int_equal(makers[i].made, makers[i].wanted);
}

void maker_start(struct maker *maker)
{
	start(maker, LONG_MAX);
}

void maker_stop(struct maker *maker)
{
	void *failed;

	maker->wanted = 0;
	pthread_join(maker->thread, &failed);
	assert_null(failed);
}
