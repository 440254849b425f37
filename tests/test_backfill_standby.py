"""A backfill and those who follow the server: standbys, subscribers, and a role that may not see them."""

import pytest

from support import load
from support.server import wait_until
from test_backfill_throttle import ROWS, assert_done, assert_waits, checkout


@pytest.fixture
def pair(make_cluster):
    """A primary's database and its standby."""
    primary, standby = make_cluster(), make_cluster()
    database = primary.create_database()
    return database, standby


def test_it_waits_for_a_standby_that_does_not_replay(pair, make_pawl):
    database, standby = pair
    pawl = checkout(make_pawl, database, max_lag="500ms")
    standby.follow(database.cluster)
    standby.execute("SELECT pg_wal_replay_pause()")
    deploy = pawl.spawn("deploy")
    deploy.wait_for('standby "walreceiver" is ')
    deploy.wait_for(" behind, max_lag is 500ms")
    assert 0 < load.walked(database) < ROWS
    assert_waits(database)
    standby.execute("SELECT pg_wal_replay_resume()")
    deploy.finish(check=0)
    assert_done(database)


@pytest.mark.timeout(240)  # it waits for the delay again and again
def test_a_standby_that_replays_late_is_caught_up_with(pair, make_pawl):
    database, standby = pair
    pawl = checkout(make_pawl, database, max_lag="500ms")
    standby.settings["recovery_min_apply_delay"] = "2s"
    standby.follow(database.cluster)
    result = pawl.run("deploy", check=0)
    assert 'standby "walreceiver" is ' in result.err
    assert_done(database)


@pytest.mark.parametrize("max_lag", ["0", "1h"])
def test_who_does_not_mind_does_not_wait(pair, make_pawl, max_lag):
    database, standby = pair
    pawl = checkout(make_pawl, database, max_lag=max_lag)
    standby.follow(database.cluster)
    standby.execute("SELECT pg_wal_replay_pause()")
    assert "behind" not in pawl.run("deploy", check=0).err
    assert_done(database)


def test_a_standby_that_keeps_up_is_no_reason(pair, make_pawl):
    database, standby = pair
    pawl = checkout(make_pawl, database, max_lag="5s")
    standby.follow(database.cluster)
    assert "behind" not in pawl.run("deploy", check=0).err
    assert_done(database)


def test_it_waits_for_a_subscriber(make_cluster, make_pawl):
    publisher, subscriber = make_cluster(wal_level="logical"), make_cluster()
    database, copy = publisher.create_database(), subscriber.create_database()
    pawl = checkout(make_pawl, database, max_lag="100ms", rest="100")
    # Two looks at the server, a second apart, are within the backfill however fast the machine is.
    database.query("""
        CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql
          AS 'BEGIN PERFORM pg_sleep(0.005); RETURN NULL; END';
        CREATE TRIGGER slow AFTER UPDATE ON account FOR EACH STATEMENT EXECUTE FUNCTION take_a_while()""")
    database.query("CREATE PUBLICATION shop FOR TABLE account")
    copy.query("CREATE TABLE account (id bigint PRIMARY KEY, n integer, touched integer, note text)")
    copy.query(f"CREATE SUBSCRIPTION reports CONNECTION 'host={publisher.folder} port={publisher.port}"
               f" user=postgres dbname={database.name}' PUBLICATION shop WITH (copy_data = off)")
    streaming = "SELECT 1 FROM pg_stat_replication WHERE application_name = 'reports' AND state = 'streaming'"
    wait_until(lambda: database.query(streaming), "the subscriber follows")
    with copy.connect() as other:
        other.execute("BEGIN; LOCK TABLE account")
        deploy = pawl.spawn("deploy")
        deploy.wait_for('subscriber "reports" is ')
        assert_waits(database)
        other.execute("ROLLBACK")
    deploy.finish(check=0)
    assert_done(database)
    copy.query("DROP SUBSCRIPTION reports")


def test_a_role_that_may_not_see_standbys_is_told_once(pair, make_pawl):
    database, standby = pair
    role = database.role("deployer")
    pawl = checkout(make_pawl, database, role, max_lag="500ms")
    standby.follow(database.cluster)
    result = pawl.run("deploy", check=0)
    assert result.err.count("may not see how far standbys are behind") == 1
    assert_done(database)
