/*
 * What systemd is told, when it asks to be (NOTIFY_SOCKET). Main thread.
 */
#ifndef GATEHOUSE_CORE_SERVER_NOTIFY_H
#define GATEHOUSE_CORE_SERVER_NOTIFY_H

#include <stdint.h>

void gh__notify_ready(void);
void gh__notify_reloading(void);
void gh__notify_stopping(void);
void gh__notify_watchdog(void);
/* How often systemd wants to hear WATCHDOG=1, in ms; 0: not at all. */
uint64_t gh__notify_watchdog_interval(void);

#endif
