// SPDX-License-Identifier: GPL-2.0
#include "truth.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "suite.h"

#define HOLDERS_MAX 8

struct descriptor {
	unsigned long inode;
	int pid, fd;
};

struct holders {
	struct descriptor list[HOLDERS_MAX];
	size_t count;
};

/* Of every process, sorted. */
struct descriptors {
	struct descriptor *list;
	size_t count, room;
};

static int compare_numbers(unsigned long a, unsigned long b)
{
	return (a > b) - (a < b);
}

static int compare_descriptors(const void *a, const void *b)
{
	const struct descriptor *one = a, *other = b;
	int order = compare_numbers(one->inode, other->inode);

	if (!order)
		order = one->pid - other->pid;
	return order ? order : one->fd - other->fd;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void *grow(void *list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return list;
	*room = *room ? 2 * *room : 1024;
	list = reallocarray(list, *room, size);
	assert_non_null(list);
	return list;
}

static void add_holder(struct holders *holders, const struct descriptor *descriptor)
{
	assert_true(holders->count < HOLDERS_MAX);
	holders->list[holders->count] = *descriptor;
	holders->list[holders->count++].inode = 0;
}

/* ends is "address port address port". */
static void add_line(struct view *view, uint64_t netns, const char *ends, unsigned int recv_queue,
		     struct holders *holders)
{
	char *line;
	size_t n;

	view->lines = grow(view->lines, view->count, &view->room, VIEW_LINE);
	line = view->lines[view->count++];
	n = (size_t)snprintf(line, VIEW_LINE, "netns %llu %s Recv-Q %u held by",
			     (unsigned long long)netns, ends, recv_queue);
	qsort(holders->list, holders->count, sizeof(holders->list[0]), compare_descriptors);
	for (size_t i = 0; i < holders->count && n < VIEW_LINE; i++)
		n += (size_t)snprintf(line + n, VIEW_LINE - n, " %d/%d", holders->list[i].pid,
				      holders->list[i].fd);
	assert_true(n < VIEW_LINE);
}

static void add_descriptors(struct descriptors *all, int pid)
{
	char path[64], target[64];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	if (!directory)
		return; /* it has ended */
	while ((entry = readdir(directory))) {
		ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
		struct descriptor *descriptor;

		target[n > 0 ? n : 0] = '\0';
		if (strncmp(target, "socket:[", 8))
			continue;
		all->list = grow(all->list, all->count, &all->room, sizeof(*all->list));
		descriptor = &all->list[all->count++];
		descriptor->inode = strtoul(target + 8, NULL, 10);
		descriptor->pid = pid;
		descriptor->fd = atoi(entry->d_name);
	}
	closedir(directory);
}

static void read_descriptors(struct descriptors *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			add_descriptors(all, atoi(entry->d_name));
	}
	closedir(proc);
	if (all->count)
		qsort(all->list, all->count, sizeof(*all->list), compare_descriptors);
}

static void find_holders(struct holders *holders, const struct descriptors *all,
			 unsigned long inode)
{
	size_t low = 0, high = all->count;

	holders->count = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all->list[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < all->count && all->list[low].inode == inode; low++)
		add_holder(holders, &all->list[low]);
}

/* The kernel prints an address as words of the host's byte order, as they lie in memory. */
static void print_address(const char *hex, char text[INET6_ADDRSTRLEN])
{
	uint32_t words[4] = {};
	size_t count = strlen(hex) / 8;

	for (size_t i = 0; i < count && i < 4; i++)
		sscanf(hex + 8 * i, "%8x", &words[i]);
	if (count == 1)
		inet_ntop(AF_INET, words, text, INET6_ADDRSTRLEN);
	else if (!words[0] && !words[1] && words[2] == htonl(0xffff)) /* v4-mapped */
		inet_ntop(AF_INET, &words[3], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, words, text, INET6_ADDRSTRLEN);
}

static void read_table(struct view *view, const char *path, const struct descriptors *all)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN], ends[120], line[512];
	unsigned int local_port, remote_port, state, recv_queue;
	char local_hex[40], remote_hex[40];
	FILE *file = fopen(path, "re");
	struct holders holders;
	unsigned long inode;

	if (!file)
		return; /* no IPv6 */
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line,
			   " %*[^:]: %39[0-9A-F]:%x %39[0-9A-F]:%x %x %*x:%x %*x:%*x %*x %*u %*u "
			   "%lu",
			   local_hex, &local_port, remote_hex, &remote_port, &state, &recv_queue,
			   &inode) != 7)
			continue;
		/* Established with no inode: no process has it yet. */
		if (state != TCP_CLOSE_WAIT && (state != TCP_ESTABLISHED || inode))
			continue;
		print_address(local_hex, local);
		print_address(remote_hex, remote);
		snprintf(ends, sizeof(ends), "%s %u %s %u", local, local_port, remote, remote_port);
		find_holders(&holders, all, inode);
		if (!inode)
			holders.count = 0;
		add_line(view, netns_inode(), ends, recv_queue, &holders);
	}
	fclose(file);
}

