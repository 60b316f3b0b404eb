// SPDX-License-Identifier: GPL-2.0
#include "filter.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "duration.h"

#define PID_MAX 4194304 /* PID_MAX_LIMIT of 64-bit kernels */
#define PORT_MAX 65535

/* A number from 1 to max. strtoul() would take signs and spaces. */
static int parse_number(const char **text, uint32_t max, uint32_t *number)
{
	uint64_t n = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++) {
		n = n * 10 + (uint64_t)(**text - '0');
		if (n > max)
			return -EINVAL;
	}
	if (n == 0)
		return -EINVAL;
	*number = (uint32_t)n;
	return 0;
}

static int parse_range(const char **text, struct port_range *range)
{
	uint32_t first, last;

	if (parse_number(text, PORT_MAX, &first))
		return -EINVAL;
	last = first;
	if (**text == '-') {
		(*text)++;
		if (parse_number(text, PORT_MAX, &last))
			return -EINVAL;
	}
	if (first > last)
		return -EINVAL;
	range->first = (uint16_t)first;
	range->last = (uint16_t)last;
	return 0;
}

static int parse_ports(const char *text, struct port_list *result)
{
	struct port_list list = {.count = 0};

	for (;;) {
		if (list.count == FILTER_PORTS_MAX)
			return -EINVAL;
		if (parse_range(&text, &list.ranges[list.count++]))
			return -EINVAL;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	/* Only now: after an error the filter is what it was. */
	*result = list;
	return 0;
}

static int set_pid(struct filter *filter, const char *value)
{
	uint32_t pid;

	if (parse_number(&value, PID_MAX, &pid) || *value)
		return -EINVAL;
	filter->pid = pid;
	return 0;
}

/* Leaves the rest of name zero, so that a shorter one replaces a longer one whole. */
static int set_name(char *name, size_t size, const char *value)
{
	size_t length = strlen(value);

	if (length == 0 || length >= size)
		return -EINVAL;
	memset(name, 0, size);
	memcpy(name, value, length);
	return 0;
}

static int set_comm(struct filter *filter, const char *value)
{
	return set_name(filter->comm, sizeof(filter->comm), value);
}

static int set_unit(struct filter *filter, const char *value)
{
	return set_name(filter->unit, sizeof(filter->unit), value);
}

static int set_netns(struct filter *filter, const char *value)
{
	uint32_t netns;

	if (parse_number(&value, UINT32_MAX, &netns) || *value)
		return -EINVAL;
	filter->netns = netns;
	return 0;
}

static int set_lport(struct filter *filter, const char *value)
{
	return parse_ports(value, &filter->local_ports);
}

static int set_rport(struct filter *filter, const char *value)
{
	return parse_ports(value, &filter->remote_ports);
}

static int set_family(struct filter *filter, const char *value)
{
	if (strcmp(value, "4") == 0)
		filter->family = FAMILY_IPV4;
	else if (strcmp(value, "6") == 0)
		filter->family = FAMILY_IPV6;
	else
		return -EINVAL;
	return 0;
}

static int set_role(struct filter *filter, const char *value)
{
	if (strcmp(value, "server") == 0)
		filter->role = ROLE_SERVER;
	else if (strcmp(value, "client") == 0)
		filter->role = ROLE_CLIENT;
	else
		return -EINVAL;
	return 0;
}

static int set_min_close_wait(struct filter *filter, const char *value)
{
	if (duration_parse(value, &filter->min_close_wait_ns))
		return -EINVAL;
	filter->has_min_close_wait = true;
	return 0;
}

static int set_min_accept_wait(struct filter *filter, const char *value)
{
	if (duration_parse(value, &filter->min_accept_wait_ns))
		return -EINVAL;
	filter->has_min_accept_wait = true;
	return 0;
}

static int set_all(struct filter *filter, const char *value)
{
	(void)value;
	filter->all = true;
	return 0;
}

static const struct option {
	const char *name;
	const char *allowed;
	int (*set)(struct filter *filter, const char *value);
	bool no_value;
} options[] = {
	{"pid", "a process ID from 1 to 4194304", set_pid, false},
	{"comm", "a command name of 1 to 15 bytes", set_comm, false},
	{"unit", "the name of a systemd unit, such as nginx.service", set_unit, false},
	{"lport", FILTER_PORTS_ALLOWED, set_lport, false},
	{"rport", FILTER_PORTS_ALLOWED, set_rport, false},
	{"family", "4 or 6", set_family, false},
	{"role", "server or client", set_role, false},
	{"netns", "the inode number of a network namespace, as lsns -t net shows it", set_netns,
	 false},
	{"min-close-wait", DURATION_ALLOWED, set_min_close_wait, false},
	{"min-accept-wait", DURATION_ALLOWED, set_min_accept_wait, false},
	{"all", "no value", set_all, true},
};

int filter_set(struct filter *filter, const char *name, const char *value, const char **allowed)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *option = &options[i];

		if (strcmp(name, option->name) != 0)
			continue;
		if (option->no_value == !value && option->set(filter, value) == 0)
			return 0;
		*allowed = option->allowed;
		return -EINVAL;
	}
	return -ENOENT;
}

static bool port_matches(const struct port_list *list, uint16_t port)
{
	for (unsigned int i = 0; i < list->count; i++) {
		if (port >= list->ranges[i].first && port <= list->ranges[i].last)
			return true;
	}
	return list->count == 0;
}

static bool conn_matches(const struct filter *filter, const struct conn *conn)
{
	if (filter->pid && filter->pid != conn->owner.pid)
		return false;
	if (filter->comm[0] &&
	    strncmp(filter->comm, conn->owner.comm, sizeof(conn->owner.comm)) != 0)
		return false;
	if (filter->netns && filter->netns != conn->netns)
		return false;
	if (filter->family && filter->family != conn->family)
		return false;
	if (filter->role && filter->role != conn->role)
		return false;
	return port_matches(&filter->local_ports, conn->local_port) &&
	       port_matches(&filter->remote_ports, conn->remote_port);
}

static bool unit_matches(const struct filter *filter, const struct event *event)
{
	if (!filter->unit[0])
		return true;
	return event->owner_place && strcmp(filter->unit, event->owner_place->unit) == 0;
}

/* UNKNOWN is less than any minimum. */
static bool waits_match(const struct filter *filter, const struct event *event)
{
	if (filter->has_min_close_wait && event->close_wait_ns >= filter->min_close_wait_ns)
		return true;
	if (filter->has_min_accept_wait && event->accept_wait_ns >= filter->min_accept_wait_ns)
		return true;
	if (filter->has_min_close_wait || filter->has_min_accept_wait)
		return false;
	return filter->all || event->slow;
}

bool filter_match(const struct filter *filter, const struct event *event)
{
	return conn_matches(filter, &event->conn) && unit_matches(filter, event) &&
	       waits_match(filter, event);
}

bool filter_match_listener(const struct filter *filter, const struct listener *listener)
{
	if (filter->family && filter->family != listener->family)
		return false;
	if (filter->netns && filter->netns != listener->netns)
		return false;
	return port_matches(&filter->local_ports, listener->port);
}
