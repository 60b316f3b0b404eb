// SPDX-License-Identifier: GPL-2.0
#include "passed.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "log.h"

#define NAME "metrics" /* FileDescriptorName= of the unit */

static bool is_listening_tcp(int fd)
{
	socklen_t size = sizeof(int);
	int protocol;

	return sd_is_socket_inet(fd, AF_UNSPEC, SOCK_STREAM, 1, 0) > 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == IPPROTO_TCP;
}

static void tell_address(int fd, char text[LISTEN_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE], port[sizeof("65535")];
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
	    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(text, LISTEN_TEXT_SIZE, "descriptor %d", fd);
	else if (address.ss_family == AF_INET6)
		snprintf(text, LISTEN_TEXT_SIZE, "[%s]:%s", host, port);
	else
		snprintf(text, LISTEN_TEXT_SIZE, "%s:%s", host, port);
}

/* What is wrong with the sockets that were passed; NULL: nothing. */
static const char *refusal(int count, char *const *names)
{
	if (count > 1)
		return "more than one: let slowclosed-metrics.socket have a single ListenStream=";
	if (strcmp(names[0], NAME) != 0)
		return "one of another name than FileDescriptorName=" NAME;
	if (!is_listening_tcp(SD_LISTEN_FDS_START))
		return "one that is no listening TCP socket: it takes ListenStream=ADDRESS:PORT";
	if (fcntl(SD_LISTEN_FDS_START, F_SETFL, O_NONBLOCK) < 0)
		return strerror(errno);
	return NULL;
}

int passed_socket(char text[LISTEN_TEXT_SIZE])
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);
	const char *refused = NULL;

	if (count == 0)
		return -ENOENT;
	if (count > 0)
		refused = refusal(count, names);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (count < 0)
		refused = strerror(-count);
	if (refused) {
		log_error("cannot take over the socket that systemd passed: %s", refused);
		return -EINVAL;
	}
	tell_address(SD_LISTEN_FDS_START, text);
	return SD_LISTEN_FDS_START;
}
