/*
 * What is asked at the admin address: who may ask, the pages, and what POST /reload and the like do. It
 * belongs to admin.h, which opens the address, and lives on the main thread's loop.
 */
#ifndef GATEHOUSE_CORE_SERVER_ADMIN_PAGES_H
#define GATEHOUSE_CORE_SERVER_ADMIN_PAGES_H

#include "core/server/server.h"

/* The owner of the connections that ask. */
struct gh__admin_at {
	struct gh__server *server;
	struct gh__listener *listener; /* where new ones come in; NULL: nowhere */
};

extern const struct gh__stream_listener gh__admin_pages;

#endif
