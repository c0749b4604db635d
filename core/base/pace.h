/*
 * Threads that compute (handshakes, password hashes, the ledger) step back behind the loops, on which tokens
 * wait: by their nice value, and by a short slice of the processor, so that a loop that wakes has not to
 * wait for the end of a long one. The slice takes Linux 6.12; before it only the nice value counts.
 */
#ifndef GATEHOUSE_CORE_BASE_PACE_H
#define GATEHOUSE_CORE_BASE_PACE_H

enum gh__pace {
	GH__PACE_BEHIND, /* somebody waits for it, but not for the next microsecond */
	GH__PACE_LAST,   /* nobody waits for it */
};
/* Of this thread alone. Without effect where the system refuses. */
void gh__pace_set(enum gh__pace pace);

#endif
