/* SPDX-License-Identifier: GPL-2.0 */
/* A file system whose one file takes no write: who writes to it hangs as with a dead disk. */
#ifndef E2E_FUSE_H
#define E2E_FUSE_H

#include "child.h"

#define FUSE_FILE "log"

struct stalled_disk {
	struct child server;
	char directory[64];
	char file[80];
};

/* Skips the test where the kernel has no FUSE. */
void stalled_disk_mount(struct stalled_disk *disk);

/* Lets go of those who hang: their writes fail. */
void stalled_disk_release(struct stalled_disk *disk);

#endif
