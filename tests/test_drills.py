"""The drills in drills/ are test, documentation and demonstration at once: here they are run."""

import re
import subprocess
from pathlib import Path

import pytest
from support.pawl import clean_environment, pawl_binary

DRILLS = Path(__file__).parent.parent / "drills"


def run_drill(name, *arguments):
    return subprocess.run([DRILLS / name, pawl_binary(), *arguments], env=clean_environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("engine_name", ["sqlite", "postgres"])
def test_outage_a(engine_name, request):
    urls = [request.getfixturevalue("pg").url] if engine_name == "postgres" else []
    result = run_drill("a-poisoned-mark.sh", *urls)
    assert result.returncode == 0, result.stdout + result.stderr
    for words in ("skipped, and nobody is told",
                  'rename it to "1751529530_token_storage.sql"',
                  "the ledger was changed by hand: seq 4",
                  '"1751529530_token_storage" is now known as "1751529600_token_storage" too',
                  "# Timeline of"):
        assert words in result.stdout, result.stdout
    # The deleted last row is found by the seq that it had.
    assert result.stdout.count("the row is missing: the head of the ledger names it") >= 1


def test_outage_b(pg):
    result = run_drill("b-foreign-key-on-bad-rows.sh", pg.url)
    assert result.returncode == 0, result.stdout + result.stderr
    shown = result.stdout
    for words in ('DETAIL:  Key (customer_id)=(4711) is not present in table "customers".',
                  'column "total" does not exist', "state|may be NULL", "0 foreign keys",
                  "3 rows refer to no row", "id=404 customer_id=4711",
                  "wrote migrations/20250704095900_repair_rows.sql: read it, then deploy",
                  "UPDATE public.orders AS orders SET customer_id = NULL WHERE",
                  "applied  20250704095900_repair_rows", "404|t|open",
                  "orders_customer FOREIGN KEY (customer_id) REFERENCES customers(id)\n",
                  '"20250705090000_orders_total" was rolled back', "0 columns called note",
                  "id=1001 total_cents=0"):
        assert words in shown, shown


def test_outage_d(pg):
    result = run_drill("d-migration-that-hung.sh", pg.url)
    assert result.returncode == 0, result.stdout + result.stderr
    shown = result.stdout
    for words in ('"20250703075850_add_owner" waits; in the way: backend ',
                  'application "nightly import", local), idle in transaction for',
                  "WHERE id = 1; to end it: SELECT pg_terminate_backend(",
                  "Applied by this run: 0 of 1.",
                  "deploy in progress: release 1.1, by ",
                  "applied  20250703075850_add_owner",
                  "sessions of it in the server: 0",
                  *(["left behind: fields_area is INVALID"] if pg.cluster.major >= 14 else []),
                  ', release 1.2, by ',
                  'did not say how it ended; the last that it wrote is about "20250703080000_index_area"',
                  "note: left half done by an earlier run: DROP INDEX CONCURRENTLY fields_area",
                  "applied  20250703080000_index_area",
                  "# Timeline of", "**stopped** `20250703075850_add_owner`",
                  "**abandoned** `20250703080000_index_area`"):
        assert words in shown, shown
    assert shown.count("longest stall of a reader: ") == 3
    assert re.search(r"\*\*stopped\*\* .*, blockers \(user \w+, pid \d+, application nightly import, ", shown)
    # The operator's other shell names the session too.
    other_shell = shown.split("$ pawl blockers")[1].split("(exit code 5)")[0]
    assert 'application "nightly import"' in other_shell and "pg_terminate_backend" in other_shell
    # What ends the session is what the deploy said.
    backend, = re.findall(r'^\$ psql -c "SELECT pg_terminate_backend\((\d+)\)"$', shown, re.MULTILINE)
    assert shown.count(f"in the way: backend {backend} ") >= 2


def test_the_demo(tmp_path):
    demo = Path(__file__).parent.parent / "scripts" / "demo.sh"
    result = subprocess.run([demo, pawl_binary()], env=clean_environment(), cwd=tmp_path,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'no such table: post' in result.stdout
    assert "migrations/20250705090000_broken.sql:2:" in result.stdout


def test_outage_c(pg):
    result = run_drill("c-old-code-on-new-schema.sh", pg.url)
    assert result.returncode == 0, result.stdout + result.stderr
    said = re.findall(r"^(old|new): served (\d+) requests, (\d+) failed$", result.stdout, re.MULTILINE)
    assert [name for name, _, _ in said] == ["old", "new", "old", "new", "old"], result.stdout
    assert int(said[0][2]) > 0  # the console
    assert all(int(served) > 0 and int(failed) == 0 for _, served, failed in said[1:]), result.stdout
    deploys = result.stdout.split("$ pawl deploy --release 2")
    for shown in deploys[1:3]:
        assert 'held  20250704080200_drop_name  (waits for release "1" (1 instance, last seen' in shown
    assert "applied  20250704080200_drop_name" in deploys[3]
    assert "held" not in deploys[3].split("# Release 1")[0]
    assert 'the contract migration "20250704080200_drop_name" was applied' in result.stdout
    first, second, last = result.stdout.split("# And with nothing configured")[1].split("$ pawl deploy\n")[1:]
    assert "applied  20250703075850_users" in first
    assert 'held  20250704080200_drop_name  (waits for 1 session of no known release' in second
    assert "applied  20250704080200_drop_name" in last
