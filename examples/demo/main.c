/*
 * gatehouse-demo-model: stands in for a model server and for a web UI, so that Gatehouse can be
 * tried on a machine that has neither.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const char program[] = "gatehouse-demo-model";

static const char help[] =
	"Usage: gatehouse-demo-model [--listen ADDRESS] [--ui ADDRESS] [--token-interval TIME]\n"
	"\n"
	"Stands in for a model server (OpenAI's API with a canned answer, token by token)\n"
	"and for a web UI (one page to chat on). Both addresses serve both. It asks nobody\n"
	"for a password, so it listens on loopback only; Gatehouse stands in front of it.\n"
	"\n"
	"  --listen ADDRESS       where the model listens (default 127.0.0.1:1234)\n"
	"  --ui ADDRESS           where the page is served (default 127.0.0.1:3000)\n"
	"  --token-interval TIME  time between two tokens, 0ms to 10s (default 40ms)\n"
	"  --help                 print this and end\n"
	"\n"
	"Port 0 takes a free one. When both listen, it prints three lines: `ready`, `model URL`\n"
	"and `ui URL`. SIGTERM and SIGINT end it.\n";

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Digits of `text` up to `end`, at most `most`. */
static int parse_number(const char *text, const char *end, long most, long *ret_number)
{
	long number = 0;

	if (text == end || end - text > 5)
		return -1;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		number = number * 10 + (*text - '0');
	}
	if (number > most)
		return -1;
	*ret_number = number;
	return 0;
}

/* `40ms` or `1s`. */
static int parse_interval(const char *text, int64_t *ret_ms)
{
	size_t digits = strspn(text, "0123456789");
	bool seconds = !strcmp(text + digits, "s");
	long number;

	if (!seconds && strcmp(text + digits, "ms"))
		return -1;
	if (parse_number(text, text + digits, seconds ? 10 : 10000, &number))
		return -1;
	*ret_ms = seconds ? number * 1000 : number;
	return 0;
}

/* `127.0.0.1:1234` or `[::1]:1234`; nothing but loopback. */
static int parse_address(const char *text, union address *ret_address)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2] = { 0 };
	union address address = { 0 };
	size_t len;
	long port;

	if (!colon || parse_number(colon + 1, colon + strlen(colon), 65535, &port))
		return -1;
	len = (size_t)(colon - text);
	if (len < 2 || len >= sizeof(host))
		return -1;
	memcpy(host, text, len);
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons((uint16_t)port);
		if (inet_pton(AF_INET6, host + 1, &address.v6.sin6_addr) != 1 ||
		    !IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr))
			return -1;
	} else {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons((uint16_t)port);
		if (inet_pton(AF_INET, host, &address.v4.sin_addr) != 1 ||
		    ntohl(address.v4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
			return -1;
	}
	*ret_address = address;
	return 0;
}

static socklen_t address_size(const union address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

/* Listen, and learn the port that was given where 0 was asked for. A descriptor, or -1. */
static int listen_on(union address *address)
{
	socklen_t size = address_size(address);
	int on = 1, saved;
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* Or a restart would have to wait for the old connections to be forgotten. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, &address->any, size) || listen(fd, SOMAXCONN) ||
	    getsockname(fd, &address->any, &size)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static void print_url(const char *name, const union address *address)
{
	char host[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_INET6)
		printf("%s http://[%s]:%u\n", name,
		       inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host)),
		       ntohs(address->v6.sin6_port));
	else
		printf("%s http://%s:%u\n", name,
		       inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host)),
		       ntohs(address->v4.sin_port));
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

struct arguments {
	const char *text[DEMO_LISTENERS]; /* as they were given, for messages */
	union address address[DEMO_LISTENERS];
	int64_t token_interval;
};

static enum exit_code run(struct arguments *arguments)
{
	static const char *const names[DEMO_LISTENERS] = { "model", "ui" };
	struct demo_server_options options = {
		.signals = -1,
		.token_interval = arguments->token_interval,
	};
	enum exit_code code = EXIT_FAILED;
	size_t listening = 0;

	options.signals = open_signals();
	if (options.signals < 0) {
		fprintf(stderr, "%s: cannot wait for signals: %s\n", program, strerror(errno));
		goto done;
	}
	for (; listening < DEMO_LISTENERS; listening++) {
		options.listeners[listening] = listen_on(&arguments->address[listening]);
		if (options.listeners[listening] < 0) {
			fprintf(stderr, "%s: cannot listen on %s: %s\n", program,
				arguments->text[listening], strerror(errno));
			goto done;
		}
	}
	/* `ready` is the first line, and all three go out in one write, for scripts that wait. */
	puts("ready");
	for (size_t i = 0; i < DEMO_LISTENERS; i++)
		print_url(names[i], &arguments->address[i]);
	fflush(stdout);

	if (demo_server_run(&options))
		fprintf(stderr, "%s: cannot wait for connections: %s\n", program, strerror(errno));
	else
		code = EXIT_OK;
done:
	while (listening)
		close(options.listeners[--listening]);
	if (options.signals >= 0)
		close(options.signals);
	return code;
}

static enum exit_code usage(const char *what, const char *value, const char *want)
{
	fprintf(stderr, "%s: %s '%s': want %s\n", program, what, value, want);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "ui", required_argument, NULL, 'u' },
		{ "token-interval", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arguments arguments = {
		.text = { "127.0.0.1:1234", "127.0.0.1:3000" },
		.token_interval = 40,
	};
	int option;

	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			arguments.text[0] = optarg;
			break;
		case 'u':
			arguments.text[1] = optarg;
			break;
		case 't':
			if (parse_interval(optarg, &arguments.token_interval))
				return usage("--token-interval", optarg, "0ms to 10s");
			break;
		case 'h':
			fputs(help, stdout);
			return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
		default:
			fprintf(stderr, "Try '%s --help'.\n", program);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage("argument", argv[optind], "options only; see --help");
	for (size_t i = 0; i < DEMO_LISTENERS; i++)
		if (parse_address(arguments.text[i], &arguments.address[i]))
			return usage(i ? "--ui" : "--listen", arguments.text[i],
				     "a loopback address and port, 127.0.0.1:1234 or [::1]:1234");
	return run(&arguments);
}
