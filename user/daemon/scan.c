// SPDX-License-Identifier: GPL-2.0
#include "scan.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "clock.h"
#include "netns.h"

static const size_t element_sizes[SCAN_COUNT] = {
	[SCAN_EXISTING] = 1, /* has none */
	[SCAN_WAITING_SLOTS] = sizeof(struct record),
	[SCAN_WAITING] = sizeof(struct record),
	[SCAN_WAITING_MORE] = sizeof(struct record),
	[SCAN_LISTENERS] = sizeof(struct listener_record),
	[SCAN_HOLDERS] = sizeof(struct holder),
	[SCAN_ACCEPTS] = sizeof(struct accept_record),
	[SCAN_FOLDS] = sizeof(struct fold_record),
	[SCAN_FOLDS_OTHER] = sizeof(struct fold_record),
	[SCAN_THREADS] = sizeof(struct thread_record),
};

int scan_begin(struct scan_reader *reader, struct hooks *hooks, enum scan scan)
{
	int fd = hooks_scan(hooks, scan);

	if (fd < 0)
		return fd;
	reader->hooks = hooks;
	reader->scan = scan;
	reader->fd = fd;
	reader->element_size = element_sizes[scan];
	return 0;
}

void scan_close(struct scan_reader *reader)
{
	if (reader->fd != HOOKS_WALK)
		close(reader->fd);
	reader->fd = HOOKS_WALK;
}

static void hand_over(const struct scan_reader *reader, const char *elements, size_t size,
		      scan_fn on_element, void *userdata)
{
	for (size_t at = 0; at + reader->element_size <= size; at += reader->element_size)
		on_element(userdata, elements + at);
}

static int read_walk(const struct scan_reader *reader, scan_fn on_element, void *userdata)
{
	const void *elements;
	size_t size;
	int r = hooks_walk(reader->hooks, reader->scan, &elements, &size);

	if (r >= 0)
		hand_over(reader, elements, size, on_element, userdata);
	return r;
}

int scan_read(struct scan_reader *reader, scan_fn on_element, void *userdata)
{
	_Alignas(8) char buffer[64 * sizeof(struct record)];
	/* A whole number of elements: the kernel cuts where the buffer ends. */
	size_t size = sizeof(buffer) - sizeof(buffer) % reader->element_size;
	ssize_t n;

	if (reader->fd == HOOKS_WALK)
		return read_walk(reader, on_element, userdata);
	n = read(reader->fd, buffer, size);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) /* it pauses */
		return 1;
	if (n < 0)
		return -errno;
	hand_over(reader, buffer, (size_t)n, on_element, userdata);
	return n > 0;
}

int scan_run(struct hooks *hooks, enum scan scan, scan_fn on_element, void *userdata)
{
	struct scan_reader reader;
	int r = scan_begin(&reader, hooks, scan);

	if (r < 0)
		return r;
	do {
		r = scan_read(&reader, on_element, userdata);
	} while (r > 0);
	scan_close(&reader);
	return r;
}

/*
 * A namespace takes some milliseconds, and any user can make thousands: no start may take so long
 * that it is given up.
 */
#define EXISTING_MAX_NS (10 * NSEC_PER_SEC)

struct existing {
	struct hooks *hooks;
	struct scan_unseen *unseen;
	int64_t end_ns;
	int result;
};

static void on_nothing(void *userdata, const void *element)
{
	(void)userdata, (void)element;
}

static void scan_namespace(void *userdata, int enter_error)
{
	struct existing *existing = userdata;
	int r;

	if (!enter_error && clock_monotonic_ns() > existing->end_ns)
		enter_error = -ETIME;
	if (enter_error) {
		existing->unseen->count++;
		existing->unseen->error = enter_error;
		return;
	}
	r = scan_run(existing->hooks, SCAN_EXISTING, on_nothing, NULL);
	if (r < 0)
		existing->result = r;
}

int scan_existing(struct hooks *hooks, struct scan_unseen *unseen)
{
	struct existing existing = {
		.hooks = hooks, .unseen = unseen, .end_ns = clock_monotonic_ns() + EXISTING_MAX_NS};
	int r;

	unseen->count = 0;
	unseen->error = 0;
	r = netns_for_each(scan_namespace, &existing);
	return r < 0 ? r : existing.result;
}

const char *scan_unseen_advice(const struct scan_unseen *unseen)
{
	return unseen->error == -ETIME ? "" : ". Run as root, or with CAP_SYS_ADMIN";
}
