/*
 * A PostgreSQL server for the time of one run: made by initdb of an installed version in a folder
 * of its own, on a socket in that folder alone, without fsync.
 *
 * It ends with this process, SIGKILL included, and the folder is removed by scratch_server_stop()
 * or, after a kill, by the next start on the same machine. PostgreSQL refuses to run as root: then
 * it runs as the user "postgres", else "nobody".
 */
#ifndef PAWL_CHECK_SCRATCH_SERVER_H
#define PAWL_CHECK_SCRATCH_SERVER_H

#include "conf/url.h"
#include "db/wait.h"

struct scratch_server;

/*
 * major 0: the newest that is installed. *ret NULL with *ret_why, a clause for messages, is an
 * ordinary answer: there is none. Strings live in the arena, which must stay for as long as the
 * server. Errors: ERR_USAGE with what the server said, ERR_SIGNAL.
 */
bool scratch_server_start(struct arena *arena, int major, const struct wait *wait,
                          struct scratch_server **ret, const char **ret_why,
                          struct err *err) MUST_CHECK;

/* Of its superuser. */
const struct url *scratch_server_url(const struct scratch_server *server);

/* Stops it in order and leaves its folder, for somebody to look at: *ret_command starts it again.
 * The server is freed in either case. */
bool scratch_server_leave(struct scratch_server **server, const char **ret_folder,
                          const char **ret_command, struct err *err) MUST_CHECK;

/* Ends it at once, removes the folder and frees; NULL inside is fine. */
void scratch_server_stop(struct scratch_server **server);

#endif
