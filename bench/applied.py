"""What a large history costs when there is nothing to do; status against a program that only
fetches the journal's rows."""

import sys

from common import Aim, Checkout, Table, Workshop, interleave
from support.postgres import Cluster

COUNT = 10000
RUNS = 10
WARM_UP = 1
# On SQLite the limit program is a few milliseconds of the engine's own: a ratio says nothing of use.
AIMS = {"postgres": Aim(ratio=3), "sqlite": Aim()}


def measure(workshop, table, engine, url, location):
    checkout = Checkout(workshop, engine, url)
    checkout.write(f"SELECT {number} AS number;\n" for number in range(COUNT))
    table.row(f"{engine} first deploy", [checkout.pawl("deploy")], None)
    limit = workshop.limit("status", engine)
    deploys, states, of_limit = interleave(
        RUNS, WARM_UP, lambda: checkout.pawl("deploy"), lambda: checkout.pawl("status"),
        lambda: workshop.run(limit, location, COUNT))
    table.row(f"{engine} deploy, nothing to do", deploys, None)
    table.row(f"{engine} status", states, of_limit, AIMS[engine])


def main():
    with Workshop() as workshop, Cluster() as cluster:
        table = Table(f"With {COUNT} applied migrations")
        database = cluster.create_database()
        measure(workshop, table, "postgres", database.url, database.url)
        path = workshop.folder / "applied.db"
        measure(workshop, table, "sqlite", f"sqlite:{path}", path)
        return 1 if table.missed else 0


sys.exit(main())
