// SPDX-License-Identifier: GPL-2.0
/*
 * Makes TCP connections on loopback in a certain way, and prints what it made as one JSON object.
 * Each connection is closed by the client first, so that the server's end is in CLOSE_WAIT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC INT64_C(1000000000)

/* Client addresses that are taken in turn, so that ports do not run out. */
#define SOURCES 250

/* Connections are counted and paced in steps of this many. */
#define STEP 16

struct options {
	const char *name; /* of the load */
	int64_t seconds;
	int64_t rate; /* connections a second of each process; 0: as many as it can */
	int processes;
	int connections; /* of each process at once */
};

/* What each process has done, in memory that all share. */
struct result {
	uint64_t connections;
	uint64_t refused;
};

struct load {
	const struct options *options;
	struct result *result;
	int listener;
	struct sockaddr_in address; /* of the listener */
	uint32_t source;
};

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static void listen_anywhere(struct load *load)
{
	socklen_t size = sizeof(load->address);

	load->listener = socket(AF_INET, SOCK_STREAM, 0);
	load->address.sin_family = AF_INET;
	load->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (load->listener < 0 ||
	    bind(load->listener, (struct sockaddr *)&load->address, sizeof(load->address)) < 0 ||
	    listen(load->listener, 4096) < 0 ||
	    getsockname(load->listener, (struct sockaddr *)&load->address, &size) < 0)
		die("cannot listen on loopback");
}

static int client_socket(struct load *load, int flags)
{
	struct sockaddr_in source = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + load->source++ % SOURCES),
	};
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0), yes = 1;

	/* The port is chosen when the whole address is known: more than 64 thousand are possible.
	 */
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0)
		die("cannot make a socket");
	return fd;
}

static void open_connection(struct load *load, int *client, int *server)
{
	const struct sockaddr *address = (const struct sockaddr *)&load->address;

	*client = client_socket(load, 0);
	if (connect(*client, address, sizeof(load->address)) < 0)
		die("cannot connect on loopback");
	*server = accept(load->listener, NULL, NULL);
	if (*server < 0)
		die("cannot accept");
}

/* Waits until it is time for the next step; false when the load is over. */
static bool goes_on(const struct load *load, int64_t start_ns)
{
	const struct options *options = load->options;
	int64_t now = now_ns(), next = now;

	if (options->rate)
		next = start_ns + (int64_t)load->result->connections * NSEC_PER_SEC / options->rate;
	if (next > now) {
		const struct timespec until = {next / NSEC_PER_SEC, next % NSEC_PER_SEC};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		now = now_ns();
	}
	return now - start_ns < options->seconds * NSEC_PER_SEC;
}

/* options->connections at once; 1: one after another. */
static void make_batches(struct load *load)
{
	int count = load->options->connections, clients[count], servers[count];
	int64_t start_ns = now_ns();

	while (goes_on(load, start_ns)) {
		for (int made = 0; made < STEP; made += count) {
			for (int i = 0; i < count; i++)
				open_connection(load, &clients[i], &servers[i]);
			for (int i = 0; i < count; i++)
				close(clients[i]);
			for (int i = 0; i < count; i++)
				close(servers[i]);
			load->result->connections += count;
		}
	}
}

/* A server's end is closed when options->connections later ones have been opened. */
static void make_late_closes(struct load *load)
{
	int count = load->options->connections, client, servers[count];
	int64_t start_ns = now_ns();
	uint64_t next = 0;

	memset(servers, -1, sizeof(servers));
	while (goes_on(load, start_ns)) {
		for (int i = 0; i < STEP; i++, next++) {
			if (servers[next % count] >= 0)
				close(servers[next % count]);
			open_connection(load, &client, &servers[next % count]);
			close(client);
		}
		load->result->connections += STEP;
	}
	for (int i = 0; i < count; i++) {
		if (servers[i] >= 0)
			close(servers[i]);
	}
}

