// SPDX-License-Identifier: GPL-2.0
#include "look.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "turn.h"

/* The tick's own, the report's, and those of clients. */
#define LOOKS_QUEUED_MAX 8

struct look {
	struct waiting *waiting;
	struct waiting_options options;
	look_done_fn done;
	void *userdata;
};

struct looker {
	sd_event *loop;
	sd_event_source *piece; /* the turn of the next one */
	struct look looks[LOOKS_QUEUED_MAX]; /* the first is under way if begun_ns is set */
	size_t count;
	int64_t begun_ns;
	int64_t last_ns;
};

/* The callee may add another look. */
static void finish(struct looker *looker, int result)
{
	struct look look = looker->looks[0];

	looker->last_ns = clock_monotonic_ns() - looker->begun_ns;
	looker->begun_ns = 0;
	looker->count--;
	for (size_t i = 0; i < looker->count; i++)
		looker->looks[i] = looker->looks[i + 1];
	look.done(look.userdata, look.waiting, result);
}

static int on_piece(sd_event_source *source, void *userdata)
{
	struct looker *looker = userdata;
	struct look *look = looker->looks;
	int r;

	(void)source;
	if (!looker->begun_ns) {
		looker->begun_ns = clock_monotonic_ns();
		r = waiting_begin(look->waiting, &look->options);
		if (r == 0)
			r = 1;
	} else {
		r = waiting_step(look->waiting);
	}
	if (r <= 0)
		finish(looker, r);
	return looker->count ? turn_ask(looker->loop, &looker->piece, on_piece, looker) : 0;
}

int looker_new(struct looker **ret, sd_event *loop)
{
	struct looker *looker = calloc(1, sizeof(*looker));

	if (!looker)
		return -ENOMEM;
	looker->loop = loop;
	*ret = looker;
	return 0;
}

void looker_free(struct looker *looker)
{
	if (!looker)
		return;
	sd_event_source_disable_unref(looker->piece);
	free(looker);
}

int looker_add(struct looker *looker, struct waiting *waiting,
	       const struct waiting_options *options, look_done_fn done, void *userdata)
{
	int r;

	if (looker->count == LOOKS_QUEUED_MAX)
		return -EBUSY;
	r = turn_ask(looker->loop, &looker->piece, on_piece, looker);
	if (r < 0)
		return r;
	looker->looks[looker->count++] = (struct look){waiting, *options, done, userdata};
	return 0;
}

int64_t looker_last_ns(const struct looker *looker)
{
	return looker->last_ns;
}
