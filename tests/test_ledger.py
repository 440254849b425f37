"""The ledger: an append-only journal with a hash chain that anyone can recompute."""

import pytest

from support import ledger
from support.ledger import by_hand, table, version
from support.server import wait_until


@pytest.fixture
def deployed(pawl, engine):
    """Three migrations applied in two deploys, with a name that was changed."""
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);\n-- é\nINSERT INTO a VALUES (1);\n")
    renamed = pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    renamed.rename(renamed.with_name(f"{version(3)}_b.sql"))
    pawl.write(f"{version(4)}_c", "CREATE TABLE c (id int);")
    pawl.run("deploy", check=0)
    return pawl


def assert_broken(pawl, seq):
    """A deploy stops and names the row, with and without something to do; readers go on."""
    result = pawl.run("deploy", check=8)
    assert f"seq {seq}:" in result.err, result
    assert f"repair --accept-break {seq}" in result.err and "Nothing was changed." in result.err
    status = pawl.run("status", check=0)
    assert f"seq {seq}:" in status.err and "BROKEN" in status.out
    report = pawl.run("status", "--json", check=0).json()["targets"][0]
    assert report["chain_whole"] is False and f"seq {seq}:" in report["broken"]
    assert pawl.run("ready").code in (0, 4)


# ---- the chain ----

def test_the_chain_is_what_the_documents_say(deployed, engine):
    ledger.assert_whole(engine)
    deployed.run("deploy", "--release", "1.0 é", check=0)
    assert ledger.rows(engine)[-1].facts["release"] == "1.0 é"
    ledger.assert_whole(engine)
    rows = ledger.rows(engine)
    assert [row.event for row in rows] == [
        "created", "begin", "applied", "applied", "end", "begin", "renamed", "applied", "end",
        "release"]
    assert rows[0].facts["format"] == 1
    assert sorted(row.at for row in rows) == [row.at for row in rows]
    assert deployed.run("status", "--json", check=0).json()["targets"][0]["head"] == ledger.head(engine)


def test_the_digest_of_a_row_is_that_of_the_set(deployed, engine):
    deployed.run("sum", check=0)
    first = (deployed.migrations / "pawl.sum").read_text().splitlines()[0]
    assert f"digest={ledger.rows(engine)[-1].digest}" in first


def test_times_are_the_servers_and_to_the_microsecond(deployed, engine):
    at = [row.at for row in ledger.rows(engine)]
    assert len({moment % 1000 for moment in at}) > 1


