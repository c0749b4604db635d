/*
 * The other end of a socket, for tests that turn a loop by hand: a client of a connection, or a
 * server behind an upstream. One thread: whatever waits here turns the loop meanwhile, for at most
 * five seconds, and then says no.
 */
#ifndef GATEHOUSE_TESTS_SUPPORT_WIRE_H
#define GATEHOUSE_TESTS_SUPPORT_WIRE_H

#include "core/net/loop.h"

enum wire_end { WIRE_OPEN, WIRE_FIN, WIRE_RST };

struct wire {
	int fd;
	char *got; /* all that came, terminated */
	size_t len, room;
	enum wire_end end;
};

/* Takes over a descriptor. */
void wire_open(struct wire *w, int fd);
void wire_close(struct wire *w);  /* takes one that is closed */
void wire_reset(struct wire *w);  /* closes with RST; of TCP */
void wire_shut(struct wire *w);   /* no more is sent; reading goes on */
void wire_forget(struct wire *w); /* what came so far */

/* One turn, which waits 2 ms at most for something to happen. */
void wire_turn(struct gh__loop *l);
/* All that can happen now has happened. */
void wire_settle(struct gh__loop *l);
bool wire_until(struct gh__loop *l, bool (*done)(void *arg), void *arg);

void wire_send(struct gh__loop *l, struct wire *w, const char *text);
void wire_send_bytes(struct gh__loop *l, struct wire *w, const char *at, size_t len);
/* Reads what is there, without a wait. */
void wire_read(struct wire *w);
bool wire_sees(struct gh__loop *l, struct wire *w, const char *text);
bool wire_gets(struct gh__loop *l, struct wire *w, size_t len);
bool wire_ends(struct gh__loop *l, struct wire *w); /* see w->end */
/* How often the text stands in what came. */
size_t wire_count(const struct wire *w, const char *text);

/* Connected descriptors: [0] is non-blocking, for the pump. */
void wire_pair(int ret[2]);
void wire_tcp_pair(int ret[2]);
int wire_listen(uint16_t *ret_port); /* on 127.0.0.1 */
/* From here on who connects has to wait; returns what fills the place. Until wire_empty(), and then for
 * a second more, when the kernel asks again. */
int wire_fill(int listener, uint16_t port);
void wire_empty(int listener, int filler);
bool wire_accept(struct gh__loop *l, int listener, struct wire *w);
/* Whether a connection waits to be accepted. */
bool wire_called(int listener);

#endif
