// SPDX-License-Identifier: GPL-2.0
/* Attaches empty programs, says "ready", and stays until a signal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "floor.skel.h"

int main(void)
{
	struct floor_bpf *floor = floor_bpf__open_and_load();

	if (!floor || floor_bpf__attach(floor) < 0) {
		fprintf(stderr, "floor: cannot load and attach its programs: %s\n",
			strerror(errno));
		return EXIT_FAILURE;
	}
	fputs("floor: ready\n", stderr);
	pause();
	return EXIT_SUCCESS;
}
