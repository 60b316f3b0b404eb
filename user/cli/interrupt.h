/* SPDX-License-Identifier: GPL-2.0 */
/* Ctrl-C and SIGTERM. */
#ifndef SLOWCLOSE_CLI_INTERRUPT_H
#define SLOWCLOSE_CLI_INTERRUPT_H

#include <stdbool.h>

/* From here on they are noted instead of ending the program, and end what is being waited for. */
void interrupt_catch(void);

/* Whether there was one. */
bool interrupt_seen(void);

#endif
