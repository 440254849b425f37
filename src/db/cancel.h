/* Asking a PostgreSQL server to cancel what a connection runs, without ever hanging. */
#ifndef PAWL_DB_CANCEL_H
#define PAWL_DB_CANCEL_H

#include <stdint.h>

#include "db/libpq.h"

/* Sends the request and waits until the server has taken it, at most until until_ms of
 * clock_monotonic_ms(). True: it has been told, and a later statement is safe from this request.
 * False: nobody knows whether it will still arrive; the connection must not be used again. */
bool cancel_send(const struct libpq *libpq, PGconn *conn, int64_t until_ms) MUST_CHECK;

#endif
