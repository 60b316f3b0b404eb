// SPDX-License-Identifier: GPL-2.0
/* The summary of the last minute and the longest waits, shown again and again. */
#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "command.h"
#include "duration.h"
#include "interrupt.h"
#include "list.h"
#include "listeners.h"
#include "memory_file.h"
#include "message.h"
#include "render.h"
#include "summary.h"
#include "table.h"

/* Shorter than elsewhere, and than before the screen is there: no key is seen meanwhile. */
#define SILENCE_MS 3000

/* Of the longest waits, so many are kept; and after so many lines the daemon is left alone. */
#define LINES_KEPT 100
#define LINES_READ 1000

/* Title, waiting, blank, two heads, total, blank, head, keys. */
#define LINES_FIXED 9

struct top {
	const struct command_options *options;
	struct client client;
	struct json_read read;
	struct summary summary; /* the last one that came */
	char *lower; /* the lines under it, or NULL */
	const char *sort;
	bool listeners; /* instead of the longest waits */
	int64_t least_wait_ns; /* shorter waits are not asked for */
	int64_t away_since_ns; /* CLOCK_MONOTONIC; 0: the daemon is there */
	char away_why[sizeof(((struct client *)0)->message)];
};

static int fetch_summary(struct top *top)
{
	struct field_error error;
	struct summary summary;
	struct query query;
	json_t *object;
	int r;

	query_begin(&query, "/v1/summary");
	query_add(&query, "window", "1m");
	r = client_get(&top->client, &query, &object);
	if (r < 0)
		return r;
	r = summary_from_json(&summary, object, &error);
	json_decref(object);
	if (r < 0) {
		snprintf(top->client.message, sizeof(top->client.message),
			 "its summary cannot be read: %s",
			 r == -EINVAL ? error.text : strerror(-r));
		return r;
	}
	summary_free(&top->summary);
	top->summary = summary;
	return 0;
}

/* What is read of one answer. */
struct lower {
	struct top *top;
	struct ranking ranking;
	unsigned long lines;
};

static int on_line(void *userdata, const char *line, size_t length)
{
	static const struct text_style style = {.list = true};
	struct lower *lower = userdata;
	struct top *top = lower->top;
	json_t *object = json_loadb(line, length, 0, NULL);
	int r;

	if (top->listeners)
		r = listeners_rank(&lower->ranking, &top->read, object, false);
	else
		r = list_rank(&lower->ranking, &top->read, object, &style);
	json_decref(object);
	if (r == -ENOMEM)
		return r;
	/* Listeners are few, and all are needed. */
	return !top->listeners && ++lower->lines == LINES_READ;
}

/*
 * With a hundred thousand that wait, reading all of them each second would be a load on a host that
 * is in trouble. So the next look asks only for waits as long as the shortest one shown: these
 * grow, and others come in only as they become as long.
 */
static void set_least_wait(struct top *top, const struct ranking *ranking)
{
	if (ranking->count == ranking->limit)
		top->least_wait_ns = ranking_least(ranking);
	else
		top->least_wait_ns /= 2;
	if (top->least_wait_ns < NSEC_PER_MSEC)
		top->least_wait_ns = 0;
}

static void query_lower(const struct top *top, struct query *query)
{
	char wait[32];

	query_begin(query, top->listeners ? "/v1/listeners" : "/v1/connections");
	if (top->listeners || !top->least_wait_ns)
		return;
	snprintf(wait, sizeof(wait), "%" PRId64 "ns", top->least_wait_ns);
	query_add(query, "min-close-wait", wait);
	query_add(query, "min-accept-wait", wait);
}

static char *print_ranking(struct ranking *ranking)
{
	struct memory_file file;
	FILE *out = memory_file_begin(&file);

	if (out)
		ranking_print(ranking, out);
	return memory_file_end(&file, NULL);
}

static int fetch_lower(struct top *top)
{
	struct lower lower = {.top = top, .ranking = {.limit = LINES_KEPT}};
	const struct client_reader reader = {on_line, NULL, &lower};
	struct query query;
	int r;

	query_lower(top, &query);
	r = client_lines(&top->client, &query, &reader);
	if (r >= 0) {
		if (!top->listeners)
			set_least_wait(top, &lower.ranking);
		free(top->lower);
		top->lower = print_ranking(&lower.ranking);
	}
	ranking_free(&lower.ranking);
	return r < 0 ? r : 0;
}

