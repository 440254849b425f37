"""What can be asked of a standby: all that only reads, and no more than a standby knows."""

import pytest

from support.postgres import PG_DUMP_MAJOR

UNCHANGED = "Nothing was changed"
FIRST = """CREATE TABLE t (a int); INSERT INTO t VALUES (NULL), (1), (1);
CREATE TABLE empty (a int); CREATE UNLOGGED TABLE u (a int); INSERT INTO u VALUES (NULL);"""
NEXT = """ALTER TABLE t ALTER a SET NOT NULL;
ALTER TABLE u ALTER a SET NOT NULL;
ALTER TABLE t ADD CHECK (a > 0);
ALTER TABLE empty DROP COLUMN a;"""


@pytest.fixture
def targets(make_cluster, make_pawl):
    """pawl with two targets: a primary, and the standby of it."""
    primary, standby = make_cluster(), make_cluster()
    pg = primary.create_database()
    pawl = make_pawl(pg.url)
    pawl.config({"target.primary": {"url": pg.url}, "target.standby": {"url": standby.url(pg.name)}})
    pawl.write("20250101000000_first", FIRST)
    pawl.run("deploy", "--target", "primary", check=0)
    standby.follow(primary)
    pawl.pg = pg
    return pawl


def ask(targets, target, *args, check=None):
    result = targets.run("--json", *args, "--target", target, check=check)
    assert ("is a standby: this is as of what it has replayed" in result.err) == (target == "standby"), result
    return result.json()


def test_probes_are_asked_and_what_is_not_there_is_no_answer(targets):
    targets.write("20250102000000_next", NEXT)
    primary, standby = (ask(targets, target, "probe", check=3) for target in ("primary", "standby"))
    assert [one["verdict"] for one in primary["probes"][:3]] == ["violated", "violated", "holds"]
    assert [one["verdict"] for one in standby["probes"][:3]] == ["violated", "not asked", "holds"]
    assert "during recovery" in standby["probes"][1]["words"]
    told = {found["line"]: (found["rule"], found["severity"]) for found in standby["findings"]}
    assert told[1] == ("data-violates", "error") and told[2] == ("data-unasked", "warning")


def test_a_plan_knows_sizes_and_no_traffic(targets):
    targets.write("20250102000000_next", NEXT)
    for target, code in (("primary", 0), ("standby", 3)):
        first, second = ask(targets, target, "plan", check=code)["plan"][0]["statements"][:2]
        lock, unlogged = first["locks"][0], second["locks"][0]
        assert lock["relation"] == "public.t" and lock["bytes"] > 0
        assert unlogged["relation"] == "public.u" and (unlogged["bytes"] is None) == (target == "standby")
        assert (lock["reads_per_s"] is None) == (lock["writes_per_s"] is None) == (target == "standby")


def test_that_nobody_uses_a_table_is_not_known(targets):
    targets.write("20250102000000_next", "ALTER TABLE empty DROP COLUMN a;")
    severity = {target: {found["severity"] for found in ask(targets, target, "plan")["findings"]
                         if found["rule"] == "drop-column"} for target in ("primary", "standby")}
    assert severity == {"primary": {"note"}, "standby": {"error"}}


def test_the_checklist_asks_what_is_known_and_ends_as_a_deploy_would(targets):
    targets.write("20250102000000_next", NEXT)
    report = targets.run("--json", "preflight", "--target", "standby", check=3).json()
    marks = {line["id"]: line["mark"] for line in report["lines"]}
    assert report["error"]["message"].endswith("is a standby: only a primary can be written to")
    assert [marks[line] for line in ("target", "data", "lint")] == ["error"] * 3
    assert [marks[line] for line in ("ledger", "plan", "wraparound", "leftovers")] == ["ok"] * 4
    assert {marks[line] for line in ("sessions", "replicas", "slots", "connections")} == {"not applicable"}
    assert marks["deploys"] == "note"


def test_a_rehearsal_takes_the_rows_that_are_there(targets):
    targets.write("20250102000000_next", "DO $$ BEGIN RAISE EXCEPTION '% and %', (SELECT count(*) FROM t),"
                                         " (SELECT count(*) FROM u); END $$;")
    dumped = targets.pg.cluster.major <= PG_DUMP_MAJOR
    answer = ask(targets, "standby", "rehearse", "--on", targets.pg.url, "--data", "full", check=1 if dumped else 3)
    if not dumped:
        assert "there is no pg_dump" in answer["error"]["message"]
        return
    assert "3 and 0 " in answer["findings"][0]["what"]
    assert [(gap["statement"], gap["why"]) for gap in answer["gaps"]] == [
        ("rows of public.u", "a standby does not have them")]


@pytest.mark.parametrize("args", [("deploy",), ("deploy", "--dry-run"), ("adopt", "--as-of", "none")])
def test_what_writes_is_refused(targets, args):
    targets.write("20250102000000_next", NEXT)
    error = targets.run("--json", *args, "--target", "standby", check=3).json()["error"]
    assert "is a standby" in error["message"] and UNCHANGED in error["state"]
    assert "Point the target's url at the primary" in error["hint"]
