// SPDX-License-Identifier: GPL-2.0
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"
#include "json_part.h"
#include "message.h"

/* As much as a pipe takes: the C library would write 4 KiB at a time. */
#define BUFFER_SIZE (64 << 10)

/* Where a piece of JSON goes. */
struct indented {
	FILE *out;
	const char *indent;
};

static bool to_terminal;

void output_begin(void)
{
	static char buffer[BUFFER_SIZE];

	to_terminal = isatty(STDOUT_FILENO);
	if (!to_terminal)
		setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
}

static int put_indented(const char *piece, size_t size, void *userdata)
{
	const struct indented *to = userdata;
	const char *newline;

	while ((newline = memchr(piece, '\n', size))) {
		size_t length = (size_t)(newline + 1 - piece);

		json_print_piece(piece, length, to->out);
		fputs(to->indent, to->out);
		piece += length;
		size -= length;
	}
	return json_print_piece(piece, size, to->out);
}

void output_escaped(FILE *out, const json_t *value, size_t flags, const char *indent)
{
	struct indented to = {out, indent};

	fputs(indent, out);
	json_dump_callback(value, put_indented, &to, flags | JSON_ENSURE_ASCII);
	fputc('\n', out);
}

static void put_line(const char *line, size_t length)
{
	fwrite(line, 1, length, stdout);
	fputc('\n', stdout);
}

bool output_pass_on(const char *line, size_t length)
{
	if (to_terminal || !json_line_is_event(line, length))
		return false;
	put_line(line, length);
	return true;
}

void output_json(const json_t *object, const char *line, size_t length)
{
	if (to_terminal)
		output_object(object);
	else
		put_line(line, length);
}

void output_object(const json_t *object)
{
	if (to_terminal) {
		output_escaped(stdout, object, JSON_STYLE, "");
		return;
	}
	json_print(stdout, object, 0);
	fputc('\n', stdout);
}

int output_flush(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	if (fflush(stdout) == EOF || ferror(stdout))
		return errno ? -errno : -EIO;
	/* A reader that has gone is noticed here when there is nothing to write, too. */
	if (poll(&out, 1, 0) == 1 && out.revents & (POLLERR | POLLHUP))
		return -EPIPE;
	return 0;
}

int output_status(int r)
{
	if (r >= 0 || r == -EPIPE)
		return EXIT_SUCCESS;
	message("cannot write: %s", strerror(-r));
	return EXIT_FAILURE;
}

int output_columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}