static int fetch(struct top *top)
{
	int r = fetch_summary(top);

	if (r == 0)
		r = fetch_lower(top);
	if (r == 0) {
		top->away_since_ns = 0;
		return 0;
	}
	if (!top->away_since_ns)
		top->away_since_ns = clock_monotonic_ns();
	snprintf(top->away_why, sizeof(top->away_why), "%s", top->client.message);
	return r;
}

/* At most as wide as the screen: curses would go on in the next line. */
static void put(int row, attr_t attributes, const char *text)
{
	int columns = 0;
	size_t length = 0;

	for (; text[length] && text[length] != '\n'; length++) {
		columns += ((unsigned char)text[length] & 0xc0) != 0x80;
		if (columns > COLS)
			break;
	}
	attrset(attributes);
	mvaddnstr(row, 0, text, (int)length);
	attrset(A_NORMAL);
}

/* Up to most lines of text; returns how many. */
static int put_lines(int row, int most, const char *text)
{
	int lines = 0;

	while (text && *text && lines < most) {
		const char *newline = strchr(text, '\n');

		put(row + lines++, A_NORMAL, text);
		text = newline ? newline + 1 : NULL;
	}
	return lines;
}

static void put_title(const struct top *top)
{
	const struct summary *summary = &top->summary;
	time_t seconds = render_seconds(summary->time_ns);
	char line[512], length[32], clock[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	duration_format(summary->time_ns - summary->since_ns, length, sizeof(length));
	snprintf(line, sizeof(line),
		 "%s  last %s: %" PRIu64 " ended, slow: %" PRIu64 " accepts, %" PRIu64
		 " closes; by %s",
		 clock, length, summary->total.ended, summary->total.slow_accepts,
		 summary->total.slow_closes, top->sort);
	put(0, A_BOLD, line);
}

static void put_away(const struct top *top)
{
	char line[sizeof(top->away_why) + 64], gap[32];

	duration_format(clock_monotonic_ns() - top->away_since_ns, gap, sizeof(gap));
	snprintf(line, sizeof(line), "slowclosed is away for %s: %s", gap, top->away_why);
	put(1, A_REVERSE, line);
}

static void put_waiting(const struct top *top)
{
	const struct summary_row *total = &top->summary.total;
	char line[256], oldest[32];

	duration_format(total->oldest_ns, oldest, sizeof(oldest));
	snprintf(line, sizeof(line),
		 "waiting now: %" PRIu64 " in accept queues, %" PRIu64
		 " in CLOSE_WAIT, the longest %s",
		 total->in_accept_queue, total->in_close_wait, oldest);
	put(1, A_NORMAL, line);
}

/* Two heads, up to most rows, and the total, as the report has them. Returns the next line. */
static int put_table(struct top *top, int row, int most)
{
	struct table_style style = {.columns = COLS};
	struct summary *summary = &top->summary;
	struct memory_file file;
	FILE *out = memory_file_begin(&file);
	int rows = summary->has_other && most > 1 ? most - 1 : most;
	char *text;

	if (!out)
		return row;
	table_sort_rows(summary, top->sort);
	table_fit(&style, summary, (size_t)rows);
	table_head(out, summary->by, &style);
	for (int i = 0; i < rows && (size_t)i < summary->row_count; i++)
		table_row(out, &summary->rows[i], &style);
	if (rows < most)
		table_row(out, &summary->other, &style);
	table_row(out, &summary->total, &style);
	text = memory_file_end(&file, NULL);
	row += put_lines(row, most + 3, text);
	free(text);
	return row;
}

static void put_lower(const struct top *top, int row, int most)
{
	static const struct text_style style = {.list = true};
	struct memory_file file;
	FILE *out = memory_file_begin(&file);
	char *head;

	if (out && top->listeners)
		text_listener_head(out);
	else if (out)
		text_event_head(out, &style);
	head = memory_file_end(&file, NULL);
	put(row, A_BOLD, head ? head : "");
	free(head);
	if (!put_lines(row + 1, most, top->lower))
		put(row + 1, A_DIM,
		    top->listeners ? "nothing is queued, was dropped or failed" : "nothing waits");
}

static void draw(struct top *top)
{
	int body = LINES - LINES_FIXED, row;

	erase();
	put_title(top);
	if (top->away_since_ns)
		put_away(top);
	else
		put_waiting(top);
	row = put_table(top, 3, body > 1 ? body / 2 : 1);
	mvchgat(3, 0, -1, A_BOLD, 0, NULL);
	mvchgat(4, 0, -1, A_BOLD, 0, NULL);
	if (LINES - row > 3)
		put_lower(top, row + 1, LINES - row - 3);
	put(LINES - 1, A_REVERSE,
	    top->listeners
		    ? "s slow e ended a accept-p99 c close-p99 w close-wait u queue  l waits   q "
		      "quit"
		    : "s slow e ended a accept-p99 c close-p99 w close-wait u queue  l listeners q "
		      "quit");
	refresh();
}

/* Returns whether to go on; *again: what is shown must be asked for anew. */
static bool handle_key(struct top *top, int key, bool *again)
{
	static const struct {
		int key;
		const char *sort;
	} sorts[] = {
		{'s', "slow"},	    {'e', "ended"},	 {'a', "accept-p99"},
		{'c', "close-p99"}, {'w', "close-wait"}, {'u', "queue"},
	};

	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (key == sorts[i].key)
			top->sort = sorts[i].sort;
	}
	*again = key == 'l';
	if (key == 'l') {
		top->listeners = !top->listeners;
		free(top->lower);
		top->lower = NULL;
	}
	return key != 'q';
}

