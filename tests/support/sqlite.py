"""A SQLite file with the same small interface as a database of a cluster."""

import sqlite3
from contextlib import closing


class SqliteDatabase:
    engine = "sqlite"

    def __init__(self, path):
        self.path = path

    @property
    def url(self):
        return f"sqlite:{self.path}"

    def connect(self):
        """In autocommit mode; waits up to 5 s for another writer."""
        return sqlite3.connect(self.path, isolation_level=None, timeout=5)

    def query(self, statement, *args):
        """Runs one statement, or several without args (rows come from a lone one only).
        Parameters are written %s, as for PostgreSQL."""
        with closing(self.connect()) as connection:
            if args:
                return connection.execute(statement.replace("%s", "?"), args).fetchall()
            try:
                return connection.execute(statement).fetchall()
            except (sqlite3.Warning, sqlite3.ProgrammingError):
                connection.executescript(statement)
                return []

    def tables(self):
        """The user's tables, sorted. Without the ledger."""
        rows = self.query("""
            SELECT name FROM sqlite_schema WHERE type = 'table'
            AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'pawl\\_%' ESCAPE '\\'
            ORDER BY name""")
        return [name for name, in rows]

    def dump(self):
        """The schema as text, without the ledger; equal text is an equal schema."""
        rows = self.query("""
            SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL
            AND tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            AND tbl_name NOT LIKE 'pawl\\_%' ESCAPE '\\' ORDER BY type, name""")
        return "".join(f"{text};\n" for text, in rows)

    def drop(self):
        """The file lies in the test's own folder: nothing is left to do."""
