"""pawl capture --log: statements out of the logs that a real server has written, and out of damaged ones."""

import os
import random
import subprocess
import sys
import time

import psycopg
import pytest
from support.postgres import Cluster

FORMS = {"csvlog": "server.csv", "jsonlog": "server.json", "stderr": "server.log"}
PREFIX = "%m [%p] %q%u@%d/%a "

# What a session does, with a secret in each value.
DONE = [
    "SELECT id\n\tFROM t -- the secret\n WHERE b = 'secret, \"quoted\"'",
    "SELECT id FROM t WHERE b = 'another secret' AND id IN (1, 2, 3)",
    "SELECT id FROM t WHERE b = 'another' AND id IN (7, 8)",
    "INSERT INTO t VALUES (4711, 'secret'), (4712, E'it\\'s a secret')",
    "SELECT extract(year FROM at) FROM (SELECT timestamp '2020-01-01' + interval '1 day' AS at) x",
    "SELECT b, count(*) FROM t GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
    "SELECT date_trunc('day', now()), count(*) FROM t GROUP BY date_trunc('day', now())",
    "SELECT b::varchar(3) FROM t WHERE id = -4711 AND id < 99999999999 AND id > 1.5",
    "SELECT 1 FROM pg_catalog.pg_class",
    "CREATE TEMP TABLE other (id int)",
    "BEGIN; UPDATE t SET b = 'secret' WHERE id = 4711; COMMIT",
]

TEXTS = {
    "SELECT id\n\tFROM t -- the secret\n WHERE b = $1",
    "SELECT id FROM t WHERE b = $1 AND id IN (($2::integer), ($3::integer), ($4::integer))",
    "INSERT INTO t VALUES (($1::integer), $2), (($3::integer), $4)",
    "SELECT extract(year FROM at) FROM (SELECT CAST($1 AS timestamp ) + CAST($2 AS interval ) AS at) x",
    "SELECT b, count(*) FROM t GROUP BY 1 ORDER BY 2 DESC LIMIT ($1::integer)",
    "SELECT date_trunc($1, now()), count(*) FROM t GROUP BY date_trunc($1, now())",
    "SELECT b::varchar(3) FROM t WHERE id = ($1::integer) AND id < ($2::bigint) AND id > ($3::numeric)",
    "UPDATE t SET b = $1 WHERE id = ($2::integer)",
    "SELECT b FROM t WHERE id = $1",
}


def session(cluster, name, user, application, statements):
    url = cluster.url(name, user=user)
    with psycopg.connect(url, autocommit=True, application_name=application) as connection:
        for text in statements:
            connection.execute(text)


@pytest.fixture(scope="module")
def log_server():
    """A server that logs all, in each form that it has, and the database in which things were done."""
    destinations = ["csvlog", "stderr"]
    cluster = Cluster(log_statement="all", log_min_duration_statement="0", logging_collector="on",
                      log_filename="server.log", log_line_prefix=PREFIX)
    try:
        if cluster.major >= 15:
            destinations.append("jsonlog")
        cluster.settings["log_destination"] = ",".join(destinations)
        cluster.restart()
        pg = cluster.create_database()
        cluster.execute("CREATE ROLE shop LOGIN")
        with pg.connect() as connection:
            connection.execute("CREATE TABLE t (id int, b text); GRANT ALL ON t TO shop")
        session(cluster, pg.name, "shop", "shop 1.0", DONE)
        with psycopg.connect(cluster.url(pg.name, user="shop"), autocommit=True,
                             application_name="shop 1.0") as connection:
            for number in range(3):
                connection.execute("SELECT b FROM t WHERE id = %s", [number], prepare=True)
        session(cluster, pg.name, "postgres", "shop 1.0", ["SELECT 'of the other role' FROM t"])
        session(cluster, pg.name, "shop", "psql", ["SELECT 'of the other application' FROM t"])
        session(cluster, "postgres", "shop", "shop 1.0", ["SELECT 'of the other database'"])
        cluster.stop()
        yield cluster, pg
    finally:
        cluster.close()


def log_of(server, form):
    if form == "jsonlog" and server[0].major < 15:
        pytest.skip("jsonlog is there from PostgreSQL 15 on")
    return server[0].data / "log" / FORMS[form]


