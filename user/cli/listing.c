// SPDX-License-Identifier: GPL-2.0
#include "listing.h"

#include <stdlib.h>

#include "client.h"
#include "message.h"
#include "output.h"

static int on_pause(void *userdata)
{
	(void)userdata;
	return output_flush();
}

int listing_run(struct listing *listing, const struct listing_kind *kind, void *userdata)
{
	const struct command_options *options = listing->options;
	const struct client_reader reader = {kind->line, on_pause, userdata};
	struct client client = {.socket = options->socket,
				.silence_ms = CLIENT_SILENCE_MS,
				.patience_ms = CLIENT_PATIENCE_MS};
	unsigned long skipped;
	struct query query;
	int r;

	command_query(options, &query, kind->path);
	r = client_lines(&client, &query, &reader);
	if (client.message[0])
		message("%s", client.message);
	skipped = skipped_tell(&listing->skipped, client.long_lines);
	if (r == 0 && !options->json && (listing->taken || !skipped))
		kind->print(userdata);
	ranking_free(&listing->ranking);
	json_read_free(&listing->read);
	if (client.message[0] || skipped)
		return EXIT_FAILURE;
	return output_status(r < 0 ? r : output_flush());
}
