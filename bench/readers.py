"""How long readers of a table wait while a migration alters it under somebody's open transaction."""

import subprocess
import sys
import threading
import time
from statistics import quantiles

from common import Checkout, Failed, Workshop
from support.pawl import clean_environment, pawl_binary
from support.postgres import CLIENT_BINARIES, Cluster

HELD_S = 10           # how long the transaction stays open after the runner's start
AFTER_S = 1           # how long the readers go on after the last of holder and runner
READS_PER_SECOND = 20
READERS = 20          # sessions, each of which reads once a second
LONGEST_STALL_S = 1.6  # of pawl, and only of pawl, or the exit code is 1
NAME = "20250102000000_add_region"
ALTER = "ALTER TABLE orders ADD COLUMN region text;\n"


class Readers:
    """Sessions that read the table at fixed times. A read counts from the time at which it was due, so
    one that hangs does not hide those that should have come after it."""

    def __init__(self, database):
        self.waits_s = []
        self.stopped = threading.Event()
        self.sessions = [database.connect() for _ in range(READERS)]
        self.threads = [threading.Thread(target=self.read, args=(session, number / READS_PER_SECOND))
                        for number, session in enumerate(self.sessions)]

    def read(self, session, offset_s):
        due = self.start + offset_s
        while not self.stopped.wait(max(0, due - time.monotonic())):
            session.execute("SELECT count(*) FROM orders")
            self.waits_s.append(time.monotonic() - due)
            due += READERS / READS_PER_SECOND

    def __enter__(self):
        self.start = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        for session in self.sessions:
            session.close()


class Runner:
    """A way to apply the migration: what is typed, in a folder made for a database."""

    def __init__(self, workshop, name, argv, prepare):
        self.name = name
        self.argv = argv
        self.folder = workshop.folder / name.replace(" ", "-")
        self.prepare = prepare

    def start(self, database):
        self.prepare(self.folder, database.url)
        return subprocess.Popen(self.argv, cwd=self.folder, stdin=subprocess.DEVNULL,
                                env=clean_environment(DATABASE_URL=database.url),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def no_migration(folder, url):
    folder.mkdir()


def for_psql(folder, url):
    folder.mkdir()
    (folder / "alter.sql").write_text(ALTER)


def for_dbmate(folder, url):
    (folder / "db/migrations").mkdir(parents=True)
    (folder / f"db/migrations/{NAME}.sql").write_text(f"-- migrate:up\n{ALTER}-- migrate:down\n")


def for_pawl(workshop):
    """With its defaults; the table itself was there before, so the ledger has no migration yet."""

    def prepare(folder, url):
        checkout = Checkout(workshop, folder.name, url)
        checkout.pawl("adopt", "--as-of", "none")
        (checkout.migrations / f"{NAME}.sql").write_text(ALTER)

    return prepare


def runners(workshop):
    dbmate = workshop.install("dbmate", "dbmate")
    psql = f"{CLIENT_BINARIES / 'psql'} -X -q -v ON_ERROR_STOP=1"
    return [Runner(workshop, "no migration", ["true"], no_migration),
            Runner(workshop, "psql", ["sh", "-c", f'exec {psql} -f alter.sql "$DATABASE_URL"'], for_psql),
            Runner(workshop, "dbmate", [dbmate, "--no-dump-schema", "migrate"], for_dbmate),
            Runner(workshop, "pawl", [pawl_binary(), "deploy"], for_pawl(workshop))]


def measure(cluster, runner):
    """(waits of the readers, how long after the transaction the runner ended, its exit code)"""
    database = cluster.create_database()
    database.query("CREATE TABLE orders (id integer PRIMARY KEY, total integer)")
    database.query("INSERT INTO orders SELECT i, i FROM generate_series(1, 1000) AS i")
    with database.connect(application_name="open transaction") as holder, Readers(database) as readers:
        holder.execute("BEGIN")
        holder.execute("SELECT count(*) FROM orders")
        process = runner.start(database)
        time.sleep(HELD_S)
        holder.execute("COMMIT")
        start = time.monotonic()
        code = process.wait(timeout=60)
        late_s = time.monotonic() - start
        time.sleep(AFTER_S)
    return readers.waits_s, late_s, code


def print_row(runner, waits_s, late_s):
    longest_s, p99_s = max(waits_s), quantiles(waits_s, n=100, method="inclusive")[-1]
    over_s = sum(wait_s > 1 for wait_s in waits_s)
    print(f"{runner.name:<20}{len(waits_s):>8}{over_s:>12}{p99_s:>12.3f}{longest_s:>12.3f}{late_s:>12.1f}",
          flush=True)
    return longest_s


def main():
    missed = False
    print(f"\n{READS_PER_SECOND} reads a second of a table, which is altered while a transaction that "
          f"has read it stays open for {HELD_S} s")
    print(f"{'':<20}{'reads':>8}{'over 1 s':>12}{'p99 s':>12}{'longest s':>12}{'done after':>12}")
    with Workshop() as workshop, Cluster() as cluster:
        for runner in runners(workshop):
            if runner.argv[0] is None:
                print(f"{runner.name:<20}not available")
                continue
            waits_s, late_s, code = measure(cluster, runner)
            if code != 0:
                raise Failed(f"{runner.name} ended with exit code {code}")
            longest_s = print_row(runner, waits_s, late_s)
            missed = missed or (runner.name == "pawl" and longest_s > LONGEST_STALL_S)
    return 1 if missed else 0


sys.exit(main())
