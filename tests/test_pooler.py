"""Behind PgBouncer in transaction mode, where the next transaction has another connection."""

import pytest

from support import ledger
from support.ledger import version


@pytest.fixture
def pawl(make_pawl, bouncer):
    return make_pawl(bouncer.url)


def advisory_locks(pg):
    return pg.query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")[0][0]


def pooled_settings(bouncer, name):
    """The setting on every server connection of the pool, seen at the same time."""
    clients = [bouncer.connect() for _ in range(3)]
    try:
        for client in clients:
            client.execute("BEGIN")
        assert len({client.execute("SELECT pg_backend_pid()").fetchone() for client in clients}) == 3
        return {client.execute(f"SHOW {name}").fetchone()[0] for client in clients}
    finally:
        for client in clients:
            client.close()


def test_a_deploy_and_ready_through_the_pooler(pawl, pg):
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id bigint PRIMARY KEY);")
    pawl.write(f"{version(2)}_row", "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);")
    assert pawl.run("ready").code == 4
    pawl.run("deploy", check=0)
    pawl.run("ready", check=0)
    assert pg.query("SELECT id FROM t ORDER BY 1") == [(1,), (2,)]
    assert advisory_locks(pg) == 0
    begin = next(row for row in ledger.rows(pg) if row.event == "begin")
    assert begin.facts["pooled"] is True
    ledger.assert_whole(pg)


def test_create_index_concurrently_is_refused_before_anything_ran(pawl, pg):
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id bigint);")
    path = pawl.write(f"{version(2)}_index",
                      "SELECT 1;\n\n  CREATE INDEX CONCURRENTLY t_id ON t (id);\n")
    before = ledger.whole_dump(pg)
    result = pawl.run("deploy", check=3)
    assert "pooler" in result.err and "CREATE INDEX CONCURRENTLY" in result.err
    assert f"{path.name}:3:3" in result.err and "Nothing was changed." in result.err
    assert ledger.whole_dump(pg) == before and not ledger.exists(pg)
    assert pawl.run("deploy", "--dry-run").code == 3
    assert advisory_locks(pg) == 0
    # The same files go through a direct connection.
    pawl.config({"target.main": {"url": pg.url}})
    pawl.run("deploy", check=0)


@pytest.mark.parametrize("statement, setting", [
    ("SET search_path = 'nowhere'", "search_path"),
    ("SET statement_timeout = '7s'", "statement_timeout"),
    ("SET ROLE pg_monitor", "role"),
    ("SET SESSION AUTHORIZATION pg_monitor", "session_authorization"),
    ("SELECT set_config('application_name', 'left behind', false)", "application_name"),
])
def test_a_session_setting_leaks_to_no_one(pawl, pg, bouncer, statement, setting):
    expected = pooled_settings(bouncer, setting)
    pawl.write(f"{version(1)}_set", f"CREATE TABLE one (id int);\n{statement};\n")
    pawl.write(f"{version(2)}_next", "CREATE TABLE two (id int);\n"
               "CREATE TABLE seen AS SELECT current_user AS u, current_setting('search_path') AS p;")
    pawl.run("deploy", check=0)
    assert pg.tables() == ["one", "seen", "two"]
    assert pg.query("SELECT u, p FROM seen") == [("postgres", '"$user", public')]
    assert pooled_settings(bouncer, setting) - {"pawl", ""} == expected - {"pawl", ""}
    ledger.assert_whole(pg)


def test_a_failed_migration_leaves_no_setting_and_no_lock(pawl, pg, bouncer):
    pawl.write(f"{version(1)}_set", "SET statement_timeout = '7s';\nSELECT no_such_column;\n")
    result = pawl.run("deploy", check=1)
    assert f"{version(1)}_set.sql:2:8" in result.err
    assert pooled_settings(bouncer, "statement_timeout") == {"0"}
    assert advisory_locks(pg) == 0


def test_the_role_of_a_target_holds_for_each_transaction(make_pawl, pg, bouncer):
    owner = pg.role("owner", "NOLOGIN")
    pg.query(f"GRANT CREATE ON SCHEMA public TO {owner}")
    pawl = make_pawl()
    pawl.config({"target.main": {"url": bouncer.url, "role": owner}})
    for number in (1, 2, 3):
        pawl.write(f"{version(number)}_t", f"CREATE TABLE t{number} (id int);")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [
        (owner,)]
    assert pooled_settings(bouncer, "role") == {"none"}
