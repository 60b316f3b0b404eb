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

/* How to raise it while the process runs. */
void accept_advise_limit(const struct evidence *evidence, struct finding *finding,
			 const struct evidence_process *process);

#endif
