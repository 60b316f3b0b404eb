// SPDX-License-Identifier: GPL-2.0
#include "place.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 1024
#define FRESH_NS NSEC_PER_SEC

struct cached {
	uint32_t pid; /* 0: none */
	int64_t read_ns;
	struct place place;
};

struct places {
	struct cached cached[PLACES]; /* by pid, whichever came last */
};

static bool has_suffix(const char *text, size_t length, const char *suffix)
{
	size_t n = strlen(suffix);

	return length > n && memcmp(text + length - n, suffix, n) == 0;
}

static void copy(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		length = size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

/* 64 hexadecimal digits, as docker, containerd, cri-o and podman name containers; at the end. */
static const char *container_id(const char *part, size_t length)
{
	const char *id;

	if (has_suffix(part, length, ".scope"))
		length -= strlen(".scope");
	if (length < 64)
		return NULL;
	id = part + length - 64;
	for (int i = 0; i < 64; i++) {
		if (!isxdigit((unsigned char)id[i]))
			return NULL;
	}
	return length == 64 || id[-1] == '-' || id[-1] == ':' ? id : NULL;
}

void place_from_cgroup(struct place *place, const char *path)
{
	static const char lxc[] = "lxc.payload.";

	memset(place, 0, sizeof(*place));
	while (*path) {
		size_t length;
		const char *id;

		path += *path == '/';
		length = strcspn(path, "/");
		id = container_id(path, length);
		if (id)
			copy(place->container, sizeof(place->container), id, 64);
		else if (length > strlen(lxc) && strncmp(path, lxc, strlen(lxc)) == 0)
			copy(place->container, sizeof(place->container), path + strlen(lxc),
			     length - strlen(lxc));
		/* The innermost one: of a user's service, not user@1000.service. */
		if (has_suffix(path, length, ".service") || has_suffix(path, length, ".scope"))
			copy(place->unit, sizeof(place->unit), path, length);
		path += length;
	}
}

/* "0::/path" (v2), or "4:memory,pids:/path" and "1:name=systemd:/path" (v1, hybrid). */
static bool read_cgroup(uint32_t pid, struct place *place)
{
	char path[32], line[4096];
	struct place one;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	memset(place, 0, sizeof(*place));
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		colon = colon ? strchr(colon + 1, ':') : NULL;
		if (!colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		place_from_cgroup(&one, colon + 1);
		/* Only systemd's own hierarchy has units, but any can have the container. */
		if (one.unit[0] && !place->unit[0])
			memcpy(place->unit, one.unit, sizeof(place->unit));
		if (one.container[0] && !place->container[0])
			memcpy(place->container, one.container, sizeof(place->container));
	}
	fclose(file);
	return true;
}

struct places *places_new(void)
{
	return calloc(1, sizeof(struct places));
}

void places_free(struct places *places)
{
	free(places);
}

bool places_known(const struct places *places, uint32_t pid, int64_t now_ns)
{
	const struct cached *cached = &places->cached[pid % PLACES];

	return cached->pid == pid && now_ns - cached->read_ns < FRESH_NS;
}

const struct place *places_of(struct places *places, uint32_t pid, int64_t now_ns,
			      struct place *place)
{
	struct cached *cached = &places->cached[pid % PLACES];

	if (!pid)
		return NULL;
	if (!places_known(places, pid, now_ns)) {
		if (read_cgroup(pid, place)) {
			cached->pid = pid;
			cached->place = *place;
		} else if (cached->pid != pid) {
			return NULL;
		}
		cached->read_ns = now_ns;
	}
	*place = cached->place;
	return place;
}
