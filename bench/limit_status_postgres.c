/* The least that a full status can do: connect, fetch every row of the journal, close.
 * limit_status_postgres CONNINFO COUNT; COUNT rows or more must come. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    PGconn *connection = PQconnectdb(argv[1]);
    PGresult *result = NULL;
    if (PQstatus(connection) == CONNECTION_OK)
        result = PQexec(connection, "SELECT * FROM pawl.journal ORDER BY seq");
    const int enough = PQntuples(result) >= atoi(argv[2]);
    if (!enough)
        fputs(PQerrorMessage(connection), stderr);
    PQclear(result);
    PQfinish(connection);
    return enough ? 0 : 1;
}
