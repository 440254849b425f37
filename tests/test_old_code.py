"""What sql/facts says of code of the release before, held against a server: statements of such code
before and after each form. PAWL_TEST_FULL=1 (make test-facts) takes every change, a plain run as many as
show each form and what is told of it."""

import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest
from support.locks import BASE, DETACH_FINALIZE, FORMS, NEWER, OUTSIDE, SINCE
from support.old_code import (CASES, COMMITTED, IN_THE_WAY, NOT_SHOWN, OLD_CODE, OWN_SESSION, PREPARED, READS,
                              SHOWN_SINCE, WRITES)
from support.pawl import clean_environment, pawl_binary

FULL = os.environ.get("PAWL_TEST_FULL") == "1"

# SQLSTATE classes of writes that are not let in: data, integrity, WITH CHECK OPTION, RAISE, too large,
# policies, TRUNCATE of what is referred to.
REFUSALS = ("22", "23", "44", "P0", "54", "42501", "0A000")


def print_facts(*args, texts=()):
    program = Path(pawl_binary()).parent.parent / "tests/print_facts"
    done = subprocess.run([program, *args], input=json.dumps(texts), text=True, capture_output=True,
                          env=clean_environment(), timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def template(cluster):
    database = cluster.create_database("oldcode")
    database.query("DO $$BEGIN IF to_regrole('old_code') IS NULL THEN CREATE ROLE old_code; END IF; END$$")
    database.query(BASE + OLD_CODE)
    yield database
    database.drop()
    cluster.execute("DROP ROLE old_code")


class Probes:
    """Statements of the release before on one connection: what each of them gives."""

    def __init__(self, connection):
        self.connection = connection
        self.statements = [("reads", text, text) for text in READS]
        self.statements += [("writes", text, text) for text in WRITES]
        for number, text in enumerate(PREPARED):
            if self.prepare(number, text):
                kind = "writes" if text.startswith(("INSERT", "UPDATE")) else "reads"
                self.statements.append((kind, f"prepared: {text}", f"EXECUTE p{number}"))

    def prepare(self, number, text):
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute("SET LOCAL ROLE old_code")
                self.connection.execute(f"PREPARE p{number} AS {text}")
            return True
        except psycopg.Error:
            return False

    def outcome(self, text):
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute("SET LOCAL ROLE old_code")
                result = self.connection.execute(text)
                if result.description is None:
                    return "done", None, result.rowcount
                raw = result.pgresult
                columns = [(raw.fname(n), raw.ftype(n), raw.fmod(n)) for n in range(raw.nfields)]
                return "done", columns, sorted(map(repr, result.fetchall()))
        except psycopg.Error as error:
            return "failed", error.sqlstate, "cached plan" in str(error)

    def outcomes(self):
        return [self.outcome(text) for _, _, text in self.statements]


def effect_of(kind, before, after):
    """What the change did to one statement; a set of names, of which one has to be told."""
    if before == after:
        return None
    if before[0] == "done" and after[0] == "done":
        return {"values"} if before[1] == after[1] else {"results"}
    if before[0] == "done":
        if after[2]:
            return {"results"}
        if kind == "reads":
            return {"readers"}
        return {"checks", "writers"} if after[1].startswith(REFUSALS) else {"writers"}
    if after[0] == "done" and kind == "writes" and before[1].startswith("23"):
        return {"values"}  # what was kept out is let in
    return None


class ChangeFails(Exception):
    """Some of support.locks.FORMS are only there to be read."""


@pytest.fixture(scope="module")
def untouched(cluster, template):
    """What the statements give on the template as it is."""
    with cluster.connect(template.name) as connection:
        return Probes(connection).outcomes()


def observe(connection, untouched, setup, change, then):
    """Pairs of a statement of old code and what became of it."""
    if setup:
        connection.execute(setup)
    probes = Probes(connection)
    before = probes.outcomes() if setup else untouched
    try:
        connection.execute(change)
    except psycopg.Error as error:
        raise ChangeFails(f"{change}: {error}") from None
    if then:
        connection.execute(then)
    after = probes.outcomes()
    pairs = zip(probes.statements, before, after, strict=True)
    found = [(text, effect_of(kind, was, now)) for (kind, text, _), was, now in pairs]
    return [(text, effects) for text, effects in found if effects]


def observe_in_copy(cluster, template, untouched, setup, change, then):
    name = f"{template.name}_copy"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template.name}")
    try:
        with cluster.connect(name) as connection:
            return observe(connection, untouched, setup, change, then)
    finally:
        cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def observe_in_transaction(cluster, template, untouched, setup, change, then):
    with cluster.connect(template.name) as connection, connection.transaction(force_rollback=True):
        return observe(connection, untouched, setup, change, then)


def changes():
    for form in FORMS:
        statement, setup = form if isinstance(form, tuple) else (form, "")
        if statement not in OUTSIDE | NEWER.keys() | {DETACH_FINALIZE, OWN_SESSION}:
            yield ";".join(filter(None, (setup, IN_THE_WAY.get(statement)))), statement, ""
    yield from CASES


def is_enough(forms, told, shown, seen_forms):
    """In a short run: each form was there once, and what is told of it was seen."""
    return not FULL and all(form in seen_forms and told[form] <= shown[form] for form in forms)


@pytest.mark.timeout(600)
def test_what_is_told_of_old_code_is_so(cluster, template, untouched, figures):
    told = {row["name"]: set(row["old_code"]) for row in print_facts("--tables")["forms"]}
    since = {row["name"]: row["since"] for row in print_facts("--tables")["forms"]}
    rows = list(changes())
    answers = print_facts(texts=[change for _, change, _ in rows])
    shown = {name: set() for name in told}
    wrong, compared, there = [], 0, set()
    for (setup, change, then), answer in zip(rows, answers, strict=True):
        statement, = answer["statements"]
        forms = statement["forms"]
        if cluster.major < max([SINCE.get(change, 0), *(since[form] for form in forms)]):
            continue
        if is_enough(forms, told, shown, there):
            continue
        there.update(forms)
        claimed = set().union(*(told[form] for form in forms))
        if then:
            claimed.add("values")  # what the new code writes
        in_transaction = statement["in_transaction"] and not change.startswith(COMMITTED)
        observed = observe_in_transaction if in_transaction else observe_in_copy
        try:
            seen = observed(cluster, template, untouched, setup, change, then)
        except ChangeFails as error:
            if (setup, change, then) in CASES:
                wrong.append(str(error))
            continue
        compared += 1
        for probe, effects in seen:
            if not effects & claimed:
                wrong.append(f"{change}: {sorted(effects)} not told: {probe[:100]}")
            for form in forms:
                shown[form] |= effects
    for form, names in told.items():
        if since[form] <= cluster.major and form != "ALTER TABLE DETACH PARTITION FINALIZE":
            wrong += [f"{form}: {name} is told, but never seen" for name in sorted(names - shown[form])
                      if (form, name) not in NOT_SHOWN and SHOWN_SINCE.get((form, name), 0) <= cluster.major]
    figures(f"PostgreSQL {cluster.major}, old code: {compared} of {len(rows)} changes compared with "
            f"{len(READS) + len(WRITES) + len(PREPARED)} statements before and after each, "
            f"{len(wrong)} differences")
    assert not wrong, "\n".join(wrong)