/* Until it is time to ask again. Returns whether to go on. */
static bool wait_for_keys(struct top *top)
{
	int64_t until = clock_monotonic_ns() + (int64_t)top->options->delay_seconds * NSEC_PER_SEC;
	bool again = false, go_on = true;

	while (go_on && !again && !interrupt_seen()) {
		int64_t left = until - clock_monotonic_ns();
		int key;

		draw(top);
		if (left <= 0)
			break;
		timeout((int)(left / NSEC_PER_MSEC) + 1);
		key = getch();
		if (key == ERR && !isatty(STDIN_FILENO)) /* the terminal has gone */
			return false;
		if (key != ERR)
			go_on = handle_key(top, key, &again);
	}
	return go_on && !interrupt_seen();
}

static int show(struct top *top)
{
	SCREEN *screen;

	setlocale(LC_CTYPE, "");
	interrupt_catch();
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		message("this terminal (TERM=%s) is not known; see slowclose report",
			getenv("TERM") ? getenv("TERM") : "");
		return EXIT_FAILURE;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	top->client.silence_ms = SILENCE_MS;
	while (wait_for_keys(top))
		fetch(top);
	endwin();
	delscreen(screen);
	return EXIT_SUCCESS;
}

static int top_run(const struct command_options *options)
{
	struct command_options own = *options;
	struct top top = {
		.options = &own,
		.client = {.socket = options->socket, .silence_ms = CLIENT_SILENCE_MS},
		.sort = options->sort ? options->sort : "slow",
	};
	int status = EXIT_FAILURE;

	if (!own.delay_seconds)
		own.delay_seconds = 1;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		message("top needs a terminal; slowclose report prints the same");
	else if (fetch(&top) < 0)
		message("%s", top.client.message);
	else
		status = show(&top);
	summary_free(&top.summary);
	json_read_free(&top.read);
	free(top.lower);
	return status;
}

static const struct option long_options[] = {
	{"delay", required_argument, NULL, 'd'},
	{"sort", required_argument, NULL, OPTION_SORT},
	COMMAND_ROWS,
};

const struct command top_command = {
	.name = "top",
	.summary = "the last minute and what waits longest, refreshed",
	.usage = "  slowclose top\n"
		 "  slowclose top -d 5 --sort close-p99\n"
		 "\n"
		 "  -d, --delay SECONDS        between two looks (default 1)\n"
		 "      --sort COLUMN          as in slowclose report\n" COMMAND_USAGE "\n"
		 "Keys: s e a c w u sort the services; l shows listeners instead of what waits\n"
		 "longest; q ends.\n",
	.letters = "d:" COMMAND_LETTERS,
	.long_options = long_options,
	.run = top_run,
};