def texts(pawl, release="1.0"):
    text = (pawl.folder / "queries" / release / "logged.sql").read_text()
    assert text.endswith("\n;\n\n")
    return text[:-len("\n;\n\n")].split("\n;\n\n")


@pytest.fixture
def capture(make_pawl):
    pawl = make_pawl(None)

    def run(*arguments, check=0):
        result = pawl.run("capture", "--release", "1.0", "--json", *arguments, check=check)
        return result.json()

    run.pawl = pawl
    run.texts = lambda: texts(pawl)
    return run


WHO = ["--user", "shop", "--application-name", "shop 1.0"]


@pytest.mark.parametrize("form", FORMS)
def test_a_log_of_a_server(log_server, capture, form):
    log = log_of(log_server, form)
    who = WHO + ["--database", log_server[1].name]
    prefix = ["--log-line-prefix", PREFIX] if form == "stderr" else []
    answer = capture("--log", str(log), *who, *prefix)
    assert set(capture.texts()) == TEXTS and capture.texts() == sorted(TEXTS)
    assert answer["statements"] == len(TEXTS)
    assert answer["unread_lines"] == answer["unread_statements"] == 0 < answer["lines"]
    assert answer["file"].endswith("queries/1.0/logged.sql")
    capture("--log", str(log))
    everything = set(capture.texts())
    assert everything > TEXTS and {"SELECT $1 FROM t", "SELECT $1"} <= everything


def test_each_form_says_the_same(log_server, capture):
    said = []
    for form in FORMS:
        if form != "jsonlog" or log_server[0].major >= 15:
            capture("--log", str(log_of(log_server, form)))
            said.append(capture.texts())
    assert len(said) >= 2 and all(one == said[0] for one in said)
    arguments = [word for form in ("csvlog", "stderr") for word in ("--log", str(log_of(log_server, form)))]
    capture(*arguments)
    assert capture.texts() == said[0]


def test_what_was_captured_can_be_judged(log_server, capture, pg):
    capture("--log", str(log_of(log_server, "csvlog")), *WHO, "--database", log_server[1].name)
    capture.pawl.config({"target.main": {"url": pg.url}})
    capture.pawl.write("20250101000000_t", "CREATE TABLE t (id int, b text);")
    capture.pawl.run("deploy", check=0)
    answer = capture.pawl.run("compat", "--on", "target", "--json", check=0).json()
    assert answer["judged"] == answer["statements"] == len(TEXTS) and answer["verdicts"] == []


