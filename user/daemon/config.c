// SPDX-License-Identifier: GPL-2.0
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* inih's, where it takes memory at all. */
#define NO_MEMORY -2

/* One file while it is read, or the command line. */
struct reader {
	FILE *file;
	unsigned int line;
	unsigned long given; /* a bit for each setting that the file has set */
	struct settings *settings;
	struct config_error *error;
	bool failed; /* and *error says of what */
	int read_error; /* errno */
};

static __attribute__((format(printf, 3, 4))) void fail(struct reader *reader, const char *key,
						       const char *format, ...)
{
	struct config_error *error = reader->error;
	va_list args;

	reader->failed = true;
	error->line = reader->line;
	text_safe(key, strlen(key), error->key, sizeof(error->key));
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
}

/*
 * A line for inih; none after an error, so that the first one is told. inih would take an indented
 * line for more of the value before it, and cut a long one in two.
 */
static char *next_line(char *line, int size, void *userdata)
{
	struct reader *reader = userdata;
	size_t indent;

	if (reader->failed || !fgets(line, size, reader->file)) {
		if (ferror(reader->file))
			reader->read_error = errno;
		return NULL;
	}
	reader->line++;
	if (!strchr(line, '\n') && !feof(reader->file)) {
		fail(reader, "", "the line is longer than %d bytes, or is no text", size - 2);
		return NULL;
	}
	indent = strspn(line, " \t");
	memmove(line, line + indent, strlen(line + indent) + 1);
	return line;
}

static void set(struct reader *reader, const char *key, const char *value)
{
	int i = settings_find(key);
	char safe[256];

	if (i < 0)
		fail(reader, key, "there is no such key; there are %s", settings_names());
	else if (reader->given & 1UL << i)
		fail(reader, key, "it is given twice in this file; each key is allowed once");
	else if (settings_set(reader->settings, (size_t)i, value) < 0)
		fail(reader, key, "\"%s\" is not allowed; it takes %s",
		     text_safe(value, strlen(value), safe, sizeof(safe)),
		     settings_allowed((size_t)i));
	else
		reader->given |= 1UL << i;
}

static int on_value(void *userdata, const char *section, const char *key, const char *value)
{
	struct reader *reader = userdata;

	if (!reader->failed && *section)
		fail(reader, key, "there are no sections; only lines KEY = VALUE are allowed");
	else if (!reader->failed)
		set(reader, key, value);
	return !reader->failed;
}

static int unreadable(struct config_error *error, const char *path, int code)
{
	*error = (struct config_error){.line = 0};
	text_safe(path, strlen(path), error->file, sizeof(error->file));
	snprintf(error->message, sizeof(error->message), "it cannot be read: %s", strerror(code));
	return -code;
}

static int read_file(struct settings *settings, const char *path, struct config_error *error)
{
	struct reader reader = {.settings = settings, .error = error, .file = fopen(path, "re")};
	int line;

	if (!reader.file)
		return unreadable(error, path, errno);
	*error = (struct config_error){.line = 0};
	text_safe(path, strlen(path), error->file, sizeof(error->file));
	line = ini_parse_stream(next_line, &reader, on_value, &reader);
	fclose(reader.file);
	if (line == NO_MEMORY)
		reader.read_error = ENOMEM;
	if (reader.read_error)
		return unreadable(error, path, reader.read_error);
	/* inih itself tells only where there is no key and value, and goes on. */
	if (line > 0 && (!reader.failed || (unsigned int)line < error->line)) {
		reader.line = (unsigned int)line;
		fail(&reader, "", "this is no key and value; only lines KEY = VALUE are allowed");
	}
	return reader.failed ? -EINVAL : 0;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int read_drop_in(struct settings *settings, const char *directory, const char *name,
			struct config_error *error)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return unreadable(error, directory, ENOMEM);
	r = read_file(settings, path, error);
	free(path);
	return r;
}

static int read_directory(struct settings *settings, const char *directory,
			  struct config_error *error)
{
	struct dirent **names;
	int count = scandir(directory, &names, is_drop_in, by_name), r = 0;

	if (count < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0
							   : unreadable(error, directory, errno);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = read_drop_in(settings, directory, names[i]->d_name, error);
		free(names[i]);
	}
	free(names);
	return r;
}

static int read_drop_ins(struct settings *settings, const char *file, struct config_error *error)
{
	char *directory;
	int r;

	if (asprintf(&directory, "%s.d", file) < 0)
		return unreadable(error, file, ENOMEM);
	r = read_directory(settings, directory, error);
	free(directory);
	return r;
}

static int set_options(struct settings *settings, const struct config_source *source,
		       struct config_error *error)
{
	struct reader reader = {.settings = settings, .error = error};

	*error = (struct config_error){.line = 0};
	for (size_t i = 0; i < source->option_count && !reader.failed; i++) {
		reader.given = 0; /* of an option the last one holds */
		set(&reader, source->options[i].name, source->options[i].value);
	}
	return reader.failed ? -EINVAL : 0;
}

int config_read(struct settings *settings, const struct config_source *source,
		struct config_error *error)
{
	int r = 0;

	settings_init(settings);
	if (source->file) {
		r = read_file(settings, source->file, error);
		if (r == -ENOENT && source->optional)
			r = 0;
	}
	if (r == 0 && source->file)
		r = read_drop_ins(settings, source->file, error);
	return r < 0 ? r : set_options(settings, source, error);
}

const char *config_error_text(const struct config_error *error, char buf[CONFIG_TEXT_SIZE])
{
	char text[CONFIG_TEXT_SIZE];
	size_t length = 0;

	if (error->line)
		length = (size_t)snprintf(text, sizeof(text), "%s:%u: ", error->file, error->line);
	else if (*error->file)
		length = (size_t)snprintf(text, sizeof(text), "%s: ", error->file);
	if (*error->key)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%s%s: ", *error->file ? "" : "--", error->key);
	snprintf(text + length, sizeof(text) - length, "%s", error->message);
	return text_safe(text, strlen(text), buf, CONFIG_TEXT_SIZE);
}
