// SPDX-License-Identifier: GPL-2.0
#include "fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

#define FILE_NODE 2

/* The kernel wants room for its largest write. */
#define REQUEST_SIZE (1 << 18)

static void reply(int fd, uint64_t unique, int error, const void *data, size_t size)
{
	char buffer[512];
	struct fuse_out_header *header = (struct fuse_out_header *)buffer;

	*header = (struct fuse_out_header){
		.len = (uint32_t)(sizeof(*header) + size), .error = -error, .unique = unique};
	if (size)
		memcpy(buffer + sizeof(*header), data, size);
	if (write(fd, buffer, header->len) < 0 && errno != ENOENT) /* it was given up */
		child_fail("reply of the file system");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666,
		.nlink = 1,
	};
}

static void reply_attributes(int fd, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = {.attr = attributes(in->nodeid)};

	reply(fd, in->unique, 0, &out, sizeof(out));
}

static void reply_init(int fd, const struct fuse_in_header *in)
{
	const struct fuse_init_in *init = (const void *)(in + 1);
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = init->minor < FUSE_KERNEL_MINOR_VERSION ? init->minor
								 : FUSE_KERNEL_MINOR_VERSION,
		.max_write = 4096,
	};

	reply(fd, in->unique, 0, &out, sizeof(out));
}

static void reply_lookup(int fd, const struct fuse_in_header *in)
{
	struct fuse_entry_out out = {.nodeid = FILE_NODE, .attr = attributes(FILE_NODE)};

	if (strcmp((const char *)(in + 1), FUSE_FILE) == 0)
		reply(fd, in->unique, 0, &out, sizeof(out));
	else
		reply(fd, in->unique, ENOENT, NULL, 0);
}

static void serve(int fd, const struct fuse_in_header *in)
{
	struct fuse_open_out opened = {.fh = 1};

	switch (in->opcode) {
	case FUSE_INIT:
		reply_init(fd, in);
		break;
	case FUSE_LOOKUP:
		reply_lookup(fd, in);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		reply_attributes(fd, in);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		reply(fd, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_WRITE: /* this is the disk that hangs */
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_RELEASE:
		reply(fd, in->unique, 0, NULL, 0);
		break;
	default:
		reply(fd, in->unique, ENOSYS, NULL, 0);
	}
}

static void server(int channel, int fd)
{
	struct fuse_in_header *request = malloc(REQUEST_SIZE);

	child_say(channel, 0, 0, 0);
	for (;;) {
		ssize_t n = read(fd, request, REQUEST_SIZE);

		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n < (ssize_t)sizeof(*request)) /* unmounted */
			_exit(0);
		serve(fd, request);
	}
}

void stalled_disk_mount(struct stalled_disk *disk)
{
	char options[96];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		skip_with_reason("no FUSE: %s", strerror(errno));
	strcpy(disk->directory, "/tmp/slowclose-e2e-XXXXXX");
	assert_non_null(mkdtemp(disk->directory));
	snprintf(disk->file, sizeof(disk->file), "%s/" FUSE_FILE, disk->directory);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("stalled", disk->directory, "fuse.stalled", MS_NOSUID | MS_NODEV, options))
		fail_msg("mount of FUSE: %s", strerror(errno));
	child_start(&disk->server, server, fd);
	child_hear(&disk->server);
	close(fd); /* else it would not be the last one that ends with the server */
}

void stalled_disk_release(struct stalled_disk *disk)
{
	if (disk->server.pid)
		child_kill(&disk->server);
	umount2(disk->directory, MNT_DETACH);
	rmdir(disk->directory);
}
