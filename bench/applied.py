"""What a large history costs when there is nothing to do: only to be read, there is no aim."""

import sys

from common import Checkout, Table, Workshop, interleave
from support.postgres import Cluster

COUNT = 10000
RUNS = 10
WARM_UP = 1


def measure(workshop, table, engine, url):
    checkout = Checkout(workshop, engine, url)
    checkout.write(f"SELECT {number} AS number;\n" for number in range(COUNT))
    table.row(f"{engine} first deploy", [checkout.pawl("deploy")], None)
    deploys, states = interleave(RUNS, WARM_UP, lambda: checkout.pawl("deploy"),
                                 lambda: checkout.pawl("status"))
    table.row(f"{engine} deploy, nothing to do", deploys, None)
    table.row(f"{engine} status", states, None)


def main():
    with Workshop() as workshop, Cluster() as cluster:
        table = Table(f"With {COUNT} applied migrations")
        measure(workshop, table, "postgres", cluster.create_database().url)
        measure(workshop, table, "sqlite", f"sqlite:{workshop.folder / 'applied.db'}")
    return 0


sys.exit(main())