def test_standard_input(log_server, capture):
    capture.pawl.folder.joinpath("log").write_bytes(log_of(log_server, "csvlog").read_bytes())
    capture("--log", "log")
    expected = capture.texts()
    run = subprocess.run(["sh", "-c", 'cat log | "$PAWL_BIN" capture --release 1.0 --log -'],
                         cwd=capture.pawl.folder, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and capture.texts() == expected, run


def test_a_text_log_does_not_say_who(log_server, capture):
    error = capture("--log", str(log_of(log_server, "stderr")), *WHO, check=2)["error"]
    assert "does not say whose" in error["message"] and "--log-line-prefix" in error["hint"]
    for prefix, why in (("%u%d", "nothing behind"), ("%y", "no letter"), ("%", "no letter")):
        answer = capture("--log", str(log_of(log_server, "stderr")), "--log-line-prefix", prefix, check=2)
        assert why in answer["error"]["message"]


# ---- what a disk leaves of a log ----

def damaged(text, at):
    """Half a record in front, one torn in the middle, bytes that are none, a hole, half a line at the end."""
    lines = text.splitlines(keepends=True)
    hole = b"\0" * 4096 + b"\n"
    torn = lines[at][:len(lines[at]) // 2] + b"\n"
    return (lines[0][len(lines[0]) // 2:] + b"".join(lines[1:at]) + torn + b"\xff\xfe garbage \"\n" + hole
            + b"".join(lines[at + 1:-1]) + lines[-1][:len(lines[-1]) // 3])


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_log(log_server, capture, tmp_path, form):
    text = log_of(log_server, form).read_bytes()
    lines = text.splitlines(keepends=True)
    # A line that is a record of its own and says nothing of a statement.
    of_statements = (b"statement", b"execute", b"parse", b"bind")
    at = next(number for number, line in enumerate(lines[5:], 5)
              if b"duration" in line and not any(word in line for word in of_statements))
    log = tmp_path / "damaged"
    log.write_bytes(damaged(text, at))
    answer = capture("--log", str(log))
    assert set(capture.texts()) >= TEXTS
    assert 3 <= answer["unread_lines"] <= 8, answer
    result = capture.pawl.run("capture", "--release", "1.0", "--log", str(log), check=0)
    assert f"{answer['unread_lines']} of {answer['lines']} lines could not be read" in result.err


@pytest.mark.parametrize("form", FORMS)
def test_any_bytes_are_survived(log_server, capture, tmp_path, form):
    text = log_of(log_server, form).read_bytes()
    chance = random.Random(form)
    for _ in range(6):
        bytes_ = bytearray(text)
        for _ in range(len(bytes_) // 200):
            bytes_[chance.randrange(len(bytes_))] = chance.randrange(256)
        log = tmp_path / "log"
        log.write_bytes(bytes_[chance.randrange(1000):chance.randrange(len(bytes_) // 2, len(bytes_))])
        result = capture.pawl.run("capture", "--release", "1.0", "--log", str(log))
        assert result.code in (0, 3), result


def test_a_record_too_long(log_server, capture, tmp_path):
    text = log_of(log_server, "csvlog").read_bytes()
    record = next(line for line in text.splitlines(keepends=True) if b"count(*)" in line)
    log = tmp_path / "log"
    with open(log, "wb") as file:
        file.write(text)
        file.write(record.replace(b"count(*)", b"count(*), '" + b"x" * (5 << 20) + b"'"))
        file.write(b"y" * (9 << 20) + b"\n")
        file.write(record)
    answer = capture("--log", str(log))
    assert answer["unread_lines"] == 2 and set(capture.texts()) >= TEXTS


def test_a_line_in_a_statement_that_looks_like_a_record(log_server, capture, tmp_path):
    fake = '2026-01-01 00:00:00.000 UTC,"shop","d",1,,,,,,,,LOG,00000,"statement: SELECT forged FROM t"'
    text = log_of(log_server, "csvlog").read_text()
    record = next(line for line in text.splitlines(keepends=True) if "count(*)" in line)
    log = tmp_path / "log"
    log.write_text(record.replace("count(*)", "count(*), '\n" + fake.replace('"', '""') + "\n'"))
    answer = capture("--log", str(log))
    assert answer["unread_lines"] == 0 and not any("forged" in text for text in capture.texts())


def test_a_large_log_takes_little_memory(log_server, capture, tmp_path, figures):
    text = log_of(log_server, "csvlog").read_bytes()
    log = tmp_path / "log"
    with open(log, "wb") as file:
        while file.tell() < 100 << 20:
            file.write(text)
    started = time.monotonic()
    arguments = ["capture", "--quiet", "--release", "1.0", "--log", str(log)]
    # A process begins with the peak of the one that started it: of a small one, not of this.
    peak = ("import os, subprocess, sys\n"
            "run = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
            "_, status, usage = os.wait4(run.pid, 0)\n"
            "print(usage.ru_maxrss)\n"
            "sys.exit(os.waitstatus_to_exitcode(status))")
    run = subprocess.run([sys.executable, "-c", peak, os.environ["PAWL_BIN"], *arguments],
                         cwd=capture.pawl.folder, stdout=subprocess.PIPE, text=True,
                         env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"})
    peak_mb = int(run.stdout) >> 10
    assert run.returncode == 0 and peak_mb < 80
    seconds = time.monotonic() - started
    figures(f"capture --log: 100 MB in {seconds:.1f} s, {peak_mb} MB of memory")


# ---- the line ----

def test_nothing_to_write(capture, tmp_path):
    log = tmp_path / "log"
    log.write_text("2026-01-01 00:00:00.000 UTC [1] LOG:  database system is ready\n")
    error = capture("--log", str(log), check=3)["error"]
    assert "no such statements" in error["message"] and "log_statement" in error["hint"]
    assert not (capture.pawl.folder / "queries").exists()


def test_files_that_cannot_be_read(capture, tmp_path):
    assert "cannot read" in capture("--log", "nowhere", check=2)["error"]["message"]
    assert "cannot read" in capture("--log", str(tmp_path), check=2)["error"]["message"]
    assert "goes with --log" in capture("--user", "x", check=2)["error"]["message"]
