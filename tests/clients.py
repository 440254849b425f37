"""The recipes of docs/releases.md in languages that take hundreds of megabytes: `make test-clients`."""

import pytest

from support.recipes import prove


@pytest.fixture
def database(cluster_tcp):
    database = cluster_tcp.create_database()
    yield database
    database.drop()


@pytest.mark.parametrize("name", ["java", "go"])
def test_the_recipe_works(name, make_pawl, database, tmp_path):
    prove(name, make_pawl(database.url), database, tmp_path)
