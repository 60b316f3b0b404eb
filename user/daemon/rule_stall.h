/* SPDX-License-Identifier: GPL-2.0 */
/* What the rules about processes that cannot go on share: they explain what waits for them. */
#ifndef SLOWCLOSE_RULE_STALL_H
#define SLOWCLOSE_RULE_STALL_H

#include "rule.h"

/* Sets the verdict where there is nothing to explain, or nothing to explain it with. */
bool stall_cannot_tell(const struct evidence *evidence, struct finding *finding);

/* Threads that sleep nobody knows where can be anywhere. Sets the verdict. */
bool stall_sleep_unknown(const struct evidence *evidence, struct finding *finding);

/* Whether it is a client's that nobody looks at: as long as that lasts, it lets nobody wait. */
bool stall_of_pool(const struct evidence *evidence);

/* Threads that do not end. */
uint32_t stall_alive(const struct evidence_process *process);

/*
 * None has left its futex, but for those that sleep for a time: nobody is left that could take
 * anything. One that waits in epoll may be the runtime's own (Go has such a thread).
 */
bool stall_none_awake(const struct evidence_process *process);

#endif
