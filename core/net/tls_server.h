/* What tls.c and tls_server.c share. */
#ifndef GATEHOUSE_CORE_NET_TLS_SERVER_H
#define GATEHOUSE_CORE_NET_TLS_SERVER_H

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include "core/net/certificate.h"
#include "core/net/tls.h"
#include "core/net/tls_lend.h"

struct gh__tls_server {
	mbedtls_ssl_config config;
	mbedtls_ssl_ticket_context tickets; /* locks itself */
};

struct gh__tls {
	mbedtls_ssl_context ssl;
	struct gh__tls_lent lent;
	struct gh__tls_server *server; /* until the handshake begins */
	struct gh__shelf *shelf;
	struct gh__certificate *certificate; /* until the handshake is over */
	/* Bytes from the peer that mbedTLS has not read: whole records first. */
	char *in;
	uint32_t from, to, room; /* room 0: the bytes are the caller's */
	uint32_t left;           /* of the record that mbedTLS is reading */
	/* Where bytes for the peer go: memory of the session, or while it seals the caller's. */
	char *out;
	size_t out_len, out_room;
	bool own_out;
	int ended; /* UV_E…: what the next gh__tls_open() tells */
	const char *trouble;
};

#endif
