"""A deploy of 1,000 migrations against a program that only sends the statements."""

import sys

from common import Aim, Checkout, Table, Workshop, interleave
from support.postgres import Cluster

COUNT = 1000
RUNS = 5
WARM_UP = 1
AIM = Aim(ratio=1.15, cpu_ms=250, memory_mb=40)

MADE = {"postgres": "timestamptz NOT NULL DEFAULT now()",
        "sqlite": "text NOT NULL DEFAULT CURRENT_TIMESTAMP"}


def texts(engine):
    for number in range(1, COUNT + 1):
        yield (f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text NOT NULL, amount integer,\n"
               f"  made {MADE[engine]}, note text);\n"
               f"CREATE INDEX t{number}_name ON t{number} (name);\n")


def measure(workshop, table, engine, fresh):
    """fresh() is the URL and the location of a new database for each run. None is dropped before
    the end: dropping one with thousands of files slows down what follows."""
    checkout = Checkout(workshop, engine, "sqlite:none.db")
    checkout.write(texts(engine))
    limit = workshop.limit("deploy", engine)

    def deploy():
        checkout.point_at(fresh()[0])
        return checkout.pawl("deploy")

    def send():
        return workshop.run(limit, fresh()[1], COUNT)

    of_pawl, of_limit = interleave(RUNS, WARM_UP, deploy, send)
    table.row(f"{engine} {COUNT} migrations", of_pawl, of_limit, AIM)


def main():
    with Workshop() as workshop, Cluster() as cluster:
        table = Table(f"pawl deploy of {COUNT} migrations, a transaction each")

        def fresh_postgres():
            url = cluster.create_database().url
            return url, url

        numbers = iter(range(1000))

        def fresh_sqlite():
            path = workshop.folder / f"{next(numbers)}.db"
            return f"sqlite:{path}", path

        measure(workshop, table, "postgres", fresh_postgres)
        measure(workshop, table, "sqlite", fresh_sqlite)
        return 1 if table.missed else 0


sys.exit(main())
