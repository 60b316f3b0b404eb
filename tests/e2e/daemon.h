/* SPDX-License-Identifier: GPL-2.0 */
/* Runs slowclosed and reads what it tells. */
#ifndef E2E_DAEMON_H
#define E2E_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

/* Only bounds how long a failing test takes; the machines of tests/vm are slow. */
#define PATIENCE_MS 60000

struct seen {
	json_t *json;
	const char *event; /* "closed", …; of json */
	bool server;
	uint16_t local_port;
	uint16_t remote_port;
	bool taken; /* by an expectation */
};

struct daemon {
	pid_t pid; /* 0: not running */
	int out;
	int err;
	char *line; /* of standard output, not yet complete */
	size_t line_length;
	size_t line_size;
	char said[65536]; /* standard error; of much, its end */
	size_t said_length;
	struct seen *seen;
	size_t count;
	size_t size;
};

/* The line of the daemon's counters. */
struct losses {
	bool known;
	unsigned long long ended, shown;
	unsigned long long lost, ring_full, end_unseen;
	unsigned long long not_followed, table_full, no_memory;
	unsigned long long skipped;
};

/* Which connection an event is to be of. */
struct wanted {
	const char *role; /* "server" or "client" */
	uint16_t local_port;
	uint16_t remote_port;
	const char *event; /* NULL: "closed" */
};

/* Returns when the hooks are attached; arguments ends with NULL. */
void daemon_start(struct daemon *daemon, const char *backend, const char *const *arguments);
bool daemon_running(const struct daemon *daemon);

/* The service instead of --tail: ready when it answers. */
void daemon_start_service(struct daemon *daemon, const char *backend, const char *const *arguments);

/* Waits for the event and takes it; it stays valid until the daemon is started again. */
json_t *daemon_expect(struct daemon *daemon, const struct wanted *wanted);

/*
 * Returns when all that ended before the call has been read: records keep their order, so this is
 * when a connection made for it has come through.
 */
void daemon_settle(struct daemon *daemon);

/* How many events of the connection have been read so far, the taken ones too. */
size_t daemon_count(const struct daemon *daemon, const struct wanted *wanted);

/* Waits for a text on standard error. */
void daemon_expect_said(struct daemon *daemon, const char *text);

/* The last line of counters on standard error. */
struct losses daemon_losses(const struct daemon *daemon);

/*
 * The daemons that are started from now on are passed this descriptor, count times, as systemd
 * passes the sockets of a unit; count 0: none.
 */
void daemon_pass(int fd, const char *name, int count);

/*
 * Whether the daemons that are started from now on are told, as systemd does, that their standard
 * error is the journal's.
 */
void daemon_tell_of_journal(bool is_journal);

/* Ends the daemon by this signal and reads the rest; returns its wait status. */
int daemon_end(struct daemon *daemon, int signal, struct losses *losses);

/* The same by SIGTERM. */
int daemon_stop(struct daemon *daemon, struct losses *losses);

/* The same by SIGKILL, with nothing to be expected of it. */
void daemon_kill(struct daemon *daemon);

/* Runs the daemon with these arguments only, up to its end; said has its standard error. */
int daemon_run(struct daemon *daemon, const char *const *arguments);

#endif
