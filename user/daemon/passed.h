/* SPDX-License-Identifier: GPL-2.0 */
/* The socket that systemd passes: that of slowclosed-metrics.socket, which outlives the daemon. */
#ifndef SLOWCLOSE_PASSED_H
#define SLOWCLOSE_PASSED_H

#include "listen.h"

/*
 * Takes over the socket, if one was passed, and tells where it listens. Anything but one listening
 * TCP socket of the unit's name is refused. Failures are logged. Returns a non-blocking descriptor,
 * -ENOENT if nothing was passed, or -EINVAL.
 */
int passed_socket(char text[LISTEN_TEXT_SIZE]);

#endif
