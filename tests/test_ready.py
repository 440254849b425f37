"""pawl ready: may code that carries this set start?"""

import signal
import time

import pytest

from support import ledger
from support.ledger import version
from support.server import wait_until
from support.sqlite import SqliteDatabase

ONE, TWO, THREE = (f"{version(number)}_{word}" for number, word in
                   ((1, "one"), (2, "two"), (3, "three")))
CONTRACT = "-- pawl: phase=contract\nDROP TABLE one;\n"
VIEW = "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT {} AS n;\n"


@pytest.fixture
def deployed(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    return pawl


def ship_sum_alone(pawl):
    """As in a container: the folder holds pawl.sum and no migration."""
    pawl.run("sum", check=0)
    for path in pawl.migrations.glob("*.sql"):
        path.unlink()


@pytest.fixture(params=["files", "sum alone"])
def ship(request):
    """What a release ships: its migrations, or pawl.sum alone. Called when the files are written."""
    return ship_sum_alone if request.param == "sum alone" else lambda pawl: None


# ---- verdicts ----

def test_ready_when_everything_is_in_place(deployed, engine, ship):
    ship(deployed)
    before = ledger.whole_dump(engine)
    assert deployed.run("ready", check=0).out.startswith("ready: ")
    assert ledger.whole_dump(engine) == before


def test_not_ready_before_the_first_deploy(pawl, engine, ship):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    ship(pawl)
    before = ledger.whole_dump(engine)
    result = pawl.run("ready", check=4)
    assert "no ledger" in result.out and "pawl deploy" in result.err
    assert ledger.whole_dump(engine) == before


def test_not_ready_while_something_is_pending(deployed, ship):
    deployed.write(TWO, "CREATE TABLE two (id int);")
    deployed.write(THREE, "CREATE TABLE three (id int);")
    ship(deployed)
    result = deployed.run("ready", check=4)
    assert TWO in result.out and THREE in result.out and ONE not in result.out


def test_json_has_these_members(deployed, ship):
    deployed.write(TWO, "CREATE TABLE two (id int);")
    ship(deployed)
    report = deployed.run("ready", "--json", "--release", "1.25", check=4).json()
    assert report["command"] == "ready" and report["exit"] == 4 and report["ok"] is False
    assert report["ready"] is False and report["verdict"] == "not ready"
    assert report["missing"] == [TWO] and report["passed"] == [] and report["edited"] == []
    assert report["release"] == "1.25" and TWO in report["reason"] and "pawl deploy" in report["next"]
    assert "error" not in report


def test_json_when_ready(deployed):
    report = deployed.run("ready", "--json", check=0).json()
    assert report["ready"] is True and report["verdict"] == "ready" and report["ok"] is True
    assert report["next"] is None and report["release"] is None and report["missing"] == []


def test_never_ready_once_a_contract_step_that_it_lacks_was_applied(deployed, engine, ship):
    contract = deployed.write(TWO, CONTRACT)
    deployed.run("deploy", check=0)
    contract.unlink()
    ship(deployed)
    result = deployed.run("ready", check=6)
    assert result.out.startswith("never ready: ") and TWO in result.out and "newer code" in result.err
    report = deployed.run("ready", "--json", check=6).json()
    assert report["verdict"] == "never ready" and report["passed"] == [TWO]
    # Waiting does not help, so it does not wait.
    start = time.monotonic()
    deployed.run("ready", "--wait", "30s", check=6)
    assert time.monotonic() - start < 10


def test_a_contract_step_of_its_own_does_not_hold_up_the_start(deployed, ship):
    deployed.write(TWO, CONTRACT)
    ship(deployed)
    deployed.run("ready", check=0)


def test_ready_after_its_own_contract_step(deployed, ship):
    deployed.write(TWO, CONTRACT)
    deployed.run("deploy", check=0)
    ship(deployed)
    deployed.run("ready", check=0)


def test_a_contract_step_under_another_name_is_carried(deployed, ship):
    contract = deployed.write(TWO, CONTRACT)
    deployed.run("deploy", check=0)
    contract.rename(deployed.migrations / f"{THREE}.sql")
    ship(deployed)
    deployed.run("ready", check=0)


def test_a_contract_step_that_it_lacks_wins_over_one_that_is_pending(deployed, ship):
    contract = deployed.write(TWO, CONTRACT)
    deployed.run("deploy", check=0)
    contract.unlink()
    deployed.write(THREE, "CREATE TABLE three (id int);")
    ship(deployed)
    deployed.run("ready", check=6)


def test_a_repeatable_that_never_ran_is_waited_for(deployed, engine, ship):
    deployed.write(TWO, VIEW.format(1))
    deployed.run("deploy", check=0)
    deployed.run("ready", check=0)
    deployed.write(TWO, VIEW.format(2))
    text = (deployed.migrations / f"{TWO}.sql").read_text()
    ship(deployed)
    assert TWO in deployed.run("ready", check=4).out
    deployed.write(ONE, "CREATE TABLE one (id int);")
    deployed.write(TWO, text)
    deployed.run("deploy", check=0)
    deployed.run("ready", check=0)


def test_a_background_backfill_is_not_waited_for(deployed, ship):
    deployed.write(TWO, "-- pawl: kind=backfill table=one key=id background\nUPDATE one SET id = id;\n")
    ship(deployed)
    deployed.run("ready", check=0)


def test_older_code_is_ready(deployed, engine, make_pawl, ship):
    newer = make_pawl(engine.url, name="newer")
    newer.write(ONE, "CREATE TABLE one (id int);")
    newer.write(TWO, "CREATE TABLE two (id int);")
    newer.run("deploy", check=0)
    ship(deployed)
    deployed.run("ready", check=0)


def test_hotfix_branches_and_late_merges_are_ready(deployed, engine, make_pawl, ship):
    """Neither set was ever the target's, each needs only what is in place."""
    for name, number in (("left", 2), ("right", 3)):
        checkout = make_pawl(engine.url, name=name)
        checkout.config({"pawl": {"out_of_order": "apply", "missing": "allow"},
                         "target.main": {"url": engine.url}})
        checkout.write(ONE, "CREATE TABLE one (id int);")
        checkout.write(f"{version(number)}_{name}", f"CREATE TABLE branch_{name} (id int);")
        checkout.run("deploy", check=0)
        if name == "right":
            ship(checkout)
            checkout.run("ready", check=0)


def test_a_file_twice_is_not_its_copy(deployed, ship):
    """Each of two files with one content must have been applied."""
    deployed.write(TWO, "INSERT INTO one VALUES (1);")
    deployed.run("deploy", check=0)
    deployed.write(THREE, "INSERT INTO one VALUES (1);")
    ship(deployed)
    assert THREE in deployed.run("ready", check=4).out


def test_an_empty_set_is_ready_on_any_ledger(deployed, make_pawl, engine):
    empty = make_pawl(engine.url, name="empty")
    empty.run("ready", check=0)
    assert make_pawl(f"sqlite:{deployed.folder}/absent.db", name="nothing").run("ready").code in (0, 4)


def test_an_edit_is_a_warning(deployed, ship):
    deployed.write(ONE, "CREATE TABLE one (id bigint);")
    ship(deployed)
    result = deployed.run("ready", check=0)
    assert f'"{ONE}" was edited' in result.err
    assert deployed.run("ready", "--json", check=0).json()["edited"] == [ONE]


# ---- waiting ----

def test_wait_ends_when_the_deploy_comes(deployed, engine, make_pawl, ship):
    waiting = make_pawl(engine.url, name="waiting")
    for checkout in (deployed, waiting):
        checkout.write(ONE, "CREATE TABLE one (id int);")
        checkout.write(TWO, "CREATE TABLE two (id int);")
    ship(waiting)
    ready = waiting.spawn("ready", "--wait", "30s", "--json")
    time.sleep(0.3)
    assert ready.running
    deployed.run("deploy", check=0)
    assert ready.finish(check=0).json()["ready"] is True


def test_wait_ends_with_4_when_none_comes(deployed):
    deployed.write(TWO, "CREATE TABLE two (id int);")
    start = time.monotonic()
    assert TWO in deployed.run("ready", "--wait", "900ms", check=4).out
    assert 0.5 < time.monotonic() - start < 10


def test_a_wait_that_is_no_duration(deployed):
    for wait in ("", "soon", "-1s", "5"):
        deployed.run("ready", "--wait", wait, check=2)


def test_wait_bridges_a_restart_of_the_server(make_pawl, make_cluster):
    cluster = make_cluster()
    database = cluster.create_database()
    pawl = make_pawl(database.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    cluster.stop()
    result = pawl.run("ready", check=9)
    assert result.out == ""
    assert pawl.run("ready", "--json", check=9).json()["error"]["code"] == "unreachable"
    waiting = pawl.spawn("ready", "--wait", "30s")
    time.sleep(0.3)
    assert waiting.running
    cluster.start()
    waiting.finish(check=0)


# ---- what cannot be read ----

def test_a_target_that_is_not_there(make_pawl, pg, tmp_path):
    pawl = make_pawl(pg.url.replace(pg.name, "no_such_database"))
    pawl.write(ONE, "CREATE TABLE one (id int);")
    assert "no_such_database" in pawl.run("ready", check=9).err
    pawl.config({"target.main": {"url": f"sqlite:{tmp_path}/no/such/folder/x.db"}})
    assert pawl.run("ready").code in (4, 9)


def test_a_pawl_sum_that_cannot_be_read(deployed):
    (deployed.migrations / "pawl.sum").write_text("pawl-sum 1 dialect=post\n")
    assert "pawl.sum" in deployed.run("ready", check=2).err


# ---- who asks ----

def test_a_user_who_may_only_read(make_pawl, pg):
    reader = pg.role("reader")
    if pg.cluster.major >= 14:
        pg.query(f"GRANT pg_read_all_data TO {reader}")
    else:
        pg.query(f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {reader};"
                 f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader};")
    pg.query(f"ALTER ROLE {reader} SET default_transaction_read_only = on")
    pawl = make_pawl(pg.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    pawl.run("--url", pg.url_as(reader), "ready", check=0)
    pawl.write(TWO, CONTRACT)
    pawl.write(THREE, VIEW.format(1))
    assert pawl.run("--url", pg.url_as(reader), "ready").code == 4
    before = ledger.whole_dump(pg)
    result = pawl.run("--url", pg.url_as(reader), "deploy", check=3)
    assert "read-only" in result.err and ledger.whole_dump(pg) == before


def test_the_application_on_every_path(make_pawl, pg, ship):
    """Also where one lookup is not enough, app_role may read what is needed."""
    app = pg.role("app")
    pawl = make_pawl()
    pawl.config({"target.main": {"url": pg.url, "app_role": app}})
    pawl.write(ONE, "CREATE TABLE one (id int);")
    contract = pawl.write(TWO, CONTRACT)
    pawl.write(THREE, VIEW.format(1))
    pawl.run("deploy", check=0)
    pawl.run("--url", pg.url_as(app), "ready", check=0)
    contract.unlink()
    ship(pawl)
    assert TWO in pawl.run("--url", pg.url_as(app), "ready", check=6).out


def test_a_standby_answers_for_what_it_has_replayed(make_pawl, make_cluster):
    primary, standby = make_cluster(), make_cluster()
    database = primary.create_database()
    pawl = make_pawl(database.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    standby.follow(primary)
    there = standby.url(database.name)
    pawl.run("--url", there, "ready", check=0)
    result = pawl.run("--url", there, "deploy", check=3)
    assert "standby" in result.err
    pawl.write(TWO, "CREATE TABLE two (id int);")
    waiting = pawl.spawn("--url", there, "ready", "--wait", "30s")
    assert pawl.run("--url", there, "ready").code == 4
    pawl.run("deploy", check=0)
    waiting.finish(check=0)
    pawl.run("--url", there, "status", check=0)


# ---- --deploying: is a deploy in progress? ----

SLOW = {"postgres": "SELECT pg_sleep(60);",
        "sqlite": "INSERT INTO one WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
                  " SELECT count(*) FROM c;"}
# So much that readers are kept out while it goes on.
LARGE = "INSERT INTO one WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c;"


def deploying(pawl, code):
    result = pawl.run("ready", "--deploying", check=code)
    assert result.out.startswith({0: "a deploy is in progress: ", 4: "no deploy is in progress"}[code])


def deploy_slowly(pawl, engine):
    """A deploy that is in the middle of a statement."""
    pawl.write(TWO, SLOW[engine.engine])
    process = pawl.spawn("deploy")
    wait_until(lambda: len(ledger.Journal(engine).of("begin")) == 2, "it has begun")
    return process


def test_whether_a_deploy_is_in_progress(deployed, engine):
    deploying(deployed, 4)
    process = deploy_slowly(deployed, engine)
    before = ledger.whole_dump(engine)
    deploying(deployed, 0)
    report = deployed.run("ready", "--deploying", "--json", check=0).json()
    assert report["deploying"] is True and report["ok"] is True
    assert ledger.whole_dump(engine) == before
    process.signal(signal.SIGTERM)
    process.finish(check=143)
    deploying(deployed, 4)
    report = deployed.run("ready", "--deploying", "--json", check=4).json()
    assert report["deploying"] is False and "error" not in report


def test_a_killed_deploy_is_in_progress_no_more(deployed, engine):
    process = deploy_slowly(deployed, engine)
    process.kill()
    if engine.engine == "postgres":
        engine.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE application_name = 'pawl' AND datname = current_database()")
    wait_until(lambda: deployed.run("ready", "--deploying").code == 4, "it is over")


def test_no_deploy_is_in_progress_where_none_ever_was(pawl, engine):
    deploying(pawl, 4)
    assert engine.tables() == [] and not ledger.exists(engine)


def test_a_deploy_that_has_not_begun_holds_the_mutex(pg, make_pawl):
    pawl = make_pawl(pg.url)
    with pg.connect() as other:
        other.execute("SELECT pg_advisory_lock(9174880829889271197)")
        deploying(pawl, 0)
    wait_until(lambda: pawl.run("ready", "--deploying").code == 4, "the lock is given back")


def test_the_mutex_of_another_database_is_not_ours(pg, cluster, make_pawl):
    other = cluster.create_database()
    with other.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(9174880829889271197)")
        deploying(make_pawl(pg.url), 4)
    other.drop()


def test_a_deploy_behind_a_pooler_is_seen_on_its_host(pg, bouncer, make_pawl):
    pawl = make_pawl(bouncer.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    process = deploy_slowly(pawl, pg)
    deploying(pawl, 0)
    process.signal(signal.SIGTERM)
    process.finish()
    wait_until(lambda: pawl.run("ready", "--deploying").code == 4, "it is over")


def test_a_role_that_may_not_read_the_details_sees_a_direct_deploy(pg, make_pawl):
    pawl = make_pawl(pg.url)
    role = pg.role("app")
    pawl.config({"target.main": {"url": pg.url, "app_role": role}})
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    app = make_pawl(pg.url_as(role), name="app")
    process = deploy_slowly(pawl, pg)
    deploying(app, 0)
    process.signal(signal.SIGTERM)
    process.finish(check=143)
    app.run("ready", "--deploying", check=9)


def test_a_large_migration_on_sqlite_keeps_readers_out(tmp_path, make_pawl):
    database = SqliteDatabase(tmp_path / "a.db")
    pawl = make_pawl(database.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    pawl.write(TWO, LARGE)
    process = pawl.spawn("deploy")
    wait_until(lambda: "locked" in pawl.run("ready", "--deploying").out, "readers are kept out")
    deploying(pawl, 0)
    process.signal(signal.SIGTERM)
    process.finish(check=143)
    deploying(pawl, 4)


def test_whether_a_deploy_is_in_progress_cannot_be_known(proxy, make_pawl):
    pawl = make_pawl(proxy.url)
    proxy.refuse()
    pawl.run("ready", "--deploying", check=9)
    assert "--wait" in pawl.run("ready", "--deploying", "--wait", "1s", check=2).err
