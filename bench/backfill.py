"""A backfill of a table in use, killed ten times, beside one single UPDATE of the same table.

The load is pgbench at a fixed rate, and its times are counted from when a transaction was due. Every row
of the start has to be counted up exactly once, whatever was killed; the times are only printed, as they
are a matter of the machine.
"""

import os
import sys
import time
from pathlib import Path

from common import DISK, Failed, Workshop, servers_in
from support import load
from support.pawl import Pawl
from support.postgres import Cluster
from support.server import wait_until

ROWS = int(os.environ.get("PAWL_BENCH_ROWS", 5_000_000))
RATE = 200  # transactions of the load in a second
KILLS = 10
ALONE_S = 30
AS_INSTALLED = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "max_connections": 100}
HEAD = ("", "seconds", "rows/s", "load p50 ms", "p99 ms", "p99.9 ms", "max ms", "tx/s")


def print_cells(cells):
    print(f"{cells[0]:<36}" + "".join(f"{cell:>13}" for cell in cells[1:]), flush=True)


def measure(name, users, action, rows=None):
    """What the load felt while the action went on."""
    since = time.time()
    action()
    until = time.time()
    if users.failed is not None:
        raise Failed(f"pgbench: {users.failed}")
    # Those that were held up end later, and the log is written in blocks.
    wait_until(lambda: users.latencies(until + 3), "the load to catch up", timeout=600)
    times = sorted(users.latencies(since, until))
    parts = [times[int(share * (len(times) - 1))] for share in (0.5, 0.99, 0.999, 1)]
    seconds = until - since
    print_cells([name, f"{seconds:.1f}", f"{rows / seconds:,.0f}" if rows else "-",
                 *(f"{part:.1f}" for part in parts), f"{len(times) / seconds:.0f}"])


def main():
    with Workshop() as workshop, servers_in(DISK), Cluster(**AS_INSTALLED) as cluster:
        database = cluster.create_database()
        pawl = Pawl(Path(workshop.folder), database.url)
        load.make_table(database, ROWS)
        load.backfill(pawl)
        print(f"\nA backfill of {ROWS:,} rows, killed {KILLS} times, under {RATE} transactions a second")
        print_cells(HEAD)
        with load.Load(database, ROWS, RATE) as users:
            measure("the load alone", users, lambda: time.sleep(ALONE_S))
            measure("pawl deploy", users,
                    lambda: load.deploy_killed(lambda: pawl.spawn("deploy"), database, ROWS, KILLS), ROWS)
            found = load.damage(database, ROWS)
            database.query("VACUUM account")
            measure("one UPDATE", users,
                    lambda: database.query("UPDATE account SET n = n + 1"), ROWS)
        print(f"\n{found}: " + ("every row exactly once" if found == load.Damage(0, 0, 0) else "WRONG"))
        return 0 if found == load.Damage(0, 0, 0) else 1


sys.exit(main())
