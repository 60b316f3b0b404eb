// SPDX-License-Identifier: GPL-2.0
/*
 * Has the kernel measure how long BPF programs run until its input ends. Unlike the sysctl
 * kernel.bpf_stats_enabled that cannot be turned off by others meanwhile.
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	char byte;

	if (fd < 0) {
		fprintf(stderr, "stats: cannot enable the statistics: %s\n", strerror(-fd));
		return EXIT_FAILURE;
	}
	puts("on");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return EXIT_SUCCESS;
}
