/* SPDX-License-Identifier: GPL-2.0 */
/* What the rules about connections that nobody has accepted share. */
#ifndef SLOWCLOSE_RULE_ACCEPT_H
#define SLOWCLOSE_RULE_ACCEPT_H

#include "rule.h"

/* accept() that was not called for so long is not called at all. */
#define ACCEPT_STALLED_NS NSEC_PER_SEC

/* Whether there is a queue to judge; else the finding says why not. */
bool accept_has_queue(const struct evidence *evidence, struct finding *finding);

/* Whether it can open no descriptor more. */
bool accept_is_at_limit(const struct evidence_process *process);

/*
 * Of those that listen, and do not leave accept() to others, one that is at its limit, or else the
 * one that is nearest to it; or NULL.
 */
const struct evidence_process *accept_fd_user(const struct evidence *evidence);

/*
 * It is not stuck: it waits for what it has taken on, and does not want to accept. A thread that
 * waits for events beside a main thread that hangs can be a runtime's own.
 */
bool accept_waits_for_events(const struct evidence_process *process);

/* A runtime has threads that wait for events beside the one that does all the work. */
bool accept_is_busy(const struct evidence_process *process);

/*
 * process may be NULL: it is not known. any: each of those that hold it can be the one that stalls,
 * not only process.
 */
void accept_advise_stalled(const struct evidence *evidence, struct finding *finding,
			   const struct evidence_listener *listener,
			   const struct evidence_process *process, bool any);

/* How to raise it while the process runs. */
void accept_advise_limit(const struct evidence *evidence, struct finding *finding,
			 const struct evidence_process *process);

#endif
