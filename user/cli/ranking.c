// SPDX-License-Identifier: GPL-2.0
#include "ranking.h"

#include <errno.h>
#include <stdlib.h>

struct ranked {
	int64_t key;
	uint64_t number; /* in the order they came */
	char *line;
};

/* Whether one belongs behind other. */
static bool is_less(const struct ranked *one, const struct ranked *other)
{
	return one->key != other->key ? one->key < other->key : one->number > other->number;
}

static void swap(struct ranked *one, struct ranked *other)
{
	struct ranked kept = *one;

	*one = *other;
	*other = kept;
}

static void sift_up(struct ranked *lines, size_t i)
{
	for (; i && is_less(&lines[i], &lines[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&lines[i], &lines[(i - 1) / 2]);
}

static void sift_down(struct ranked *lines, size_t count)
{
	for (size_t i = 0, least;; i = least) {
		least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++) {
			if (is_less(&lines[child], &lines[least]))
				least = child;
		}
		if (least == i)
			return;
		swap(&lines[i], &lines[least]);
	}
}

bool ranking_wants(struct ranking *ranking, int64_t key)
{
	ranking->seen++;
	return ranking->count < ranking->limit || key > ranking->lines[0].key;
}

static int grow(struct ranking *ranking)
{
	size_t size = ranking->size ? ranking->size * 2 : 64;
	struct ranked *lines = reallocarray(ranking->lines, size, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	ranking->lines = lines;
	ranking->size = size;
	return 0;
}

int ranking_add(struct ranking *ranking, int64_t key, char *line)
{
	const struct ranked ranked = {key, ranking->seen, line};

	if (!line)
		return -ENOMEM;
	if (ranking->count == ranking->limit) {
		free(ranking->lines[0].line);
		ranking->lines[0] = ranked;
		sift_down(ranking->lines, ranking->count);
		return 0;
	}
	if (ranking->count == ranking->size && grow(ranking) < 0) {
		free(line);
		return -ENOMEM;
	}
	ranking->lines[ranking->count++] = ranked;
	sift_up(ranking->lines, ranking->count - 1);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return is_less(a, b) ? 1 : -1;
}

void ranking_print(struct ranking *ranking, FILE *out)
{
	if (ranking->count)
		qsort(ranking->lines, ranking->count, sizeof(ranking->lines[0]), compare);
	for (size_t i = 0; i < ranking->count; i++)
		fputs(ranking->lines[i].line, out);
	ranking_free(ranking);
}

int64_t ranking_least(const struct ranking *ranking)
{
	return ranking->count ? ranking->lines[0].key : INT64_MIN;
}

void ranking_free(struct ranking *ranking)
{
	for (size_t i = 0; i < ranking->count; i++)
		free(ranking->lines[i].line);
	free(ranking->lines);
	ranking->lines = NULL;
	ranking->count = 0;
	ranking->size = 0;
}
