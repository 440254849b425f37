"""The recipes of docs/releases.md, run as the page has them. Those that take a JDK or Go are in clients.py."""

import pytest

from support.recipes import prove, recipe


@pytest.fixture
def database(cluster_tcp):
    database = cluster_tcp.create_database()
    yield database
    database.drop()


@pytest.mark.parametrize("name", ["python", "node"])
def test_the_recipe_works(name, make_pawl, database, tmp_path):
    prove(name, make_pawl(database.url), database, tmp_path)


def test_the_recipe_in_sql_works(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write("20250101090001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.run("run", "--release", "1", "--", "true", check=0)  # makes what hello takes
    lines = recipe("sql").splitlines()
    path = pawl.folder / "recipe.sql"

    def run(*statements):
        path.write_text("\n".join(statements))
        done = pg.psql(path)
        assert done.returncode == 0, done
        return done.stdout

    def instances():
        return [(one["release"], one["instance"], one["application"])
                for one in pawl.run("release", "--json", check=0).json()["instances"]]

    assert "ok" in run(*lines[:2])
    assert instances() == [("1.25", "web-1", "shop-1.25")]
    run(lines[2])
    assert instances() == []
