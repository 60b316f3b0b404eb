// SPDX-License-Identifier: GPL-2.0
/*
 * The two incidents that slowclose was made for, small and on loopback: a server that hangs while
 * its clients give up, and a server that has run out of descriptors. For `scripts/try --demo`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 4

static void die(const char *what)
{
	fprintf(stderr, "demo: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int listen_anywhere(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(*address)) < 0 ||
	    listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)address, &size) < 0)
		die("cannot listen on loopback");
	return fd;
}

static void connect_clients(const struct sockaddr_in *address, int fds[CLIENTS])
{
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 ||
		    connect(fds[i], (const struct sockaddr *)address, sizeof(*address)) < 0)
			die("cannot connect on loopback");
		if (send(fds[i], "question", 8, MSG_NOSIGNAL) < 0)
			die("cannot send on loopback");
	}
}

static void close_clients(int fds[CLIENTS])
{
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

/* Runs the server in a process of its own, whose name the lines will show. */
static pid_t start_server(const char *name, void (*serve)(int), int listener)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		prctl(PR_SET_NAME, name);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener);
		_exit(EXIT_SUCCESS);
	}
	close(listener);
	return pid;
}

/* Takes every request and hangs before it answers, as a thread does in a write to a stalled disk.
 */
static void serve_hanging(int listener)
{
	char request[16];
	int fds[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = accept(listener, NULL, NULL);
		if (fds[i] < 0 || recv(fds[i], request, sizeof(request), 0) < 0)
			die("cannot serve");
	}
	sleep(4);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

/* Every accept() fails for want of a descriptor, until the process goes. */
static void serve_without_descriptors(int listener)
{
	struct rlimit limit = {.rlim_cur = listener + 1, .rlim_max = listener + 1};

	/* No lower descriptor may be free. */
	while (open("/dev/null", O_RDONLY) >= 0 && listener > 0) {
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			die("cannot limit the descriptors");
	}
	if (accept(listener, NULL, NULL) >= 0 || errno != EMFILE)
		die("accept() did not run out of descriptors");
	sleep(4);
}

static void play(const char *name, void (*serve)(int))
{
	struct sockaddr_in address;
	int listener = listen_anywhere(&address);
	pid_t server = start_server(name, serve, listener);
	int clients[CLIENTS];

	connect_clients(&address, clients);
	sleep(1);
	close_clients(clients); /* they give up */
	if (waitpid(server, NULL, 0) < 0)
		die("cannot wait for the server");
}

int main(void)
{
	play("stalled-app", serve_hanging);
	play("no-fds-left", serve_without_descriptors);
	return EXIT_SUCCESS;
}
