/*
 * The least that a journalled deploy can do: for each migration one pipeline of BEGIN, two limits,
 * its two statements, a row in a journal, COMMIT; nothing is read, checked, hashed or planned.
 * limit_deploy_postgres CONNINFO COUNT
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

static int send(PGconn *connection, const char *sql, const char *const *params, int count)
{
    return PQsendQueryParams(connection, sql, count, NULL, params, NULL, NULL, 0);
}

static int send_row(PGconn *connection, int number)
{
    char seq[16], id[64], detail[64];
    snprintf(seq, sizeof seq, "%d", number);
    snprintf(id, sizeof id, "20250101%06d_add_table_%d", number, number);
    snprintf(detail, sizeof detail, "{\"attempt\":\"0123456789abcdef\",\"statements\":2}");
    const char *const params[] = {seq,      "applied", id,    zeros, "schema",
                                  "expand", detail,    zeros, zeros, zeros};
    return send(connection,
                "INSERT INTO journal VALUES"
                " ($1, clock_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                params, 10);
}

static int send_migration(PGconn *connection, int number)
{
    char table[256], index[128];
    snprintf(table, sizeof table,
             "CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL, amount integer, "
             "made timestamptz NOT NULL DEFAULT now(), note text)",
             number);
    snprintf(index, sizeof index, "CREATE INDEX t%d_name ON t%d (name)", number, number);
    return send(connection, "BEGIN", NULL, 0) &&
           send(connection, "SET LOCAL lock_timeout = 400", NULL, 0) &&
           send(connection, "SET LOCAL client_connection_check_interval = 1000", NULL, 0) &&
           send(connection, table, NULL, 0) && send(connection, index, NULL, 0) &&
           send_row(connection, number) && send(connection, "COMMIT", NULL, 0) &&
           PQpipelineSync(connection);
}

static int read_answers(PGconn *connection)
{
    for (;;) {
        PGresult *result = PQgetResult(connection);
        const ExecStatusType status = PQresultStatus(result);
        if (result == NULL)
            continue; /* between two statements */
        PQclear(result);
        if (status == PGRES_PIPELINE_SYNC)
            return 1;
        if (status != PGRES_COMMAND_OK)
            return 0;
    }
}

static int create_journal(PGconn *connection)
{
    PGresult *result =
        PQexec(connection, "CREATE TABLE journal (seq bigint PRIMARY KEY, at timestamptz NOT NULL,"
                           " event text NOT NULL, migration text, checksum text, kind text,"
                           " phase text, detail text NOT NULL, digest text,"
                           " prev_hash text NOT NULL, hash text NOT NULL)");
    const int ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const int count = atoi(argv[2]);
    PGconn *connection = PQconnectdb(argv[1]);
    int ok = PQstatus(connection) == CONNECTION_OK && create_journal(connection) &&
             PQenterPipelineMode(connection);
    for (int number = 1; ok && number <= count; number++)
        ok = send_migration(connection, number) && read_answers(connection);
    if (!ok)
        fputs(PQerrorMessage(connection), stderr);
    PQfinish(connection);
    return ok ? 0 : 1;
}
