// SPDX-License-Identifier: GPL-2.0
/* The same programs with nothing that Linux 5.10 does not know: slots.bpf.h. */
#define SLOWCLOSE_WITHOUT_SLOTS
#include "slowclose.bpf.c"
