/* The least that a start-up check can do: open, one indexed lookup, close.
 * limit_ready_sqlite FILE DIGEST */
#include <sqlite3.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    if (argc != 3)
        return 2;
    const int found =
        sqlite3_open_v2(argv[1], &database, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(database, "SELECT 1 FROM pawl_journal WHERE digest = ? LIMIT 1", -1,
                           &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_text(statement, 1, argv[2], -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW;
    if (!found)
        fprintf(stderr, "%s\n", sqlite3_errmsg(database));
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return found ? 0 : 1;
}
