/* The least that a full status can do: open, fetch every row of the journal, close.
 * limit_status_sqlite FILE COUNT; COUNT rows or more must come. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int rows = 0, bytes = 0;
    if (argc != 3)
        return 2;
    if (sqlite3_open_v2(argv[1], &database, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(database, "SELECT * FROM pawl_journal ORDER BY seq", -1, &statement,
                           NULL) == SQLITE_OK)
        for (; sqlite3_step(statement) == SQLITE_ROW; rows++)
            for (int column = 0; column < sqlite3_column_count(statement); column++)
                if (sqlite3_column_text(statement, column) != NULL)
                    bytes += sqlite3_column_bytes(statement, column);
    const int enough = rows >= atoi(argv[2]) && bytes > 0;
    if (!enough)
        fprintf(stderr, "%s\n", sqlite3_errmsg(database));
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return enough ? 0 : 1;
}
