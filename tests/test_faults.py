"""Whatever goes wrong at whichever message between pawl and the server: a deploy that follows ends as if
nothing had been.

A fault happens while a proxy holds one message of a deploy back, or has just passed it on. The short
run takes a few messages of each kind, PAWL_TEST_FULL=1 (make test-faults) takes every one, or with
PAWL_TEST_EVERY=N each N-th.
"""

import os
import shutil
import signal
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Callable

import pytest
from support.disk import needs_root, small_disk
from support.ledger import Journal
from support.postgres import Cluster
from support.proxy import Proxy
from support.server import server_folder, wait_until
from support.stage import POSTGRES_HISTORY, Stage, check_whole, clean_run

FULL = os.environ.get("PAWL_TEST_FULL") == "1"
EVERY = int(os.environ.get("PAWL_TEST_EVERY") or 1)  # of a full run: each that many-th message
SHARDS = 4 if FULL else 1
SHORT_CASES = 2  # of each kind, sender and moment

# A stop is promised within about a second, and two more where the server does not confirm it; the limit
# leaves room for a busy machine.
STOP_S = 10

# Statements in transactions and outside, and rows in runs that show what ran twice.
HISTORY = {name: POSTGRES_HISTORY[name] for name in (
    "20250101000002_named_index", "20250101000004_mixed", "20250101000007_no_transaction",
    "20250101000009_data")}

# Between these messages the server's state does not change: a statement's parts arrive, or its answer's.
PARTS = {"client": "PBD", "server": "12nTS"}


@pytest.fixture
def stage(cluster, tmp_path):
    with closing(Stage(tmp_path, cluster, HISTORY)) as made:
        made.write_all()
        yield made


@pytest.fixture(scope="session")
def undisturbed(cluster, tmp_path_factory):
    """What a deploy makes, and the messages that it takes."""
    with closing(Stage(tmp_path_factory.mktemp("undisturbed"), cluster, HISTORY)) as made:
        return clean_run(made), messages_of(made)


@dataclass
class Case:
    """One deploy through a proxy that has come to its message."""

    stage: Stage
    database: object
    proxy: Proxy
    process: object

    def backends(self):
        return self.database.query("""
            SELECT pid FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            AND application_name <> 'pawl watcher'""")

    def end_backends(self):
        """Ends pawl's session; it hears of it when the proxy goes on."""
        for pid, in self.backends():
            self.database.query("SELECT pg_terminate_backend(%s)", pid)
        wait_until(lambda: not self.backends(), "pawl's backends end")
        self.proxy.resume()

    def crash_server(self):
        self.stage.cluster.restart(signal.SIGQUIT)
        self.proxy.resume()

    def delay(self):
        time.sleep(0.2)
        self.proxy.resume()

    def stop(self):
        """Nothing arrives any more on that connection, and pawl is told to stop."""
        sent = time.monotonic()
        self.process.signal(signal.SIGTERM)
        self.process.popen.wait(STOP_S)
        assert time.monotonic() - sent < STOP_S

    def kill(self):
        """It stands still, and then it is dead."""
        self.process.signal(signal.SIGSTOP)
        self.process.kill()


@dataclass(frozen=True)
class Fault:
    name: str
    codes: tuple                 # how pawl may end
    action: str = "silence"      # what the proxy does at the message
    do: Callable = None          # what happens while it is silent
    every_message: bool = False  # also at those between which nothing changes


LOST = (0, 1, 7, 9)

FAULTS = (
    Fault("cut", LOST, action="cut", every_message=True),
    Fault("cut, unknown to the server", LOST, action="cut_client"),
    Fault("delay", (0,), do=Case.delay),
    Fault("backend ended", LOST, do=Case.end_backends),
    Fault("frozen and SIGTERM", (0, 143), do=Case.stop),
    Fault("SIGSTOP and SIGKILL", (0, -signal.SIGKILL), do=Case.kill),
)
CRASH = Fault("server crash", LOST, do=Case.crash_server)


def messages_of(stage):
    """(sender, number among the sender's, type) of each message of a deploy from empty."""
    database = stage.fresh()
    with Proxy(stage.cluster, database.name) as proxy:
        assert stage.spawn(proxy.url).finish().code == 0
        seen = list(proxy.messages)
    stage.drop(database)
    numbers = {"client": 0, "server": 0}
    found = []
    for message in seen:
        if message.connection != 1:  # the watcher's, which comes when the machine is slow
            continue
        numbers[message.sender] += 1
        if message.type != "X":  # pawl has ended its work
            found.append((message.sender, numbers[message.sender], message.type))
    assert all(number > 300 for number in numbers.values()), numbers
    return found


