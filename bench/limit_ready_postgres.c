/* The least that a start-up check can do: connect, one indexed lookup, close.
 * limit_ready_postgres CONNINFO DIGEST */
#include <libpq-fe.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    PGconn *connection = PQconnectdb(argv[1]);
    PGresult *result = NULL;
    if (PQstatus(connection) == CONNECTION_OK)
        result = PQexecParams(connection, "SELECT 1 FROM pawl.journal WHERE digest = $1 LIMIT 1", 1,
                              NULL, (const char *const[]){argv[2]}, NULL, NULL, 0);
    const int found = PQntuples(result);
    if (found == 0)
        fputs(PQerrorMessage(connection), stderr);
    PQclear(result);
    PQfinish(connection);
    return found == 1 ? 0 : 1;
}
