"""A deploy of 1,000 migrations against a program that only sends the statements."""

import sys
from contextlib import ExitStack

from common import DISK, MEMORY, Aim, Checkout, Table, Workshop, interleave, servers_in
from support.postgres import Cluster

COUNT = 1000
RUNS = 7
WARM_UP = 1
# A server as Debian installs it, and one on which a commit costs nothing, so that all of pawl's own
# cost shows. On SQLite the engine's own work is in the same process: no aim for its CPU time.
AIM = Aim(ratio=1.15, cpu_ms=250, memory_mb=40)
AIM_IN_MEMORY = Aim(cpu_ms=250, memory_mb=40)
AIM_SQLITE = Aim(ratio=1.15, memory_mb=40)
AS_INSTALLED = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "max_connections": 100}

MADE = {"postgres": "timestamptz NOT NULL DEFAULT now()",
        "sqlite": "text NOT NULL DEFAULT CURRENT_TIMESTAMP"}


def texts(engine):
    for number in range(1, COUNT + 1):
        yield (f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text NOT NULL, amount integer,\n"
               f"  made {MADE[engine]}, note text);\n"
               f"CREATE INDEX t{number}_name ON t{number} (name);\n")


def prepare(workshop, name):
    """The checkout and the limit program; the name begins with the engine's."""
    engine = name.split()[0]
    checkout = Checkout(workshop, name.replace(" ", "-"), "sqlite:none.db")
    checkout.write(texts(engine))
    return checkout, workshop.limit("deploy", engine)


def measure_postgres(workshop, table, name, aim, folder, **settings):
    """A pair of new databases in a cluster of its own each time: a server with thousands of files
    behind it, or one that has just dropped them, is slower. So the clusters go at the end only."""
    checkout, limit = prepare(workshop, name)
    runs = [[], []]
    with ExitStack() as clusters, servers_in(folder):
        for number in range(WARM_UP + RUNS):
            cluster = clusters.enter_context(Cluster(**settings))
            urls = [cluster.create_database().url for _ in runs]
            checkout.point_at(urls[0])
            actions = [lambda: checkout.pawl("deploy"), lambda: workshop.run(limit, urls[1], COUNT)]
            # Who is first changes, as the second finds more files.
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                run = actions[which]()
                if number >= WARM_UP:
                    runs[which].append(run)
            cluster.stop()
    table.row(name, *runs, aim)


def measure_sqlite(workshop, table):
    checkout, limit = prepare(workshop, "sqlite")
    numbers = iter(range(1000))

    def fresh():
        return workshop.folder / f"{next(numbers)}.db"

    def deploy():
        checkout.point_at(f"sqlite:{fresh()}")
        return checkout.pawl("deploy")

    runs = interleave(RUNS, WARM_UP, deploy, lambda: workshop.run(limit, fresh(), COUNT))
    table.row("sqlite, on a disk", *runs, AIM_SQLITE)


def main():
    with Workshop() as workshop:
        table = Table(f"pawl deploy of {COUNT} migrations, a transaction each")
        measure_postgres(workshop, table, "postgres as installed, on a disk", AIM, DISK,
                         **AS_INSTALLED)
        measure_postgres(workshop, table, "postgres in memory, no fsync", AIM_IN_MEMORY, MEMORY)
        measure_sqlite(workshop, table)
        return 1 if table.missed else 0


sys.exit(main())
