"""A backfill of a table in use, killed again and again: each row exactly once, nobody's change lost."""

import pytest

from support import load

ROWS = 100_000
KILLS = 10


@pytest.mark.timeout(300)
def test_ten_kills_under_load(pg, make_pawl):
    pawl = make_pawl()
    # Small batches and long rests, so that there is time for ten kills.
    pawl.config({"backfill": {"batch_time": "500ms", "rest": 200}, "target.main": {"url": pg.url}})
    load.make_table(pg, ROWS)
    load.backfill(pawl, batch=100)
    with load.Load(pg, ROWS, rate=100) as users:
        last = load.deploy_killed(lambda: pawl.spawn("deploy"), pg, ROWS, KILLS)
        assert users.failed is None
    assert load.damage(pg, ROWS) == load.Damage(0, 0, 0), last
    # The chain is whole, every run but the last was found dead, and nothing is left to do.
    assert [event for event, in pg.query("SELECT event FROM pawl.journal ORDER BY seq")].count(
        "abandoned") == KILLS
    assert pawl.run("status", "--json", check=0).json()["ok"]
    pawl.run("deploy", check=0)
    assert load.damage(pg, ROWS) == load.Damage(0, 0, 0)
