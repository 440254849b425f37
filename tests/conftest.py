"""The fixtures of the test bench; what they give is described in tests/support."""

import signal
from collections import Counter
from contextlib import ExitStack, closing

import pytest

pytest.register_assert_rewrite("support")

from support.pawl import Pawl  # noqa: E402
from support.pgbouncer import Bouncer  # noqa: E402
from support.postgres import Cluster  # noqa: E402
from support.proxy import Proxy  # noqa: E402
from support.sqlite import SqliteDatabase  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--postgres-only", action="store_true", help="only the tests that use PostgreSQL")


def uses_postgres(item):
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return (parameters.get("engine") == "postgres"
            or bool({"cluster", "cluster_tcp", "make_cluster", "log_server"} & set(item.fixturenames)))


def pytest_collection_modifyitems(config, items):
    if config.getoption("--postgres-only"):
        others = [item for item in items if not uses_postgres(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if uses_postgres(item)]


def pytest_configure(config):
    # An ended run (CI's cancel button) takes its servers and folders with it, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A run in the background of a script, or under nohup, ignores these, and what ignores them hands
    # that down to every program that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def cases(record_property):
    """What a test counts the faults in that it made, by their kind: the run ends with their sums."""
    made = Counter()
    yield made
    record_property("cases", dict(made))


@pytest.fixture
def figures(record_property):
    """Takes a line of what a test has measured: the run ends with these lines."""
    return lambda line: record_property("figures", line)


def pytest_terminal_summary(terminalreporter):
    made = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                made.update(value if name == "cases" else {})
                if name == "figures" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(f"figures: {value}")
    if made:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(made.items()))
        terminalreporter.write_line(f"{made.total()} faults: {kinds}")


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL on a socket, one a worker, started when first asked for."""
    with Cluster() as server:
        yield server


@pytest.fixture(scope="session")
def cluster_tcp():
    """A PostgreSQL that also listens on 127.0.0.1 and asks for a password (scram-sha-256)."""
    with Cluster(tcp=True, password="s3cret word") as server:
        yield server


@pytest.fixture
def make_cluster():
    """Starts clusters of the test's own: for restarts, crashes and settings (wal_level="logical")."""
    with ExitStack() as clusters:
        yield lambda **options: clusters.enter_context(Cluster(**options))


@pytest.fixture
def pg(cluster):
    """A fresh database."""
    database = cluster.create_database()
    yield database
    database.drop()


@pytest.fixture
def bouncer(pg):
    """PgBouncer in transaction mode before that database: 3 server connections, 200 clients."""
    with Bouncer(pg) as server:
        yield server


@pytest.fixture
def proxy(pg):
    """A proxy before that database."""
    with Proxy(pg.cluster, pg.name) as network:
        yield network


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request, tmp_path):
    """A fresh database of each engine with url, engine, connect(), query(), tables() and dump()."""
    if request.param == "postgres":
        yield request.getfixturevalue("pg")
    else:
        yield SqliteDatabase(tmp_path / "database.db")


@pytest.fixture
def make_pawl(tmp_path):
    """Makes checkouts: make_pawl(url, name="other"). Programs that still run are ended."""
    with ExitStack() as made:
        yield lambda url=None, name="checkout": made.enter_context(
            closing(Pawl(tmp_path, url, name)))


@pytest.fixture
def pawl(make_pawl, engine):
    """A checkout whose target is `engine`: a test that asks for it runs on both."""
    return make_pawl(engine.url)