/* Clients come, and go without waiting; the queue soon is full, and nobody takes from it. */
static void make_unaccepted(struct load *load)
{
	const struct sockaddr *address = (const struct sockaddr *)&load->address;
	int64_t start_ns = now_ns();

	while (goes_on(load, start_ns)) {
		for (int i = 0; i < STEP; i++) {
			int client = client_socket(load, SOCK_NONBLOCK);

			if (connect(client, address, sizeof(load->address)) < 0)
				load->result->refused++;
			close(client);
		}
		load->result->connections += STEP;
	}
}

static void wait_for_end_of_input(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/* Opens connections and keeps both ends, or with close the server's alone, until input ends. */
static void hold(struct load *load, bool closes)
{
	int client, server;

	for (int i = 0; i < load->options->connections; i++) {
		open_connection(load, &client, &server);
		if (closes)
			close(client);
		load->result->connections++;
	}
	printf("held\n");
	fflush(stdout);
	wait_for_end_of_input();
}

static void run_load(struct load *load)
{
	const char *name = load->options->name;

	listen_anywhere(load);
	if (strcmp(name, "batches") == 0)
		make_batches(load);
	else if (strcmp(name, "late-closes") == 0)
		make_late_closes(load);
	else if (strcmp(name, "unaccepted") == 0)
		make_unaccepted(load);
	else if (strcmp(name, "hold-open") == 0)
		hold(load, false);
	else if (strcmp(name, "hold-close-wait") == 0)
		hold(load, true);
	else
		errno = EINVAL, die(name);
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("cannot read the limit of descriptors");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("cannot raise the limit of descriptors");
}

static struct result *share_results(int count)
{
	struct result *results = mmap(NULL, count * sizeof(*results), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (results == MAP_FAILED)
		die("cannot share memory");
	return results;
}

static double seconds_of(const struct timeval *time)
{
	return time->tv_sec + time->tv_usec / 1e6;
}

static void print_result(const struct options *options, const struct result *results,
			 int64_t start_ns)
{
	uint64_t connections = 0, refused = 0;
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	for (int i = 0; i < options->processes; i++) {
		connections += results[i].connections;
		refused += results[i].refused;
	}
	printf("{\"connections\": %lu, \"unfinished\": %lu, \"seconds\": %.6f, "
	       "\"cpu_seconds\": %.6f}\n",
	       connections, refused, (now_ns() - start_ns) / 1e9,
	       seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime));
}

static int run_processes(const struct options *options)
{
	struct result *results = share_results(options->processes);
	int64_t start_ns = now_ns();
	bool failed = false;
	int status;

	for (int i = 0; i < options->processes; i++) {
		struct load load = {.options = options, .result = &results[i]};

		pid_t pid = fork();

		if (pid < 0)
			die("cannot fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			run_load(&load);
			_exit(EXIT_SUCCESS);
		}
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	print_result(options, results, start_ns);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static const char usage[] =
	"load LOAD [options]\n"
	"  batches           connections are opened, closed by the client, then by the server\n"
	"  late-closes       the server's ends are closed when so many later ones were opened\n"
	"  unaccepted        clients come and go at once; nobody calls accept()\n"
	"  hold-open         connections stay as they are until the input ends\n"
	"  hold-close-wait   the same, in CLOSE_WAIT\n"
	"  -c COUNT          connections at once, of each process (1)\n"
	"  -p COUNT          processes, each with a listener (1)\n"
	"  -s SECONDS        how long (1)\n"
	"  -r RATE           connections a second, of each process (as many as it can)\n";

int main(int argc, char **argv)
{
	struct options options = {.seconds = 1, .processes = 1, .connections = 1};
	int option;

	while ((option = getopt(argc, argv, "c:p:s:r:h")) != -1) {
		if (option == 'c')
			options.connections = atoi(optarg);
		else if (option == 'p')
			options.processes = atoi(optarg);
		else if (option == 's')
			options.seconds = atoi(optarg);
		else if (option == 'r')
			options.rate = atoi(optarg);
		else
			return fputs(usage, stderr), EXIT_FAILURE;
	}
	if (optind != argc - 1)
		return fputs(usage, stderr), EXIT_FAILURE;
	options.name = argv[optind];
	raise_limit();
	return run_processes(&options);
}
