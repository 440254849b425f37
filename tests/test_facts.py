"""What sql/facts says of statements, held against a server: locks and long work."""

import json
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from support.locks import (BASE, DETACH_FINALIZE, EMPTY_BASE, ENDS_AT_A_ROW, FORMS, LESS_BEFORE, NEEDS_ROWS,
                           NEWER, OUTSIDE, REFUSED, REFUSED_BEFORE, SETS, SINCE, TABLESPACE, UNKNOWN)
from support.pawl import clean_environment, pawl_binary
from support.server import wait_until
from support.xray import xray

MODES = ["", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
         "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]
SERVER_MODES = [mode.title().replace(" ", "") + "Lock" for mode in MODES]

# A lock at the very end, which nothing holds up.
NOT_SEEN = {"DROP INDEX CONCURRENTLY": "orders_amount"}

# What is compared: indexes only where facts name them.
INDEX_OBJECTS = {"index", "indexes"}


def print_facts(*args, texts=()):
    program = Path(pawl_binary()).parent.parent / "tests/print_facts"
    done = subprocess.run([program, *args], input=json.dumps(texts), text=True, capture_output=True,
                          env=clean_environment(), timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


def split_forms():
    return [form if isinstance(form, tuple) else (form, None) for form in FORMS]


@pytest.fixture(scope="module")
def template(cluster):
    database = cluster.create_database("facts")
    database.query(BASE)
    with cluster.connect() as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute(f"CREATE TABLESPACE {TABLESPACE} LOCATION ''")
    yield database
    database.drop()
    cluster.execute(f"DROP TABLESPACE {TABLESPACE}")


class Copies:
    """Databases like the template: a new one after each that was changed for good."""

    def __init__(self, cluster, template):
        self.cluster = cluster
        self.template = template
        self.kept = None
        self.number = 0

    def make(self):
        self.number += 1
        name = f"{self.template.name}_{self.number}"
        self.cluster.execute(f"CREATE DATABASE {name} TEMPLATE {self.template.name}")
        return name

    def drop(self, name):
        self.cluster.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def unchanged(self):
        if self.kept is None:
            self.kept = self.make()
        return self.kept

    def close(self):
        if self.kept is not None:
            self.drop(self.kept)


@pytest.fixture(scope="module")
def copies(cluster, template):
    made = Copies(cluster, template)
    yield made
    made.close()


USER_RELATIONS = """
    SELECT c.oid, c.oid::regclass::text, c.relkind::text, format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""

LOCKS = """
    SELECT relation, mode FROM pg_locks
    WHERE pid = %s AND locktype = 'relation'
    AND database = (SELECT oid FROM pg_database WHERE datname = %s)"""

BELOW = """
    WITH RECURSIVE below(oid) AS (
        SELECT %s::oid UNION
        SELECT inhrelid FROM pg_inherits JOIN below ON inhparent = below.oid
        JOIN pg_class c ON c.oid = inhrelid WHERE c.relispartition OR %s)
    SELECT oid FROM below OFFSET 1"""


class Expected:
    """Modes by relation: what facts say is taken, and what they say may be."""

    def __init__(self):
        self.taken, self.possible = {}, {}

    def add(self, oid, mode, maybe):
        number = MODES.index(mode)
        side = self.possible if maybe else self.taken
        side[oid] = max(side.get(oid, 0), number)

    def allows(self, oid, mode):
        low = self.taken.get(oid, 0)
        return low <= mode <= max(low, self.possible.get(oid, 0))


def resolve(connection, queries, facts, may_be_less):
    expected, indexes = Expected(), set()
    for row in facts["locks"]:
        if (row["fate"] == "created" and not row["maybe"]) or row["ours"]:
            continue
        maybe = row["maybe"] or may_be_less
        found = connection.execute(queries[row["object"]].replace("$1", "%(name)s").replace("$2", "%(part)s"),
                                   {"name": row["name"], "part": row["part"]}).fetchall()
        for oid, in found:
            expected.add(oid, row["mode"], maybe)
            if row["object"] in INDEX_OBJECTS:
                indexes.add(oid)
            if row["descent"] == "none":
                continue
            # Partitions that a query does not need are not locked; what inherits is only read by ANALYZE.
            pruned = row["effect"] == "rows" or facts["forms"] == ["ANALYZE"]
            for child, in connection.execute(BELOW, (oid, row["descent"] == "children")):
                expected.add(child, row["children"], maybe or pruned)
    return expected, indexes


def strongest(rows):
    modes = {}
    for oid, mode in rows:
        modes[oid] = max(modes.get(oid, 0), SERVER_MODES.index(mode))
    return modes


def is_measured(form, facts):
    """In a transaction, from a state that a statement can make."""
    return facts["in_transaction"] and form[0] not in OUTSIDE | {DETACH_FINALIZE}


def measure(server, forms, **schema):
    """X-rays by form, in transactions: those that need nothing before them in one, undone one by one."""
    plain = [form for form in forms if form[1] is None]
    prepared = [form for form in forms if form[1] is not None]
    text = ";".join(f"SAVEPOINT form;{statement};ROLLBACK TO form" for statement, _ in plain)
    answer = xray(server, [[text], *([setup, statement] for statement, setup in prepared)], **schema)
    assert answer["gaps"] == []
    together, *single = (run["statements"] for run in answer["runs"])
    measured = {**dict(zip(plain, together[1::3], strict=True)),
                **{form: run[-1] for form, run in zip(prepared, single, strict=True)}}
    assert all(statement == x["text"] for (statement, _), x in measured.items())
    return measured


def found_by(measured, rows):
    """The locks, and the relations that are read whole or written anew."""
    oids = {name: oid for oid, _, _, name in rows}
    there = [row for row in measured["relations"] if not row["created"]]
    locks = {oids[row["name"]]: MODES.index(row["mode"]) for row in there}
    work = {oids[row["name"]] for row in there if row["rewritten"] or row["scanned"]}
    return locks, work


def locks_in_transaction(connection, statement):
    connection.execute("BEGIN")
    connection.execute(statement)
    server = connection.info
    return strongest(connection.execute(LOCKS, (server.backend_pid, server.dbname)).fetchall())


BLOCKING = "SELECT unnest(pg_blocking_pids(%s))"


def run_alone(cluster, name, statement, first, tables):
    """The locks seen each time that it waits: for SHARE UPDATE EXCLUSIVE on one of its tables and
    for a reader of each, which end one after another. VACUUM lets a table go before it takes the
    next, and waits for no reader."""
    seen, failure, blockers = [], [], {}
    with ExitStack() as stack:
        worker, watcher = (stack.enter_context(cluster.connect(name)) for _ in range(2))
        others = [(table, "ACCESS SHARE") for table in tables]
        if statement.startswith("VACUUM "):
            others = [(table, "SHARE UPDATE EXCLUSIVE") for table in tables if table != first]
        for table, mode in [(first, "SHARE UPDATE EXCLUSIVE"), *others]:
            blocker = stack.enter_context(cluster.connect(name))
            blocker.execute("BEGIN")
            blocker.execute(f"LOCK TABLE ONLY {table} IN {mode} MODE")
            blockers[blocker.info.backend_pid] = blocker

        def work():
            try:
                worker.execute(statement)
            except Exception as error:  # for the main thread to raise
                failure.append(error)

        def blocking():
            pids = [pid for pid, in watcher.execute(BLOCKING, (worker.info.backend_pid,)) if pid in blockers]
            return pids or not thread.is_alive()

        thread = threading.Thread(target=work)
        thread.start()
        while True:
            pids = wait_until(blocking, f"{statement} waits or ends")
            if pids is True:
                break
            seen += watcher.execute(LOCKS, (worker.info.backend_pid, name)).fetchall()
            blockers.pop(pids[0]).execute("ROLLBACK")
        thread.join()
    if failure:
        raise failure[0]
    assert seen, f"{statement} waited for nobody"
    return strongest(seen)


def detach_half_way(cluster, name):
    """It waits for a reader, and gives up."""
    with cluster.connect(name) as reader, cluster.connect(name) as worker:
        reader.execute("BEGIN")
        reader.execute("SELECT FROM events")
        worker.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            worker.execute("ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY")


def names_of(relations, modes):
    return ", ".join(f"{relations.get(oid, oid)}: {MODES[mode]}" for oid, mode in sorted(modes.items()))


def difference(relations, kinds, expected, indexes, found):
    """What the server does otherwise than expected, as text; "" when nothing."""
    compared = {oid for oid in set(found) | set(expected.taken)
                if oid in relations and (kinds[oid] not in "iIt" or oid in indexes)}
    wrong = {oid for oid in compared if not expected.allows(oid, found.get(oid, 0))}
    if not wrong:
        return ""
    return (f"server {names_of(relations, {oid: found.get(oid, 0) for oid in wrong})}; facts "
            f"{names_of(relations, {oid: expected.taken.get(oid, 0) for oid in wrong})}")


def check_work(statement, facts, work, relations):
    """Short is a promise; so is long work without a condition, queries, samples and IF NOT EXISTS apart."""
    if facts["short"]:
        if work and statement not in ENDS_AT_A_ROW:
            return f"short, but works on {', '.join(relations[oid] for oid in work)}"
    elif not work and "IF NOT EXISTS" not in statement and facts["forms"] != ["ANALYZE"]:
        for row in facts["locks"]:
            if (row["effect"] in ("scan", "index build", "rewrite") and row["unless"] is None
                    and row["object"] == "relation" and row["mode"] not in ("ACCESS SHARE", "ROW SHARE")):
                return f"long ({row['effect']}), but no work was seen"
    return ""


def refusal(major, form):
    """The SQLSTATE with which the server refuses it; None: it does not."""
    until, before = REFUSED_BEFORE.get(form, (0, None))
    return before if major < until else REFUSED.get(form) or REFUSED.get(form[0])


def check(cluster, copies, queries, form, facts, measured):
    """measured: of the X-ray; None where it cannot tell, and the server's locks are looked at."""
    statement, setup = form
    name = copies.make() if setup or measured is None else copies.unchanged()
    try:
        if statement == DETACH_FINALIZE:
            detach_half_way(cluster, name)
        with cluster.connect(name) as connection:
            if setup:
                connection.execute(setup)
            rows = connection.execute(USER_RELATIONS).fetchall()
            relations = {oid: text for oid, text, _, _ in rows}
            kinds = {oid: kind for oid, _, kind, _ in rows}
            may_be_less = connection.info.server_version < LESS_BEFORE.get(statement, 0) * 10000
            expected, indexes = resolve(connection, queries, facts, may_be_less)
            if statement == DETACH_FINALIZE:
                return difference(relations, kinds, expected, indexes,
                                  locks_in_transaction(connection, statement))
            if measured is None:
                locked = expected.taken or expected.possible
                tables = [relations[oid] for oid in locked if kinds[oid] in "rpm"]
                first = next((t for t in tables if t in ("orders", "events")), tables[0])
                found = run_alone(cluster, name, statement, first, tables)
                hidden = {NOT_SEEN.get(form) for form in facts["forms"]}
                relations = {oid: text for oid, text in relations.items() if text not in hidden}
                return difference(relations, kinds, expected, indexes, found)
            if measured["source"] != "measured":
                refused = refusal(cluster.major, form)
                return "" if measured["failure"]["sqlstate"] == refused else measured["failure"]["message"]
            found, work = found_by(measured, rows)
            return (difference(relations, kinds, expected, indexes, found)
                    or check_work(statement, facts, work, relations))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        if name != copies.kept:
            copies.drop(name)


@pytest.fixture(scope="module")
def forms(cluster):
    """Facts of each form that this major has."""
    since = {row["name"]: row["since"] for row in print_facts("--tables")["forms"]}
    forms = split_forms()
    answers = print_facts(texts=[statement for statement, _ in forms])
    facts_of = {form: answer["statements"][0] for form, answer in zip(forms, answers, strict=True)}
    return {form: facts for form, facts in facts_of.items()
            if cluster.major >= max([SINCE.get(form[0], 0), *(since[name] for name in facts["forms"])])}


@pytest.fixture(scope="module")
def full(template, forms):
    """Those that can be measured, measured on tables with rows."""
    measured = [form for form, facts in forms.items() if is_measured(form, facts)]
    return measure(template.url, measured, applied=[BASE])


@pytest.mark.timeout(300)
def test_locks_are_those_of_the_server(cluster, copies, forms, full, figures):
    tables = print_facts("--tables")
    compared = {form: facts for form, facts in forms.items() if form[0] not in OUTSIDE | UNKNOWN.keys()}
    wrong = []
    for form, facts in compared.items():
        said = f"unknown: {facts['unknown']}" if facts["unknown"] is not None else ""
        said = said or check(cluster, copies, tables["queries"], form, facts, full.get(form))
        if said:
            wrong.append(f"{form[0]}: {said}")
    unread = [form for form in forms if form[0] in NEWER]
    wrong += [f"{form[0]}: {full[form]['failure']['message']}" for form in unread
              if full[form]["source"] != "measured"]
    figures(f"PostgreSQL {cluster.major}, locks: {len(forms)} of {len(FORMS)} forms that this major has, "
            f"{len(compared)} compared, {len(full)} measured, {len(wrong)} differences; {len(unread)} in a "
            f"grammar newer than pawl's, measured; {len(UNKNOWN) - len(NEWER)} that run code or name no "
            f"relation; {len(OUTSIDE)} that reach outside")
    assert not wrong, "\n".join(wrong)
    unknown = {form[0]: facts["unknown"] for form, facts in forms.items() if facts["unknown"] is not None}
    assert {statement: why for statement, why in unknown.items() if statement not in OUTSIDE} == {
        statement: why for statement, why in UNKNOWN.items() if cluster.major >= SINCE.get(statement, 0)}
    assert {row["name"] for row in tables["forms"] if row["since"] <= cluster.major} == {
        name for facts in forms.values() for name in facts["forms"]}


def told(measured):
    """What must not depend on rows."""
    rows = {(row["name"], row["created"]): (row["mode"], row["rewritten"], row["built"])
            for row in measured["relations"] if not row["name"].startswith("pg_temp")}
    return rows, measured["verifies"], measured["validates"], measured["proved"]


@pytest.mark.timeout(300)
def test_an_empty_table_shows_the_locks_of_a_full_one(template, full):
    empty = measure(template.url, full, target=template.url, applied=[EMPTY_BASE])
    assert {form[0] for form in full if told(empty[form]) != told(full[form])} == NEEDS_ROWS


def test_locks_of_a_set_are_those_of_its_transaction(cluster, copies, template):
    queries = print_facts("--tables")["queries"]
    wrong = []
    measured = xray(template.url, [[text] for text in SETS], applied=[BASE])["runs"]
    for text, answer, run in zip(SETS, print_facts(texts=SETS), measured, strict=True):
        found = answer["set"]
        facts = {"unknown": found["unknown"], "in_transaction": True, "short": found["all_short"],
                 "forms": [form for facts in answer["statements"] for form in facts["forms"]],
                 "locks": found["locks"]}
        sums = {"source": "measured", "relations": run["units"][0]["relations"]}
        said = check(cluster, copies, queries, (text, None), facts, sums)
        if said:
            wrong.append(f"{text}: {said}")
        rows = [(row["object"], row["name"], row["part"], row["ours"]) for row in found["locks"]]
        assert len(set(rows)) == len(rows)
    assert not wrong, "\n".join(wrong)


IN_CODE = {
    "itself": "DO $do$ BEGIN IF now() IS NOT NULL THEN {statement}; END IF; END $do$",
    "a constant": "DO $do$ DECLARE r record; BEGIN EXECUTE $x${statement}$x$; END $do$",
    "constants": "DO $do$ BEGIN EXECUTE format('' || {quoted}); END $do$",
    "a DO in a DO": "DO $do$ BEGIN DO $in$ BEGIN {statement}; END $in$; END $do$",
}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def measurable_in_code(forms):
    return [statement for (statement, setup), facts in forms.items()
            if setup is None and is_measured((statement, setup), facts) and statement not in OUTSIDE
            and statement.startswith(("ALTER", "CREATE", "DROP", "TRUNCATE", "COMMENT", "INSERT", "UPDATE"))
            and facts["unknown"] is None and "%" not in statement]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", IN_CODE)
def test_a_do_locks_no_more_than_the_statements_of_its_body(cluster, copies, template, forms, how):
    queries = print_facts("--tables")["queries"]
    texts = [IN_CODE[how].format(statement=statement, quoted=quoted(statement))
             for statement in measurable_in_code(forms)]
    measured = measure(template.url, [(text, None) for text in texts], applied=[BASE])
    wrong, compared = [], 0
    with cluster.connect(copies.unchanged()) as connection:
        rows = connection.execute(USER_RELATIONS).fetchall()
        relations = {oid: text for oid, text, _, _ in rows}
        kinds = {oid: kind for oid, _, kind, _ in rows}
        for text, answer in zip(texts, print_facts(texts=texts), strict=True):
            facts, one = answer["statements"][0], measured[text, None]
            assert facts["unknown"] is not None and all(row["maybe"] for row in facts["locks"])
            if one["source"] != "measured":
                continue
            expected, indexes = resolve(connection, queries, facts, may_be_less=True)
            found, _ = found_by(one, rows)
            compared += 1
            said = difference(relations, kinds, expected, indexes, found)
            if said:
                wrong.append(f"{text}: {said}")
    print(f"{compared} of {len(texts)} compared")
    assert not wrong, "\n".join(wrong)
    assert compared > 0.9 * len(texts) > 100


BY_FUNCTION = {
    "PL/pgSQL": ("CREATE FUNCTION changes(a int, text DEFAULT 'x') RETURNS SETOF int LANGUAGE plpgsql AS $f$"
                 " BEGIN a := a + 1; IF now() IS NOT NULL THEN {statement}; END IF; RETURN NEXT a; RETURN;"
                 " END $f$",
                 "SELECT n FROM changes(1) AS n"),
    "SQL": ("CREATE FUNCTION changes() RETURNS void AS $f$ {statement} $f$ LANGUAGE sql", "SELECT changes()"),
    "a procedure": ("CREATE PROCEDURE changes() LANGUAGE plpgsql AS $f$ BEGIN EXECUTE {quoted}; END $f$",
                    "CALL changes()"),
    "a function in a function": (
        "CREATE FUNCTION inside() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN {statement}; END $f$;"
        "CREATE FUNCTION changes() RETURNS int LANGUAGE plpgsql AS"
        " $f$ BEGIN PERFORM inside(); RETURN 1; END $f$",
        "DO $do$ DECLARE n int := 0; BEGIN n := changes(); END $do$"),
}


def measure_calls(server, calls):
    """X-rays of the calls, each undone with what it calls."""
    sizes = [4 + ("inside()" in made) for made, _ in calls]
    text = ";".join(f"SAVEPOINT form;{made};{call};ROLLBACK TO form" for made, call in calls)
    found = iter(xray(server, [[text]], applied=[BASE])["runs"][0]["statements"])
    measured = [[next(found) for _ in range(size)][-2] for size in sizes]
    assert all(x["text"] == call for x, (_, call) in zip(measured, calls, strict=True))
    return measured


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", BY_FUNCTION)
def test_a_call_locks_no_more_than_the_function_that_the_set_makes(cluster, copies, template, forms, how):
    queries = print_facts("--tables")["queries"]
    made, call = BY_FUNCTION[how]
    statements = measurable_in_code(forms)
    calls = [(made.format(statement=statement, quoted=quoted(statement)), call) for statement in statements]
    answers = print_facts(texts=[f"{made};{call}" for made, call in calls])
    wrong, compared = [], 0
    with cluster.connect(copies.unchanged()) as connection:
        rows = connection.execute(USER_RELATIONS).fetchall()
        relations = {oid: text for oid, text, _, _ in rows}
        kinds = {oid: kind for oid, _, kind, _ in rows}
        xrays = measure_calls(template.url, calls)
        for statement, answer, one in zip(statements, answers, xrays, strict=True):
            facts = answer["statements"][-1]
            if one["source"] != "measured":
                continue
            expected, indexes = resolve(connection, queries, facts, may_be_less=True)
            found, work = found_by(one, rows)
            compared += 1
            said = difference(relations, kinds, expected, indexes, found)
            catalog_only = all(row["effect"] == "catalog" for row in facts["locks"])
            # The new files of a TRUNCATE are told from a rewrite by the text of the statement alone.
            if work and catalog_only and statement not in ENDS_AT_A_ROW and "TRUNCATE" not in statement:
                said = said or f"works on {', '.join(relations[oid] for oid in work)}"
            if said:
                wrong.append(f"{statement}: {said}")
    print(f"{compared} of {len(calls)} compared")
    assert not wrong, "\n".join(wrong)
    assert compared > 0.9 * len(calls) > 100
