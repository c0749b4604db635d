/* A question to the running gateway, over its admin address. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/config/config.h"
#include "core/config/mistake.h"
#include "core/server/file.h"

enum { MAX_CONFIG = 4 << 20, MAX_ANSWER = 4 << 20 };

static int dial(const struct gh__listen_config *to)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(to->port) };
	bool is_unix = to->is_unix;

	if (is_unix ? to->host.len >= sizeof un.sun_path
		    : inet_pton(AF_INET,
				gh_str_is(to->host, "localhost") ? "127.0.0.1" : to->host.at,
				&v4.sin_addr) != 1)
		return -1;
	if (is_unix)
		memcpy(un.sun_path, to->host.at, to->host.len);
	int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, is_unix ? (void *)&un : (void *)&v4, is_unix ? sizeof un : sizeof v4)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int exchange(int fd, const char *method, const char *path, const char *authority,
		    const char *config, int *ret_status, struct gh_str *ret_body)
{
	char head[PATH_MAX + 512];
	int n = snprintf(head, sizeof head,
			 "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 0\r\n"
			 "Gatehouse-Config: %s\r\n\r\n",
			 method, path, authority, config);

	if (n < 0 || (size_t)n >= sizeof head || write_all(fd, head, (size_t)n))
		return -1;
	size_t len = 0, room = 65536;
	char *all = gh__alloc(room + 1);
	for (;;) {
		ssize_t got = recv(fd, all + len, room - len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
		if (len == room && room < MAX_ANSWER)
			all = gh__realloc(all, (room *= 2) + 1);
	}
	all[len] = 0;
	char *body = strstr(all, "\r\n\r\n");
	if (!body || strncmp(all, "HTTP/1.1 ", 9) != 0) {
		gh__free(all);
		return -1;
	}
	*ret_status = (int)strtol(all + 9, NULL, 10);
	body += 4;
	*ret_body = (struct gh_str){ gh__strndup(body, len - (size_t)(body - all)),
				     len - (size_t)(body - all) };
	gh__free(all);
	return 0;
}

int gh__cli_ask(const char *config, const char *method, const char *path, int *ret_status,
		struct gh_str *ret_body)
{
	struct gh__mistakes *mistakes = gh__mistakes_create();
	struct gh_str bytes;
	struct gh__config *c = NULL;
	char real[PATH_MAX];
	int result = 1, error = gh__file_read(config, MAX_CONFIG, &bytes);

	if (!error) {
		c = gh__config_read(gh_str(config), bytes, gh__modules, GH__READ_WITHOUT_SECRETS,
				    mistakes);
		gh__free((void *)(uintptr_t)bytes.at);
	}
	if (c && !realpath(config, real)) {
		gh__config_free(c);
		c = NULL;
	}
	if (c) {
		int fd = c->admin.address.len && !gh_str_is(c->admin.address, "off")
				 ? dial(&c->admin.listen)
				 : -1;
		result = -1;
		if (fd >= 0) {
			result = exchange(fd, method, path,
					  c->admin.listen.is_unix ? "localhost"
								  : c->admin.address.at,
					  real, ret_status, ret_body);
			close(fd);
		}
		gh__config_free(c);
	}
	gh__mistakes_destroy(mistakes);
	return result;
}
