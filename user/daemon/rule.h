/* SPDX-License-Identifier: GPL-2.0 */
/* What the rules of diagnose.h share: how they answer, what they ask, how they say it. */
#ifndef SLOWCLOSE_RULE_H
#define SLOWCLOSE_RULE_H

#include "diagnose.h"

/* Sets verdict and what belongs to it; everything else of the finding is zero before. */
typedef void (*rule_fn)(const struct evidence *evidence, struct finding *finding);

void rule_fd_exhausted(const struct evidence *evidence, struct finding *finding);
void rule_io_stall(const struct evidence *evidence, struct finding *finding);
void rule_cpu_starved(const struct evidence *evidence, struct finding *finding);
void rule_lock_stall(const struct evidence *evidence, struct finding *finding);
void rule_accept_stalled(const struct evidence *evidence, struct finding *finding);
void rule_backlog_full(const struct evidence *evidence, struct finding *finding);
void rule_accept_slow(const struct evidence *evidence, struct finding *finding);
void rule_close_leak(const struct evidence *evidence, struct finding *finding);
void rule_impatient_peers(const struct evidence *evidence, struct finding *finding);
void rule_not_reading(const struct evidence *evidence, struct finding *finding);
void rule_idle_pool(const struct evidence *evidence, struct finding *finding);

/* From how many connections on, at two readings, they are no accident. */
#define RULE_MANY 4

#define RULE_AGE_SIZE 48

#define RULE_PRINTF(at, first) __attribute__((format(printf, at, first)))

RULE_PRINTF(2, 3) void rule_out(struct finding *finding, const char *format, ...);

/* Where there is nothing to say about it. */
void rule_out_silently(struct finding *finding);

RULE_PRINTF(2, 3) void rule_not_decidable(struct finding *finding, const char *format, ...);

/* With the headline. */
RULE_PRINTF(4, 5)
void rule_prove(struct finding *finding, enum severity severity, enum confidence confidence,
		const char *format, ...);

/* One that does not fit is left out. */
RULE_PRINTF(2, 3) void rule_add(struct finding_lines *lines, const char *format, ...);

/*
 * Whether connections of a cause wait at both readings: so many that it is no accident, or one of
 * them for so many times its threshold.
 */
bool rule_piles_up(const struct evidence *evidence, enum conn_cause cause, int thresholds);

/* Whether the oldest of a cause has waited for so many times its threshold. */
bool rule_is_long(const struct evidence *evidence, enum conn_cause cause, int thresholds);

/*
 * Whether the oldest of a cause is the same one as at the reading before: it has got older by the
 * time in between.
 */
bool rule_oldest_stays(const struct evidence *evidence, enum conn_cause cause);

/* Whether anything waits that a process which cannot go on would leave waiting. */
bool rule_is_stalled(const struct evidence *evidence);

/* How long the oldest has waited: "3.2s", or "at least 3.2s". */
const char *rule_age(const struct evidence_waits *waits, char buf[RULE_AGE_SIZE]);

/* A part of a line; of what does not fit in there is "...". */
#define RULE_LIST_SIZE 150

/* Returns false when it did not fit: then nothing more is to be added. */
RULE_PRINTF(2, 3) bool rule_list(char list[RULE_LIST_SIZE], const char *format, ...);

/* "12 connections never accepted for up to 3.2s, …": all that waits. */
const char *rule_what_waits(const struct evidence *evidence, char buf[RULE_LIST_SIZE]);

/* "nginx/123". */
const char *rule_name(const char comm[16], uint32_t pid, char buf[64]);
const char *rule_process(const struct evidence_process *process, char buf[64]);

/* "nginx/123 has 33 of 1024 descriptors open"; nothing where that or whose it is is not known. */
void rule_add_fds(struct finding_lines *lines, const struct evidence_process *process);

/* "all 4 threads are stopped by a signal"; or the most frequent waits. */
const char *rule_threads(const struct evidence_process *process, char buf[RULE_LIST_SIZE]);

/* The same for each process, as proof; first the one that the finding speaks of, or NULL. */
void rule_add_threads(struct finding_lines *lines, const struct evidence *evidence,
		      const struct evidence_process *first);

/* "0.0.0.0:80". */
const char *rule_address(const struct evidence_listener *listener, char buf[64]);

/* "the queue of 0.0.0.0:80 has 129, its limit is 128 (backlog)". */
void rule_add_queue(struct finding_lines *lines, const struct evidence_listener *listener);

/* "37 %", or "unknown". */
const char *rule_percent(double share, char buf[16]);

/*
 * A process whose workers all sleep in futex, behind a thread that accepts; NULL: none. They hang
 * there, or have nothing to do.
 */
const struct evidence_process *rule_sleeping_workers(const struct evidence *evidence);

/* What slowclose takes the service's port by: "-L", or "-D" of a client. */
const char *rule_port_option(const struct evidence *evidence);

/* "1 connection", "2 connections". */
const char *rule_connections(uint64_t count, char buf[40]);

/*
 * Whether it has to do with what waits: it owns some or holds the listener. One that only inherited
 * connections lets nobody wait.
 */
bool rule_has_part(const struct evidence_process *process);

/*
 * Whether it is one that lets it wait: nor does one that only inherited a listener, as long as
 * another that holds it accepts.
 */
bool rule_lets_wait(const struct evidence *evidence, const struct evidence_process *process);

/* Whether a thread of it accepts, or waits for something to do. */
bool rule_is_free(const struct evidence_process *process);

typedef bool rule_process_is(const struct evidence_process *process);

#define RULE_PIDS_SIZE (EVIDENCE_PROCESSES_MAX * sizeof(" 4294967295"))

/* Of those that own what waits, one that is so; NULL: none is. */
const struct evidence_process *rule_owner(const struct evidence *evidence, rule_process_is *is);

/* These, with a blank before each; "": none is. Returns how many. */
size_t rule_pids(const struct evidence *evidence, rule_process_is *is, char buf[RULE_PIDS_SIZE]);

/* Whether one, or any of them, is stopped, held by a debugger or frozen; and what to do then. */
bool rule_is_process_held_up(const struct evidence_process *process);
bool rule_is_held_up(const struct evidence *evidence);
bool rule_advise_held_up(const struct evidence *evidence, struct finding *finding);

/* The one to speak of where there are several: that owns what waits, or accepts. NULL: none. */
const struct evidence_process *rule_foremost(const struct evidence *evidence);

/*
 * Threads and processes beyond those that are looked at can be anywhere: sets the verdict to "not
 * decidable" and returns true where there are any.
 */
bool rule_left_out(const struct evidence *evidence, struct finding *finding);

/* Of those that let it wait, the one for which value() is largest; NULL: for none it is over 0. */
const struct evidence_process *rule_worst(const struct evidence *evidence,
					  double (*value)(const struct evidence_process *));

/* Whether nobody who holds it has accepted on it, but one that does not hold it has. */
bool rule_is_left_behind(const struct evidence_listener *listener);

/* The listener in whose queue most waits; NULL: nothing does. */
const struct evidence_listener *rule_fullest(const struct evidence *evidence);

#endif