void view_read_proc(struct view *view)
{
	struct descriptors all = {};

	read_descriptors(&all);
	read_table(view, "/proc/thread-self/net/tcp", &all);
	read_table(view, "/proc/thread-self/net/tcp6", &all);
	free(all.list);
}

/* "127.0.0.1:80", "[::1]:80" or "[::ffff:127.0.0.1]:80": returns the address, cuts off the port. */
static const char *split_end(char *end, unsigned int *port)
{
	char *colon = strrchr(end, ':');

	assert_non_null(colon);
	*colon = '\0';
	*port = (unsigned int)atoi(colon + 1);
	if (*end == '[') {
		end[strlen(end) - 1] = '\0';
		end++;
	}
	return !strncmp(end, "::ffff:", 7) && strchr(end, '.') ? end + 7 : end;
}

/* users:(("a",pid=1,fd=2),("b",pid=3,fd=4)) */
static void parse_users(struct holders *holders, const char *text)
{
	struct descriptor one = {};

	holders->count = 0;
	while ((text = strstr(text, ",pid="))) {
		assert_int_equal(sscanf(text, ",pid=%d,fd=%d", &one.pid, &one.fd), 2);
		add_holder(holders, &one);
		text++;
	}
}

static void read_ss_line(struct view *view, const char *line)
{
	char state[16], local[80], remote[80], ends[200];
	unsigned int recv_queue, local_port, remote_port;
	const char *local_address, *remote_address;
	struct holders holders;
	int users = 0;

	if (sscanf(line, "%15s %u %*u %79s %79s %n", state, &recv_queue, local, remote, &users) !=
	    4)
		fail_msg("ss said: %s", line);
	parse_users(&holders, line + users);
	if (strcmp(state, "CLOSE-WAIT") && holders.count)
		return;
	local_address = split_end(local, &local_port);
	remote_address = split_end(remote, &remote_port);
	snprintf(ends, sizeof(ends), "%s %u %s %u", local_address, local_port, remote_address,
		 remote_port);
	add_line(view, netns_inode(), ends, recv_queue, &holders);
}

bool view_read_ss(struct view *view)
{
	char line[1024];
	FILE *ss;

	if (access("/usr/bin/ss", X_OK) && access("/bin/ss", X_OK) && access("/sbin/ss", X_OK))
		return false;
	ss = popen("ss -tnpOH state established state close-wait", "re");
	assert_non_null(ss);
	while (fgets(line, sizeof(line), ss))
		read_ss_line(view, line);
	assert_int_equal(pclose(ss), 0);
	return true;
}

static json_int_t number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void view_add_event(struct view *view, json_t *event)
{
	json_t *local = json_object_get(event, "local"), *remote = json_object_get(event, "remote");
	const char *state = json_string_value(json_object_get(event, "state"));
	json_int_t recv_queue = number(event, "unread_bytes");
	struct holders holders = {};
	char ends[200];
	json_t *holder;
	size_t i;

	/* The FIN that was not taken counts in Recv-Q. */
	if (state && !strcmp(state, "close-wait") &&
	    !json_is_true(json_object_get(event, "fin_read")))
		recv_queue++;
	json_array_foreach (json_object_get(event, "holders"), i, holder) {
		struct descriptor one = {.pid = (int)number(holder, "pid"),
					 .fd = (int)number(holder, "fd")};

		add_holder(&holders, &one);
	}
	snprintf(ends, sizeof(ends), "%s %lld %s %lld",
		 json_string_value(json_object_get(local, "address")), number(local, "port"),
		 json_string_value(json_object_get(remote, "address")), number(remote, "port"));
	add_line(view, (uint64_t)number(event, "netns"), ends, (unsigned int)recv_queue, &holders);
}

static void sort(struct view *view)
{
	if (view->count)
		qsort(view->lines, view->count, VIEW_LINE, compare_lines);
}

void view_expect_same(struct view *one, const char *name, struct view *other,
		      const char *other_name)
{
	size_t i = 0, j = 0, differ = 0;

	sort(one);
	sort(other);
	while (i < one->count || j < other->count) {
		int order = i == one->count	? 1
			    : j == other->count ? -1
						: strcmp(one->lines[i], other->lines[j]);

		if (order && ++differ <= 10)
			print_error("only %s: %s\n", order < 0 ? name : other_name,
				    order < 0 ? one->lines[i] : other->lines[j]);
		i += order <= 0;
		j += order >= 0;
	}
	if (differ)
		fail_msg("%zu lines are of %s or %s only", differ, name, other_name);
}

void view_release(struct view *view)
{
	free(view->lines);
	memset(view, 0, sizeof(*view));
}