COLUMNS = {
    "seq": "seq + 100", "at": "at + {second}", "event": "event || 'x'",
    "migration": "coalesce(migration, '') || 'x'", "checksum": "coalesce(checksum, '') || 'x'",
    "kind": "coalesce(kind, '') || 'x'", "phase": "coalesce(phase, '') || 'x'",
    "detail": "detail || ' '", "digest": "coalesce(digest, '') || 'x'",
    "prev_hash": "'x' || prev_hash", "hash": "'x' || hash",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_by_hand_of_any_column_is_found(deployed, engine, column):
    """Of the first row, an applied one, the renamed one and the last."""
    second = "interval '1 microsecond'" if engine.engine == "postgres" else "1"
    edit = COLUMNS[column].format(second=second)
    backup = f"CREATE TABLE backup AS SELECT * FROM {table(engine, 'journal')}"
    engine.query(backup)
    for row in ledger.rows(engine):
        if row.seq not in (1, 3, 7, 9):
            continue
        by_hand(engine, f"UPDATE {table(engine, 'journal')} SET {column} = {edit} "
                f"WHERE seq = {row.seq}")
        result = deployed.run("deploy", check=8)
        assert f"seq {row.seq}:" in result.err, result
        if row.seq == 3 and column in ("migration", "checksum", "event"):
            assert_broken(deployed, row.seq)
        by_hand(engine, f"DELETE FROM {table(engine, 'journal')}",
                f"INSERT INTO {table(engine, 'journal')} SELECT * FROM backup")
    deployed.run("deploy", check=0)


def test_a_checksum_that_is_none_breaks_nothing_but_the_chain(deployed, engine):
    by_hand(engine, f"UPDATE {table(engine, 'journal')} SET checksum = 'x' WHERE seq = 3")
    assert_broken(deployed, 3)


def test_a_broken_chain_stops_a_deploy_before_anything_runs(deployed, engine):
    by_hand(engine, f"UPDATE {table(engine, 'journal')} SET detail = detail || ' ' WHERE seq = 4")
    deployed.write(f"{version(5)}_d", "CREATE TABLE d (id int);")
    before = ledger.whole_dump(engine)
    assert_broken(deployed, 4)
    for command in (["deploy", "--dry-run"], ["repair", "--new", "x", "--reason", "y"]):
        assert deployed.run(*command).code == 8
    assert ledger.whole_dump(engine) == before


@pytest.mark.parametrize("seq", [1, 4, 9])
def test_a_deleted_row_is_found(deployed, engine, seq):
    by_hand(engine, f"DELETE FROM {table(engine, 'journal')} WHERE seq = {seq}")
    assert_broken(deployed, seq)


def test_a_deleted_tail_is_found(deployed, engine):
    by_hand(engine, f"DELETE FROM {table(engine, 'journal')} WHERE seq > 5")
    assert_broken(deployed, 6)


@pytest.mark.parametrize("seq", [1, 4, 9])
def test_a_row_with_a_recomputed_hash_is_found(deployed, engine, seq):
    row = ledger.rows(engine)[seq - 1]
    forged = row.__class__(**{**row.__dict__, "detail": '{"format":1,"ms":0}'})
    by_hand(engine, f"UPDATE {table(engine, 'journal')} SET detail = '{forged.detail}', "
            f"hash = '{forged.computed_hash()}' WHERE seq = {seq}")
    assert_broken(deployed, seq)


@pytest.mark.parametrize("change, seq", [
    ("seq = 4", 9), ("seq = 20", 10), ("hash = 'x' || hash", 9),
], ids=["back", "ahead", "hash"])
def test_an_edited_head_is_found_and_can_be_accepted(deployed, engine, change, seq):
    by_hand(engine, f"UPDATE {table(engine, 'head')} SET {change}", name="head")
    assert_broken(deployed, seq)
    accept(deployed, engine, seq)


def test_a_deleted_head_is_found_and_can_be_accepted(deployed, engine):
    by_hand(engine, f"DELETE FROM {table(engine, 'head')}", name="head")
    assert_broken(deployed, 9)
    accept(deployed, engine, 9)


def accept(pawl, engine, *seqs):
    pawl.write(f"{version(5)}_d", "CREATE TABLE d (id int);")
    for seq in seqs:
        pawl.run("repair", "--accept-break", seq, "--reason", "restored by hand", check=0)
    pawl.run("deploy", check=0)
    assert "d" in engine.tables()
    row = next(row for row in ledger.rows(engine) if row.event == "break_accepted")
    assert row.facts["seq"] == seqs[0] and row.facts["reason"] == "restored by hand"
    assert pawl.run("status", "--json", check=0).json()["targets"][0]["chain_whole"]
    pawl.run("ready", check=0)


@pytest.mark.parametrize("statement, seq", [
    ("UPDATE {journal} SET detail = detail || ' ' WHERE seq = 4", 4),
    ("DELETE FROM {journal} WHERE seq = 5", 5),
    ("DELETE FROM {journal} WHERE seq = 9", 9),
    ("UPDATE {journal} SET hash = 'x' || hash WHERE seq = 9", 9),
    ("UPDATE {journal} SET at = at WHERE seq = 9; UPDATE {journal} SET hash = prev_hash WHERE seq = 2",
     2),
])
def test_an_accepted_break_stops_no_one(deployed, engine, statement, seq):
    by_hand(engine, *statement.format(journal=table(engine, "journal")).split("; "))
    assert_broken(deployed, seq)
    accept(deployed, engine, seq)
    # Another one is found all the same.
    by_hand(engine, f"UPDATE {table(engine, 'journal')} SET detail = detail || ' ' WHERE seq = 3")
    assert_broken(deployed, 3)


def test_only_a_break_that_is_there_can_be_accepted(deployed, engine):
    before = ledger.whole_dump(engine)
    assert "whole" in deployed.run("repair", "--accept-break", "4", "--reason", "x", check=3).err
    by_hand(engine, f"UPDATE {table(engine, 'journal')} SET detail = detail || ' ' WHERE seq = 4")
    before = ledger.whole_dump(engine)
    assert "seq 4" in deployed.run("repair", "--accept-break", "5", "--reason", "x", check=3).err
    for words in (["four"], ["-1"], ["0"], ["4x"], [""]):
        assert deployed.run("repair", "--accept-break", *words, "--reason", "x").code == 2
    assert deployed.run("repair", "--accept-break", "4").code == 2
    assert ledger.whole_dump(engine) == before


# ---- what guards it ----

CHANGES = {
    "sqlite": ["UPDATE {journal} SET detail = '{{}}'", "DELETE FROM {journal}", "DELETE FROM {head}",
               "UPDATE {text} SET body = ''", "DELETE FROM {text}"],
    "postgres": ["TRUNCATE {journal}", "TRUNCATE {text}", "TRUNCATE {head}"],
}


def test_changes_are_refused_by_triggers(deployed, engine):
    names = {name: table(engine, name) for name in ("journal", "head", "text")}
    before = ledger.whole_dump(engine)
    roles = ["origin", "replica"] if engine.engine == "postgres" else [None]
    changes = CHANGES["sqlite"] + (CHANGES["postgres"] if engine.engine == "postgres" else [])
    for statement in changes:
        for role in roles:
            with engine.connect() as connection:
                if role:
                    connection.execute(f"SET session_replication_role = {role}")
                with pytest.raises(Exception, match="is refused: it is a record"):
                    connection.execute(statement.format(**names))
    assert ledger.whole_dump(engine) == before


def test_the_view_cannot_be_written(deployed, engine):
    with engine.connect() as connection, pytest.raises(Exception):
        connection.execute(f"DELETE FROM {table(engine, 'migration')}")


def test_rows_of_another_database_are_dropped(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    before = ledger.whole_dump(pg)
    with pg.connect() as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in (
                "INSERT INTO pawl.journal SELECT seq + 10, at, event, migration, checksum, kind, "
                "phase, detail, digest, prev_hash, hash FROM pawl.journal",
                "INSERT INTO pawl.text VALUES ('a', 'b')",
                "UPDATE pawl.head SET seq = 17"):
            assert connection.execute(statement).rowcount == 0
    assert ledger.whole_dump(pg) == before


def test_a_subscriber_keeps_its_own_ledger(make_pawl, make_cluster):
    cluster = make_cluster(wal_level="logical")
    source, copy = cluster.create_database(), cluster.create_database()
    pawls = [make_pawl(database.url, name=name)
             for database, name in ((source, "source"), (copy, "copy"))]
    for pawl in pawls:
        pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int PRIMARY KEY);")
        pawl.run("deploy", check=0)
    source.query("CREATE PUBLICATION everything FOR ALL TABLES")
    source.query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
    before = ledger.rows(copy)
    copy.query(f"CREATE SUBSCRIPTION s CONNECTION 'host={cluster.folder} port={cluster.port} "
               f"dbname={source.name} user=postgres' PUBLICATION everything "
               "WITH (create_slot = false, slot_name = 's')")
    try:
        source.query("INSERT INTO a VALUES (1)")
        pawls[0].write(f"{version(2)}_b", "INSERT INTO a VALUES (2);")
        pawls[0].run("deploy", check=0)
        source.query("INSERT INTO a VALUES (3)")
        wait_until(lambda: copy.query("SELECT count(*) FROM a") == [(3,)], "rows are replicated")
        assert ledger.rows(copy) == before
        ledger.assert_whole(copy)
        pawls[1].run("ready", check=0)
        pawls[1].write(f"{version(3)}_c", "CREATE TABLE c (id int);")
        pawls[1].run("deploy", check=0)
        ledger.assert_whole(copy)
    finally:
        copy.query("ALTER SUBSCRIPTION s DISABLE")
        copy.query("ALTER SUBSCRIPTION s SET (slot_name = NONE)")
        copy.query("DROP SUBSCRIPTION s")


# ---- what it holds ----

def test_the_text_is_kept_as_it_was(deployed, engine):
    row = next(row for row in ledger.rows(engine) if row.event == "applied")
    (body,), = engine.query(f"SELECT body FROM {table(engine, 'text')} WHERE checksum = %s",
                            row.checksum)
    assert body == (deployed.migrations / f"{version(1)}_a.sql").read_text()


SECRETS = [
    "CREATE ROLE {role}_1 PASSWORD 'hunter2'",
    "CREATE ROLE {role}_2; ALTER ROLE {role}_2 WITH ENCRYPTED PASSWORD 'hunter2' LOGIN",
    "CREATE USER {role}_3 PASSWORD E'hunter2'",
    "CREATE ROLE {role}_4; ALTER USER {role}_4 PASSWORD $$hunter2$$",
    "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; "
    "CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'u', password 'hunter2')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere password=hunter2' PUBLICATION p "
    "WITH (connect = false)",
]


def test_passwords_are_kept_out(make_pawl, pg):
    pawl = make_pawl(pg.url)
    role = f"r_{pg.name}"
    pg.roles += [f"{role}_{number}" for number in range(1, 5)]
    for number, statement in enumerate(SECRETS):
        pawl.write(f"{version(number)}_secret", f"-- a login\n{statement.format(role=role)};\n")
    try:
        pawl.run("deploy", check=0)
        kept = [body for body, in pg.query("SELECT body FROM pawl.text")]
        assert len(kept) == len(SECRETS) and all("a login" in body for body in kept)
        assert [body for body in kept if "hunter2" in body] == []
        assert "hunter2" not in repr(ledger.rows(pg))
        for command in (["log"], ["log", "--json"], ["status"]):
            result = pawl.run(*command, check=0)
            assert "hunter2" not in result.out + result.err
    finally:
        if pg.query("SELECT 1 FROM pg_subscription WHERE subname = 's'"):
            pg.query("ALTER SUBSCRIPTION s SET (slot_name = NONE)")
            pg.query("DROP SUBSCRIPTION s")


def test_a_row_holds_what_is_no_text(pawl, engine):
    """A message of the server with quotes, line breaks and odd characters stays valid JSON."""
    pawl.write(f"{version(1)}_bad", 'CREATE TABLE "a\\""b\té😀" (id nothing);\nSELECT "\x7f\\ü";\n')
    assert pawl.run("deploy").code == 1
    assert ledger.rows(engine)[-1].facts["message"]
    ledger.assert_whole(engine)


# ---- a ledger that was rewritten whole ----

def test_expect_finds_a_ledger_that_was_rewritten(deployed, engine):
    good = ledger.head(engine)
    deployed.run("status", "--expect", good, check=0)
    old = ledger.rows(engine)[3]
    deployed.run("status", "--expect", f"4:{old.hash}", check=0)
    for bad in (f"5:{old.hash}", f"4:{'0' * 64}", f"99:{old.hash}"):
        assert bad in deployed.run("status", "--expect", bad, check=8).err
    for wrong in ("4", "x:y", "", f"4:{old.hash}0"):
        assert deployed.run("status", "--expect", wrong).code == 2


def test_expect_where_there_is_no_ledger(pawl):
    assert pawl.run("status", "--expect", f"4:{'0' * 64}").code == 8


# ---- a ledger from the future ----

def test_a_newer_format_is_not_written_but_ready_answers(deployed, engine):
    by_hand(engine, f"UPDATE {table(engine, 'journal')} SET detail = "
            "replace(detail, '\"format\":1', '\"format\":99') WHERE seq = 1")
    before = ledger.whole_dump(engine)
    result = deployed.run("deploy", check=2)
    assert "format 99" in result.err
    assert ledger.whole_dump(engine) == before
    deployed.run("ready", check=0)
    deployed.run("status", check=0)


def test_an_unknown_event_is_passed_over(deployed, engine):
    last = ledger.rows(engine)[-1]
    new = ledger.Row(last.hash, last.seq + 1, last.at, "tomorrow", None, None, None, None, "[1]",
                     last.digest, "")
    new = ledger.Row(**{**new.__dict__, "hash": new.computed_hash()})
    at = f"to_timestamp({new.at / 1e6:.6f})" if engine.engine == "postgres" else str(new.at)
    if engine.engine == "postgres":
        at = f"(SELECT at FROM pawl.journal WHERE seq = {last.seq})"
    engine.query(f"INSERT INTO {table(engine, 'journal')} VALUES ({new.seq}, {at}, 'tomorrow', NULL, "
                 f"NULL, NULL, NULL, '[1]', '{new.digest}', '{new.prev_hash}', '{new.hash}')")
    engine.query(f"UPDATE {table(engine, 'head')} SET seq = {new.seq}, hash = '{new.hash}'")
    for command in ("deploy", "ready", "status", "log"):
        deployed.run(command, check=0)
    deployed.write(f"{version(5)}_d", "CREATE TABLE d (id int);")
    deployed.run("deploy", check=0)
    ledger.assert_whole(engine)
