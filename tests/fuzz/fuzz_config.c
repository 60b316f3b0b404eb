// SPDX-License-Identifier: GPL-2.0
/* A file of the configuration: it gives settings that are allowed, or one line of what is wrong. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

static void check_settings(const struct settings *settings)
{
	CHECK(settings->slow.close_wait_ns >= 0 && settings->slow.accept_wait_ns >= 0);
	CHECK(settings->report_interval_ns == 0 || settings->report_interval_ns >= NSEC_PER_SEC);
	CHECK(memchr(settings->socket_path, '\0', sizeof(settings->socket_path)));
	CHECK(settings->socket_path[0]);
}

static void check_error(const struct config_error *error)
{
	char text[CONFIG_TEXT_SIZE];

	CHECK(error->message[0]);
	config_error_text(error, text);
	CHECK(!strchr(text, '\n'));
	check_safe(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct config_error error = {.line = 0};
	struct settings settings;
	char path[32];
	int r;

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_read(&settings, &(struct config_source){.file = path}, &error);
	if (r == 0)
		check_settings(&settings);
	else
		check_error(&error);
	close(fd);
	return 0;
}
