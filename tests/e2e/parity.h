/* SPDX-License-Identifier: GPL-2.0 */
/* Whether two daemons told the same of the same connections. */
#ifndef E2E_PARITY_H
#define E2E_PARITY_H

#include "daemon.h"

/*
 * Fails unless each closed event of one daemon is in the other, with every field the same but for
 * times: the waits, of which only whether they are known has to agree; what is derived from them
 * (cause); and what is made of a time (id). Of an accept() that a daemon did not see, as it has
 * counted, wait and owner need not agree either.
 */
void parity_expect(const struct daemon *one, const struct daemon *other);

#endif
