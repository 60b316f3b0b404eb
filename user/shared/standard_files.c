// SPDX-License-Identifier: GPL-2.0
#include "standard_files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int standard_files_hold(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* It is the lowest that is free. The other way round, so that its use still fails.
		 */
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return -errno;
	}
	return 0;
}
