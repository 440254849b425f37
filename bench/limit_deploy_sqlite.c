/*
 * The least that a journalled deploy can do: for each migration BEGIN IMMEDIATE, its two
 * statements, a row in a journal, COMMIT; nothing is read, checked, hashed or planned.
 * limit_deploy_sqlite FILE COUNT
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define ZEROS "'0000000000000000000000000000000000000000000000000000000000000000'"

static int run(sqlite3 *database, const char *sql)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int apply(sqlite3 *database, int number)
{
    char table[256], index[128], row[768];
    snprintf(table, sizeof table,
             "CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL, amount integer, "
             "made text NOT NULL DEFAULT CURRENT_TIMESTAMP, note text)",
             number);
    snprintf(index, sizeof index, "CREATE INDEX t%d_name ON t%d (name)", number, number);
    snprintf(row, sizeof row,
             "INSERT INTO journal VALUES (%d, 0, 'applied', '20250101%06d_add_table_%d'," ZEROS
             ", 'schema', 'expand', '{\"attempt\":\"0123456789abcdef\",\"statements\":2}'," ZEROS
             "," ZEROS "," ZEROS ")",
             number, number, number);
    return run(database, "BEGIN IMMEDIATE") && run(database, table) && run(database, index) &&
           run(database, row) && run(database, "COMMIT");
}

int main(int argc, char **argv)
{
    sqlite3 *database = NULL;
    if (argc != 3)
        return 2;
    const int count = atoi(argv[2]);
    int ok = sqlite3_open(argv[1], &database) == SQLITE_OK &&
             run(database, "CREATE TABLE journal (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
                           " event TEXT NOT NULL, migration TEXT, checksum TEXT, kind TEXT,"
                           " phase TEXT, detail TEXT NOT NULL, digest TEXT,"
                           " prev_hash TEXT NOT NULL, hash TEXT NOT NULL)");
    for (int number = 1; ok && number <= count; number++)
        ok = apply(database, number);
    if (!ok)
        fprintf(stderr, "%s\n", sqlite3_errmsg(database));
    sqlite3_close(database);
    return ok ? 0 : 1;
}
