/* Where a shadow is made: a server that was named, the target's own, or one for this run alone. */
#ifndef PAWL_CHECK_SHADOW_PLACE_H
#define PAWL_CHECK_SHADOW_PLACE_H

#include "check/scratch_server.h"
#include "db/pg.h"

struct shadow_place {
    const struct url *server;     /* NULL: none, or not started yet */
    bool is_local;                /* for this run alone */
    struct scratch_server *local; /* that one, once started */
};

/* False for the words that the setting takes beside a URL: "target", "local", nothing. */
bool shadow_is_url(const char *value);

/*
 * Reads what a setting or an option says: `what` names it in errors, a relative path starts from
 * `folder`, "target" is that URL. Nothing is started. Errors: ERR_USAGE for what is no URL, and for
 * a URL that is no PostgreSQL.
 */
bool shadow_place_read(struct arena *arena, const char *what, const char *text, const char *folder,
                       const struct url *target, struct shadow_place *ret,
                       struct err *err) MUST_CHECK;

/*
 * Starts a local server, of the target's major version where that is connected (else NULL), with
 * roles of the names that the target has. place->server stays NULL, with *ret_why, a clause, where
 * none is installed. Does nothing for any other place. Errors: those of scratch_server_start() and
 * of a connection.
 */
bool shadow_place_start(struct arena *arena, struct pg *target, const struct wait *wait,
                        struct shadow_place *place, const char **ret_why,
                        struct err *err) MUST_CHECK;

/* Ends what was started. */
void shadow_place_close(struct shadow_place *place);

#endif
