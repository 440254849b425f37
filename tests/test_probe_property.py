"""`pawl probe` against the server itself: random tables, rows and statements. What a probe says is
held against what the server does with the same statements in a transaction that is rolled back.

PROBE_CASES and PROBE_SEED name how many cases, and which."""

import os
from collections import Counter
from datetime import datetime, timedelta

import psycopg
import pytest
from support import probed

CASES = int(os.environ.get("PROBE_CASES", "300"))
SEED = os.environ.get("PROBE_SEED", "pawl")
BATCH = 150  # cases in one database and one run of the program
UNKNOWN_SHARE = 0.15


def prepare(connection, cases):
    """The cases whose tables the server takes; the generator does not know every rule of it."""
    made = []
    for case in cases:
        try:
            with connection.transaction():
                for statement in case.setup:
                    connection.execute(statement)
        except psycopg.Error:
            continue
        made.append(case)
    return made


def truth(connection, case):
    """The statement that fails, its SQLSTATE and message, run and rolled back; None: all go through."""
    try:
        with connection.transaction(force_rollback=True):
            for statement in case.statements:
                connection.execute(statement)
    except psycopg.Error as error:
        return statement, error.sqlstate, str(error).splitlines()[0]
    return None


def file_of(case):
    moment = datetime(2025, 1, 2) + timedelta(seconds=case.number)
    return f"{moment:%Y%m%d%H%M%S}_case.sql"


def verdicts_by_file(report):
    found = {}
    for one in report["probes"]:
        found.setdefault(one["migration"] + ".sql", []).append(one)
    return found


def describe(case, told, expected):
    lines = [f"case {case.number}, seed {SEED}: the server says {expected}"]
    lines += [f"{one};" for one in (*case.setup, "--", *case.statements)]
    lines += [f"  {one['verdict']} {one['kind']}: {one['words']} :: {one.get('query')}" for one in told]
    return "\n".join(lines)


def run_batch(pawl, pg, first, count, counts):
    probed.Case.major = pg.cluster.major
    with pg.connect() as connection:
        connection.execute("CREATE EXTENSION btree_gist; CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')")
        cases = prepare(connection, [probed.Case(number, SEED) for number in range(first, first + count)])
        assert len(cases) > 0.9 * count
        pawl.run("adopt", "--as-of", "none", check=0)
        for case in cases:
            pawl.write(file_of(case), ";\n".join(case.statements) + ";\n")
        told = verdicts_by_file(pawl.run("--json", "probe", timeout=600).json())
        wrong = []
        for case in cases:
            mine = told.get(file_of(case), [])
            verdicts = {one["verdict"] for one in mine}
            expected = truth(connection, case)
            counts["cases"] += 1
            counts["fail"] += expected is not None
            if expected is not None and expected[0].startswith(("UPDATE", "DELETE")):
                counts["writes"] += 1  # a statement of rows itself is not asked about
            elif {"deferred", "not asked"} & verdicts and "violated" not in verdicts:
                counts["unknown"] += 1
            elif ("violated" in verdicts) != (expected is not None):
                wrong.append(describe(case, mine, expected))
        return wrong


@pytest.mark.parametrize("first", range(0, CASES, BATCH))
def test_a_probe_says_what_the_server_does(first, make_pawl, pg, figures):
    counts = Counter()
    wrong = run_batch(make_pawl(pg.url), pg, first, min(BATCH, CASES - first), counts)
    figures(f"probe: {counts['cases']} cases, {counts['fail']} fail on the server, {len(wrong)} differ,"
            f" {counts['unknown']} ({100 * counts['unknown'] / counts['cases']:.0f} %) have no answer,"
            f" {counts['writes']} fail in their own UPDATE or DELETE")
    assert not wrong, "\n\n".join(wrong[:5]) + f"\n{len(wrong)} differ"
    assert counts["unknown"] <= UNKNOWN_SHARE * counts["cases"], counts
