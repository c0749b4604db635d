/*
 * Lanes: pools of threads for work that blocks, a lane for each kind with a cap and a bounded queue,
 * so that none starves another. What does not fit is refused at once. One set a process; any thread
 * may add; a job's end is a letter to the loop that asked.
 */
#ifndef GATEHOUSE_CORE_NET_LANE_H
#define GATEHOUSE_CORE_NET_LANE_H

#include "core/net/loop.h"

enum gh__lane_kind {
	GH__LANE_HASH,
	GH__LANE_FILE,
	GH__LANE_READ, /* large bodies */
	GH__LANE_DNS,
	GH__LANE_TLS,         /* steps of handshakes */
	GH__LANE_CERTIFICATE, /* renewals, which wait for others for up to minutes */
	GH__LANES
};

struct gh__lane_job {
	struct gh__lane_job *next;
	void (*work)(struct gh__lane_job *job); /* on a thread of the lane */
	void (*drop)(struct gh__lane_job *job); /* when the lanes end first; NULL: nothing to do */
	struct gh__loop *loop;                  /* where the letter goes; NULL: nowhere */
	struct gh__letter letter;               /* `open` is set by whoever asks */
};

struct gh__lanes;
struct gh__lanes *gh__lanes_create(void);
/* Waits for what runs; what is queued is not begun but dropped, and its letters are not sent. A renewal
 * and a look-up, which wait for others, are given a second; returns how many threads did not end by then. What their jobs may touch, and the
 * lanes themselves, must then stay until the process ends, or until this is asked again and returns 0. */
unsigned gh__lanes_destroy(struct gh__lanes *lanes);
/* 0, or UV_EAGAIN: the lane is full. */
int gh__lane_add(struct gh__lanes *lanes, enum gh__lane_kind kind, struct gh__lane_job *job);
/* The same for what ends something that was begun here: it goes before all that is only to begin, so
 * that little is open at a time, and there is as much room again for it. */
int gh__lane_add_first(struct gh__lanes *lanes, enum gh__lane_kind kind, struct gh__lane_job *job);

#endif
