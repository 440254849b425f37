"""Code of two releases at work on one table: threads that write, read back and keep books of it."""

import random
import threading
from dataclasses import dataclass

import psycopg

from support.server import wait_until


@dataclass(frozen=True)
class Release:
    """The SQL of a release: %(value)s goes in, and read gives it back; %(id)s is the row."""

    insert: str
    update: str
    read: str
    delete: str = "DELETE FROM orders WHERE id = %(id)s"
    values: tuple = ()  # () means any text, else what a number goes between

    def value(self, numbers):
        return numbers.randint(*self.values) if self.values else f"n{numbers.random()} l{numbers.random()}"


class Writer(threading.Thread):
    """Writes rows of its own, until stopped; `books` says what each must hold."""

    def __init__(self, database, release, seed):
        super().__init__(daemon=True)
        self.database, self.release = database, release
        self.numbers = random.Random(seed)
        self.books, self.gone = {}, set()
        self.writes = 0
        self.failed = None
        self.ended = threading.Event()
        self.start()

    def run(self):
        try:
            # A statement prepared before a column changes its type is refused after it.
            with self.database.connect(prepare_threshold=None) as connection:
                while not self.ended.is_set():
                    self.write(connection)
        except Exception as error:  # told by the test, which sees it in `failed`
            self.failed = error

    def write(self, connection):
        row = self.numbers.choice(list(self.books)[-50:]) if self.books else None
        what = self.numbers.random()
        words = {"id": row, "value": self.release.value(self.numbers)}
        if row is None or what < 0.4:
            words["id"] = self.execute(connection, self.release.insert, words)[0][0]
            self.books[words["id"]] = words["value"]
        elif what < 0.85:
            self.execute(connection, self.release.update, words)
            self.books[row] = words["value"]
        elif what < 0.95:
            found = self.execute(connection, self.release.read, words)
            assert found == [(self.books[row],)], f"row {row} holds {found}, not {self.books[row]!r}"
            return
        else:
            self.execute(connection, self.release.delete, words)
            del self.books[row]
            self.gone.add(row)
        self.writes += 1

    @staticmethod
    def execute(connection, statement, words):
        """What an application has to take in its stride is tried again."""
        while True:
            try:
                cursor = connection.execute(statement, words)
                return cursor.fetchall() if cursor.description else []
            except psycopg.errors.DeadlockDetected:
                continue


class Crew:
    """Writers of any release, as a context: they end with it."""

    def __init__(self, database):
        self.database = database
        self.writers = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop(self.writers)

    def add(self, release, count=3):
        added = [Writer(self.database, release, len(self.writers) + n) for n in range(count)]
        self.writers += added
        return added

    @staticmethod
    def stop(writers):
        for writer in writers:
            writer.ended.set()
        for writer in writers:
            writer.join()

    @property
    def writes(self):
        return sum(writer.writes for writer in self.writers)

    def work(self, writes):
        """Returns when so many more were written."""
        goal = self.writes + writes
        wait_until(lambda: self.writes >= goal or any(writer.failed for writer in self.writers),
                   f"{writes} writes", timeout=1800)
        for writer in self.writers:
            if writer.failed:
                raise writer.failed

    def wrong(self, writers, read):
        """Rows of theirs that are not as the books say, read with that SQL."""
        found = []
        with self.database.connect() as connection:
            for writer in writers:
                rows = [{"id": row} for row in [*writer.books, *writer.gone]]
                for words in rows:
                    held = connection.execute(read, words).fetchall()
                    wanted = [(writer.books[words["id"]],)] if words["id"] in writer.books else []
                    if held != wanted:
                        found.append((words["id"], held, wanted))
        return found
