// SPDX-License-Identifier: GPL-2.0
#include "netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sockets.h"
#include "suite.h"

static int home = -1;

void netns_remember(void)
{
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

void netns_loopback(int up)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request.ifr_flags = (short)(up ? IFF_UP : 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		fail_msg("setting lo %s: %s", up ? "up" : "down", strerror(errno));
	close(fd);
}

void netns_enter_new(void)
{
	if (unshare(CLONE_NEWNET))
		fail_msg("unshare: %s", strerror(errno));
	netns_loopback(1);
}

void netns_leave(void)
{
	if (setns(home, CLONE_NEWNET))
		fail_msg("setns: %s", strerror(errno));
}

void netns_enter(const struct child *child)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", child->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		fail_msg("entering %s: %s", path, strerror(errno));
	close(fd);
}

uint64_t netns_inode(void)
{
	struct stat info;

	assert_int_equal(stat("/proc/thread-self/ns/net", &info), 0);
	return info.st_ino;
}

void netns_set(const char *sysctl, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", sysctl);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fail_msg("setting %s: %s", sysctl, strerror(errno));
	close(fd);
}

static void wait_address(int call(int, const struct sockaddr *, socklen_t), int fd,
			 const struct sockaddr_in6 *address)
{
	int64_t deadline = deadline_ns();

	while (call(fd, (const struct sockaddr *)address, sizeof(*address))) {
		if (now_ns() > deadline)
			fail_msg("using a new address: %s", strerror(errno));
		pass_ms(1);
	}
}

/*
 * The kernel looks for duplicates first, on loopback too, where there can be none; and it adds the
 * route after that.
 */
static void wait_usable(const struct in6_addr *address)
{
	struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_addr = *address};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	own.sin6_scope_id = if_nametoindex("lo");
	wait_address(bind, fd, &own);
	own.sin6_port = htons(1);
	wait_address(connect, fd, &own);
	close(fd);
}

void netns_add_v6(const char *address)
{
	struct in6_ifreq request = {.ifr6_prefixlen = 64};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request.ifr6_ifindex = (int)if_nametoindex("lo");
	assert_int_equal(inet_pton(AF_INET6, address, &request.ifr6_addr), 1);
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request))
		fail_msg("adding %s: %s", address, strerror(errno));
	close(fd);
	wait_usable(&request.ifr6_addr);
}

/* In the file is a line of names, then a line of values. */
long netns_counter(const char *name)
{
	char names[8192], values[8192], *value, *at, *rest, *value_rest;
	FILE *file = fopen("/proc/thread-self/net/netstat", "re");
	long found = -1;

	assert_non_null(file);
	while (found < 0 && fgets(names, sizeof(names), file) &&
	       fgets(values, sizeof(values), file)) {
		at = strtok_r(names, " \n", &rest);
		value = strtok_r(values, " \n", &value_rest);
		while (at && value) {
			if (!strcmp(at, name))
				found = atol(value);
			at = strtok_r(NULL, " \n", &rest);
			value = strtok_r(NULL, " \n", &value_rest);
		}
	}
	fclose(file);
	return found;
}

void need_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		skip_with_reason("no IPv6: %s", strerror(errno));
	close(fd);
}
