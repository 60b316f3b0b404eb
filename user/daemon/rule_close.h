/* SPDX-License-Identifier: GPL-2.0 */
/* What the rules about connections that a process has, and is not done with, share. */
#ifndef SLOWCLOSE_RULE_CLOSE_H
#define SLOWCLOSE_RULE_CLOSE_H

#include "rule.h"

/* So many that were closed late are no accident: the service goes on. */
#define CLOSED_LATE_MIN 2

/* A descriptor of them, and who else keeps them open. */
void close_add_holders(struct finding *finding, const struct evidence_leak *leak);

/* What to do with processes that keep what its own process has closed. */
void close_advise_heirs(struct finding *finding);

/* How many descriptors those that have them have open. */
void close_add_fds(struct finding *finding, const struct evidence *evidence);

void close_add_change(struct finding *finding, const struct evidence *evidence,
		      enum conn_cause cause);

/* Whether nobody could read what waits, of those that have it. */
bool close_all_held_up(const struct evidence *evidence);

#endif