def chosen(messages, fault, sender, shard, offset):
    """What the shard takes of them; offset: that the short runs of two kinds differ."""
    there = [message for message in messages if message[0] == sender
             and (fault.every_message or message[2] not in PARTS[sender])]
    if FULL:
        return there[offset % EVERY::EVERY][shard::SHARDS]
    stride = len(there) // SHORT_CASES
    return there[offset % stride::stride][:SHORT_CASES]


def reached(case):
    """Whether the message has come; a process that has ended sends none."""
    wait_until(lambda: case.proxy.fired.is_set() or not case.process.running, "the message comes")
    return case.proxy.fired.is_set()


def disturb(stage, fault, sender, number, deliver, where):
    """A deploy with that fault; the database after it, while the server may still be at work."""
    database = stage.fresh()
    with Proxy(stage.cluster, database.name) as proxy:
        proxy.at(fault.action, nth=number, sender=sender, connection=1, deliver=deliver)
        case = Case(stage, database, proxy, stage.spawn(proxy.url))
        assert reached(case), f"{where}\n{case.process.finish()}"
        if fault.do is not None:
            fault.do(case)
        result = case.process.finish()
    assert result.code in fault.codes, f"{where}\n{result}"
    return database


def check_converges(stage, database, clean, where):
    again = stage.deploy(database)
    assert again.code == 0, f"{where}\n{again}"
    buried = check_whole(database, clean, where).of("abandoned")
    assert len(buried) <= 1, f"{where}\n{Journal(database)}"


def go_through(stage, cases, undisturbed, fault, sender, deliver, shard, offset):
    clean, messages = undisturbed
    for _, number, kind in chosen(messages, fault, sender, shard, offset):
        where = f'{fault.name} at message {number} ("{kind}") from the {sender}, deliver={deliver}'
        database = disturb(stage, fault, sender, number, deliver, where)
        check_converges(stage, database, clean, where)
        cases[fault.name] += 1
        stage.drop(database)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("deliver", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_at_a_message(stage, cases, undisturbed, fault, sender, deliver, shard):
    offset = 7 * FAULTS.index(fault) + 3 * (sender == "server") + 5 * deliver
    go_through(stage, cases, undisturbed, fault, sender, deliver, shard, offset)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_server_crash_at_a_message(make_cluster, tmp_path, cases, undisturbed, shard):
    # With fsync off, a crash of the server alone loses nothing: the kernel has the pages.
    with closing(Stage(tmp_path, make_cluster(), HISTORY)) as stage:
        stage.write_all()
        go_through(stage, cases, undisturbed, CRASH, "client", True, shard, 11)
        go_through(stage, cases, undisturbed, CRASH, "server", False, shard, 12)


@needs_root
@pytest.mark.timeout(1800)
def test_server_with_a_full_disk(tmp_path, monkeypatch, cases, undisturbed):
    """However much room is left when the deploy begins: with more room the next one ends it."""
    folder = server_folder("disk")
    with small_disk(folder / "disk", "160m") as disk:
        monkeypatch.setenv("PAWL_SERVER_FOLDER", str(disk))
        with Cluster() as cluster, closing(Stage(tmp_path, cluster, HISTORY)) as stage:
            stage.write_all()
            codes = set()
            for room in range(0, 640 * 1024, (16 if FULL else 128) * 1024):
                database = stage.fresh()
                cluster.execute("CHECKPOINT")
                codes.add(deploy_with_room(stage, database, disk, room))
                check_converges(stage, database, undisturbed[0], f"{room} bytes free")
                cases["full disk"] += 1
                stage.drop(database)
            assert codes - {0}, codes
    shutil.rmtree(folder)


def deploy_with_room(stage, database, disk, room):
    """The exit code of a deploy when the disk has that many bytes left."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free - room, 1))
    try:
        return stage.deploy(database).code
    finally:
        ballast.unlink()
        if stage.cluster.process.poll() is not None:  # it could not even write its log
            stage.cluster.stop()
            stage.cluster.start()
