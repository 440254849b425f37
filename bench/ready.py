"""The start-up check against a program that connects, looks once and closes."""

import sys

from common import Aim, Checkout, Table, Workshop, interleave
from support.postgres import Cluster

SIZES = (10, 1000, 10000)
RUNS = {10: 300, 1000: 200, 10000: 60}
WARM_UP = 5
MEMORY_MB = 12


def aim(engine, size, source):
    """SQLite's limit program is all start-up, a millisecond: a ratio to it says nothing of use."""
    if engine == "sqlite":
        return Aim(memory_mb=MEMORY_MB) if source == "pawl.sum" else Aim()
    if source == "pawl.sum":
        return Aim(ratio=1.3, memory_mb=MEMORY_MB)
    return Aim(ratio=1.1, memory_mb=MEMORY_MB) if size == 10 else Aim()


def texts(size):
    """Cheap to apply: how a database looks does not matter to a start-up check. A history that is
    not all new has contract steps in it."""
    for number in range(size):
        contract = "-- pawl: phase=contract\n" if number % 100 == 99 else ""
        yield f"{contract}SELECT {number} AS number;\n"


def measure(workshop, table, engine, size, url, location):
    checkout = Checkout(workshop, f"{engine}-{size}", url)
    checkout.write(texts(size))
    checkout.pawl("deploy")
    limit = workshop.limit("ready", engine)
    alone = Checkout(workshop, f"{engine}-{size}-sum", url)
    checkout.pawl("sum")
    (checkout.migrations / "pawl.sum").rename(alone.migrations / "pawl.sum")
    digest = alone.digest()
    of_files, of_sum, of_limit = interleave(
        RUNS[size], WARM_UP, lambda: checkout.pawl("ready"), lambda: alone.pawl("ready"),
        lambda: workshop.run(limit, location, digest))
    table.row(f"{engine} {size} migrations, files", of_files, of_limit, aim(engine, size, "files"))
    table.row(f"{engine} {size} migrations, pawl.sum", of_sum, of_limit, aim(engine, size, "pawl.sum"))


def main():
    with Workshop() as workshop, Cluster() as cluster:
        table = Table("pawl ready against connect, one SELECT, close")
        for size in SIZES:
            database = cluster.create_database()
            measure(workshop, table, "postgres", size, database.url, database.url)
        for size in SIZES:
            path = workshop.folder / f"{size}.db"
            measure(workshop, table, "sqlite", size, f"sqlite:{path}", path)
        return 1 if table.missed else 0


sys.exit(main())
