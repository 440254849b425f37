"""The gate: signed verdicts, what they are bound to, and deploys that demand them."""

import base64
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys

import psycopg
import pytest

from support import ledger
from support.ledger import version

A, B, C = (f"{version(number)}_{name}" for number, name in ((1, "a"), (2, "b"), (3, "c")))
OLD = "CREATE TABLE users (id int, name text);"
RED = "-- pawl: phase=expand allow=drop-column reason=\"read by nobody\"\nALTER TABLE users DROP COLUMN name;"


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout


def make_key(folder, name="ci", algorithm="ed25519"):
    """NAME.pem and NAME.pub as docs/gate.md makes them."""
    openssl("genpkey", "-algorithm", algorithm, "-out", folder / f"{name}.pem")
    openssl("pkey", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.pub")


def configure(pawl, url, require="check", **more):
    pawl.config({"gate": {"require": require, "public_key": "ci.pub", **more.pop("gate", {})},
                 "deploy": {"preflight": "off"}, "check": {"shadow": "target"}, **more,
                 "target.main": {"url": url}})


@pytest.fixture
def gated(pawl, engine):
    """A checkout with a migration to run, whose deploys demand a check."""
    make_key(pawl.folder)
    configure(pawl, engine.url)
    pawl.write(A, OLD)
    return pawl


def attestations(pawl):
    return sorted((pawl.folder / "attestations").glob("*.json"))


def payload(path):
    return json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))


def attest(pawl, *command, code=0, key="ci.pem"):
    """Runs the command, and returns the file that it wrote."""
    before = set(attestations(pawl))
    pawl.run(*command, "--attest", key, check=code)
    new, = set(attestations(pawl)) - before
    return new


def refused(pawl, *arguments):
    """What the gate says is missing."""
    answer = pawl.run("deploy", "--json", *arguments, check=3).json()
    assert answer["error"]["message"].startswith("the gate is closed")
    assert answer["error"]["state"] == "Nothing was changed."
    return [finding["what"] for finding in answer["findings"] if finding["rule"] == "gate"]


def sign(path, key, text, kind="application/vnd.pawl.verdict+json"):
    """An envelope as anybody with the key can write it, with openssl alone."""
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(text), text)
    path.with_suffix(".bytes").write_bytes(signed)
    signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", path.with_suffix(".bytes"))
    der = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    key_id = hashlib.sha256(der).hexdigest()
    path.write_text(json.dumps({"payload": base64.b64encode(text).decode(), "payloadType": kind,
                                "signatures": [{"keyid": key_id,
                                                "sig": base64.b64encode(signature).decode()}]}))
    return path


def rewrite(path, key, **changes):
    """The same attestation with other facts, signed again."""
    facts = {**payload(path), **changes}
    kept = {name: value for name, value in facts.items() if value is not None}
    return sign(path, key, json.dumps(kept, sort_keys=True, separators=(",", ":")).encode())


def ago(seconds):
    made = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return made.strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- what passes ----

def test_a_deploy_demands_the_verdict(gated, engine):
    assert refused(gated) == ["check is not attested: there is nothing about it"]
    assert not ledger.exists(engine) and "users" not in engine.tables()
    attest(gated, "check")
    gated.run("deploy", check=0)
    assert ledger.applied(engine) == [A]


def test_nothing_is_demanded_where_nothing_is_pending(gated):
    attest(gated, "check")
    gated.run("deploy", check=0)
    attestations(gated)[0].unlink()
    gated.run("deploy", "--release", "1", check=0)


def test_openssl_verifies_what_pawl_signs(gated, tmp_path):
    envelope = json.loads(attest(gated, "check").read_text())
    text = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"]
    signed, signature = tmp_path / "signed", tmp_path / "signature"
    signed.write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(text), text))
    signature.write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", gated.folder / "ci.pub",
            "-sigfile", signature, "-in", signed)


def test_what_openssl_signs_passes(gated):
    rewrite(attest(gated, "check"), gated.folder / "ci.pem", about={"by": "hand"})
    gated.run("deploy", check=0)


def test_the_key_may_come_as_text(gated):
    pem = (gated.folder / "ci.pem").read_text()
    shown = gated.run("check", "-v", env={"PAWL_ATTEST_KEY": pem}, check=0)
    assert pem.splitlines()[1] not in shown.out + shown.err
    gated.run("deploy", check=0)


def test_keys_are_changed_one_after_the_other(gated):
    """Both public keys stand in the file while verdicts of the old one are around."""
    attest(gated, "check")
    make_key(gated.folder, "next")
    public = gated.folder / "ci.pub"
    public.write_text((gated.folder / "next.pub").read_text() + "# the old one\n" + public.read_text())
    gated.run("deploy", check=0)
    gated.write(B, "CREATE TABLE b (id int);")
    attest(gated, "check", key="next.pem")
    gated.run("deploy", check=0)
    public.write_text((gated.folder / "next.pub").read_text())
    gated.write(C, "CREATE TABLE c (id int);")
    attest(gated, "check")
    what, = refused(gated)
    assert re.search(r'"check-.*\.json" is signed with an unknown key: [0-9a-f]{64}$', what)


# ---- what does not fit ----

def tamper_byte(pawl):
    path = pawl.migrations / f"{A}.sql"
    path.write_text(path.read_text() + " ")
    return f"{A}.sql"


def tamper_comment(pawl):
    pawl.write(A, "-- pawl: lock_timeout=9s\n" + OLD)
    return f"{A}.sql"


def tamper_names(pawl):
    (pawl.migrations / f"{A}.sql").rename(pawl.migrations / f"{version(4)}_a.sql")
    return f"{A}.sql"


def tamper_extra(pawl):
    (pawl.migrations / "hook.sh").write_text("echo")
    return "hook.sh"


def tamper_sum(pawl):
    pawl.run("sum", check=0)
    return "pawl.sum"


@pytest.mark.parametrize("tamper", [tamper_byte, tamper_comment, tamper_names, tamper_extra, tamper_sum])
def test_every_byte_of_every_file_counts(gated, engine, tamper):
    attest(gated, "check")
    path = tamper(gated)
    what, = refused(gated)
    assert f'is about other files: "{path}"' in what
    assert not ledger.exists(engine)


def test_contents_cannot_change_places(gated):
    gated.write(B, "CREATE TABLE b (id int);")
    attest(gated, "check")
    gated.write(B, OLD)
    gated.write(A, "CREATE TABLE b (id int);")
    assert f'is about other files: "{A}.sql" and 1 more differ' in refused(gated)[0]


def test_a_symbolic_link_counts_as_what_it_leads_to(gated):
    outside = gated.folder / "outside.sql"
    path = gated.migrations / f"{A}.sql"
    outside.write_text(path.read_text())
    attest(gated, "check")
    path.unlink()
    path.symlink_to(outside)
    gated.run("deploy", "--dry-run", check=0)
    outside.write_text("CREATE TABLE other (id int);")
    assert f'"{A}.sql" differs' in refused(gated)[0]


def test_what_is_no_file_is_not_attested(gated):
    os.mkfifo(gated.migrations / "pipe")
    result = gated.run("check", "--attest", "ci.pem", check=2)
    assert "not a regular file" in result.err and not attestations(gated)


@pytest.mark.parametrize("require", ["check", "check, rehearse"])
def test_another_start_is_not_passed(gated, engine, make_pawl, require):
    """A target with something else applied: only what has met a target knows it."""
    configure(gated, engine.url, require)
    attest(gated, "check")
    attest(gated, "rehearse")
    other = make_pawl(engine.url, name="other")
    other.write("20240101000000_other", "CREATE TABLE other (id int);")
    other.run("deploy", check=0)
    gated.config((gated.folder / "pawl.conf").read_text() + "[pawl]\nmissing = allow\n")
    if require == "check":
        gated.run("deploy", check=0)
    else:
        assert "started from another set of applied migrations" in refused(gated)[0]


@pytest.mark.parametrize("seconds, why", [(3700, "too long ago"), (-900, "which is still to come")])
def test_an_old_verdict_and_one_of_tomorrow(gated, engine, seconds, why):
    configure(gated, engine.url, gate={"max_age": "1h"})
    path = attest(gated, "check")
    rewrite(path, gated.folder / "ci.pem", made_at=ago(seconds))
    assert why in refused(gated)[0]


@pytest.mark.parametrize("seconds", [3500, -200])
def test_clocks_may_differ_by_a_few_minutes(gated, engine, seconds):
    configure(gated, engine.url, gate={"max_age": "1h"})
    rewrite(attest(gated, "check"), gated.folder / "ci.pem", made_at=ago(seconds))
    gated.run("deploy", check=0)


def test_flaky_is_not_passed(gated):
    """A verdict that passes does not undo one that failed for the same files."""
    attest(gated, "check")
    failed = attest(gated, "check")
    rewrite(failed, gated.folder / "ci.pem", verdict="failed", why="one test of 300")
    attest(gated, "check")
    assert refused(gated) == [f'check is not attested: "{failed.name}" did not pass: one test of 300']
    failed.unlink()
    gated.run("deploy", check=0)


def test_skipped_is_not_passed(gated):
    skipped = rewrite(attest(gated, "check"), gated.folder / "ci.pem", verdict="skipped", why="no server")
    assert refused(gated) == [f'check is not attested: "{skipped.name}" was skipped: no server']
    attest(gated, "check")
    gated.run("deploy", check=0)


def test_what_fails_and_what_cannot_be_asked_is_written_down(gated, engine):
    gated.write(B, "-- pawl: phse=expand\nCREATE TABLE b (id int);")
    failed = payload(attest(gated, "check", code=3))
    assert failed["verdict"] == "failed" and failed["about"]["errors"] == 1 and failed["why"]
    gated.write(B, "CREATE TABLE b (id int);")
    gated.env["PAWL_SHADOW"] = "postgres://127.0.0.1:1/none"
    if engine.engine == "postgres":
        skipped = payload(attest(gated, "rehearse", code=9))
        assert skipped["verdict"] == "skipped" and skipped["why"]


def test_a_rest_of_the_set_was_proven_with_the_whole(gated, engine):
    """What was applied since then was to run then: a deploy that stopped half-way goes on."""
    configure(gated, engine.url, "check, rehearse")
    gated.write(B, "CREATE TABLE b (id int);")
    gated.write(C, "CREATE TABLE c (id int);")
    attest(gated, "check")
    rehearsed = attest(gated, "rehearse")
    gated.run("deploy", "--to", B, check=0)
    gated.run("deploy", check=0)
    assert ledger.applied(engine) == [A, B, C]
    assert payload(rehearsed)["pending"] == [A, B, C]


def test_a_part_does_not_stand_for_the_whole(gated, engine):
    configure(gated, engine.url, "rehearse")
    gated.write(B, "CREATE TABLE b (id int);")
    attest(gated, "rehearse", "--to", A)
    assert f'was made without "{B}"' in refused(gated)[0]
    gated.run("deploy", "--to", A, check=0)


# ---- the old release ----

SUITE = """
import os
import psycopg

def test_users_have_names():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("SELECT id, name FROM users").fetchall()
"""


def hello(database, release):
    with psycopg.connect(database.url, autocommit=True, application_name="app") as connection:
        connection.execute("SELECT pawl.hello(%s, 'i', '1 minute')", (release,))


@pytest.fixture
def served(make_pawl, pg):
    """Release 1 is deployed and lives; its tests and its statements are at hand."""
    pawl = make_pawl()
    make_key(pawl.folder)
    pawl.write(A, OLD)
    pawl.database = pg
    configure(pawl, pg.url, "")
    pawl.run("deploy", check=0)
    pawl.run("release", "start", "1", check=0)
    hello(pg, "1")
    suite = pawl.folder / "base" / "test_users.py"
    suite.parent.mkdir()
    suite.write_text(SUITE)
    queries = pawl.folder / "queries" / "1" / "users.sql"
    queries.parent.mkdir(parents=True)
    queries.write_text("SELECT id, name FROM users;\n")
    configure(pawl, pg.url, "tests")
    return pawl


PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "base"]
PSQL = ["psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", "SELECT id, name FROM users"]


def run_tests(pawl, *arguments, code, program=PSQL):
    """Tests of the old release, in a copy of the schema that is to come."""
    return attest_behind(pawl, ["compat", "--tests", *arguments], program, code)


def attest_behind(pawl, command, program, code):
    before = set(attestations(pawl))
    pawl.run(*command, "--attest", "ci.pem", "--", *program, check=code)
    new, = set(attestations(pawl)) - before
    return new


def test_red_tests_of_the_base_branch_stop_the_deploy(served):
    """The tests of what runs are red on the schema to come: nobody has to look at them for that."""
    served.write(B, RED)
    red = run_tests(served, "--release", "1", program=PYTEST, code=3)
    assert payload(red)["verdict"] == "failed" and payload(red)["releases"] == ["1"]
    what, = refused(served, "--release", "2")
    assert what.startswith(f'tests for release "1" is not attested: "{red.name}" did not pass: ')
    assert served.database.query("SELECT name FROM users") == []
    reason = "the column is read by a test alone, checked by Ann"
    served.run("deploy", "--release", "2", "--override", "gate", "--reason", reason, check=0)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        served.database.query("SELECT name FROM users")
    begin = [row for row in ledger.rows(served.database) if row.event == "begin"][-1]
    assert begin.facts["gate"] == [what] and begin.facts["reason"] == reason
    assert reason in served.run("status", check=0).out


def test_green_tests_let_it_through(served):
    served.write(B, "ALTER TABLE users ADD COLUMN email text;")
    green = run_tests(served, "--release", "1", program=PYTEST, code=0)
    assert payload(green)["verdict"] == "passed"
    assert payload(green)["about"]["command"][-1] == "base"
    served.run("deploy", "--release", "2", check=0)


def test_each_live_release_has_to_pass(served):
    """The one that is deployed is left out, however many of it run already."""
    served.write(B, "ALTER TABLE users ADD COLUMN email text;")
    served.write(C, "ALTER TABLE users ADD COLUMN phone text;")
    run_tests(served, "--release", "1", code=0)
    hello(served.database, "1.5")
    hello(served.database, "2")
    assert refused(served, "--release", "2") == [
        'tests for release "1.5" is not attested: there is nothing about it']
    run_tests(served, "--release", "1.5", code=0)
    served.run("deploy", "--release", "2", check=0)


def test_tests_of_nobody_in_particular_count_where_nobody_lives_by_name(served):
    served.write(B, "ALTER TABLE users ADD COLUMN email text;")
    run_tests(served, code=0)
    assert refused(served, "--release", "2") == [
        'tests for release "1" is not attested: there is nothing about it']
    served.run("release", "retire", "1", "--reason", "it is off", check=0)
    served.run("deploy", "--release", "2", check=0)


@pytest.mark.parametrize("release", [(), ("--release", "1")])
def test_statements_of_the_old_release(served, release):
    configure(served, served.database.url, "compat")
    served.write(B, RED)
    red = attest(served, "compat", *release, code=3)
    assert payload(red)["releases"] == ["1"] and payload(red)["about"]["errors"] == 1
    assert "did not pass" in refused(served)[0]
    served.write(B, "ALTER TABLE users ADD COLUMN email text;")
    attest(served, "compat", *release)
    served.run("deploy", check=0)


def test_statements_that_cannot_be_judged_are_no_verdict(served):
    configure(served, served.database.url, "compat")
    (served.folder / "queries/1/users.sql").write_text("SELECT nothing FROM nowhere;\n")
    served.write(B, "ALTER TABLE users ADD COLUMN email text;")
    assert payload(attest(served, "compat"))["verdict"] == "skipped"
    assert "was skipped: no statement could be judged" in refused(served)[0]


def test_a_held_contract_step_needs_no_verdict_of_old_code(served):
    """It runs when all who live carry it; what is held is no part of the tests either."""
    served.write(B, "ALTER TABLE users ADD COLUMN email text;")
    served.write(C, "-- pawl: phase=contract\nALTER TABLE users DROP COLUMN name;")
    run_tests(served, "--release", "1", code=0)
    served.run("deploy", "--release", "2", check=0)
    assert ledger.applied(served.database) == [A, B]
    served.run("release", "retire", "1", "--reason", "it is off", check=0)
    served.run("deploy", "--release", "2", check=0)
    assert ledger.applied(served.database) == [A, B, C]


def test_tests_with_a_contract_step_in_place_are_of_another_schema(served):
    """Made where nobody lives, as in CI; --phase expand makes the one that fits."""
    served.write(B, "ALTER TABLE users ADD COLUMN email text;")
    served.write(C, "-- pawl: phase=contract\nALTER TABLE users DROP COLUMN email;")
    served.run("release", "retire", "1", "--reason", "it is off", check=0)
    run_tests(served, "--release", "1", code=0)
    hello(served.database, "1")
    assert f'was made with "{C}" in place, which does not run now' in refused(served, "--release", "2")[0]
    run_tests(served, "--release", "1", "--phase", "expand", code=0)
    served.run("deploy", "--release", "2", check=0)


def test_nothing_lives_on_an_empty_database(make_pawl, pg):
    pawl = make_pawl()
    make_key(pawl.folder)
    configure(pawl, pg.url, "compat, tests")
    pawl.write(A, OLD)
    pawl.run("deploy", check=0)


# ---- attacks ----

def test_one_changed_byte_breaks_the_signature(gated):
    path = attest(gated, "check")
    envelope = json.loads(path.read_text())
    text = base64.b64decode(envelope["payload"])
    envelope["payload"] = base64.b64encode(text.replace(b'"errors":0', b'"errors":1')).decode()
    path.write_text(json.dumps(envelope))
    assert refused(gated) == [f'check is not attested: "{path.name}" was changed after it was signed']


def test_a_signature_of_another_type_is_none(gated):
    """The same bytes signed as something else."""
    path = attest(gated, "check")
    text = base64.b64decode(json.loads(path.read_text())["payload"])
    sign(path, gated.folder / "ci.pem", text, kind="application/other")
    envelope = json.loads(path.read_text())
    assert "payload is of another type" in refused(gated)[0]
    path.write_text(json.dumps({**envelope, "payloadType": "application/vnd.pawl.verdict+json"}))
    assert "was changed after it was signed" in refused(gated)[0]


BROKEN = {
    "empty": b"", "half": None, "no object": b"[]", "deep": b"[" * 100000,
    "not UTF-8": b'{"payload": "\xff"}', "duplicate": b'{"payload": "", "payload": ""}',
    "no base64": b'{"payloadType": "application/vnd.pawl.verdict+json", "payload": "%%%%"}',
    "no payload": b'{"payloadType": "application/vnd.pawl.verdict+json", "payload": ""}',
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_attestation_counts_as_none(gated, name):
    path = attest(gated, "check")
    text = path.read_bytes()
    path.write_bytes(text[:len(text) // 2] if BROKEN[name] is None else BROKEN[name])
    what, = refused(gated)
    assert what.startswith("check is not attested: there is nothing about it (1 cannot be read: "
                           f'"{path.name}": ')
    path.with_name("whole.json").write_bytes(text)
    gated.run("deploy", check=0)


@pytest.mark.parametrize("change", [{"format": 2}, {"kind": "other"}, {"verdict": "fine"}, {"files": []},
                                    {"files": {"a": "00"}}, {"made_at": "today"}, {"pending": [1]},
                                    {"releases": None}, {"set": None}])
def test_a_signed_text_that_says_something_else(gated, change):
    rewrite(attest(gated, "check"), gated.folder / "ci.pem", **change)
    assert "it is no attestation" in refused(gated)[0]


def test_duplicate_keys_in_what_is_signed(gated):
    path = attest(gated, "check")
    text = base64.b64decode(json.loads(path.read_text())["payload"])
    sign(path, gated.folder / "ci.pem", text.replace(b"{", b'{"verdict":"passed",', 1))
    assert "duplicate object key" in refused(gated)[0]


def test_a_huge_attestation_is_not_read(gated):
    path = attest(gated, "check")
    with open(path, "r+b") as file:
        file.truncate(1 << 30)
    assert "is larger than" in refused(gated)[0]


def test_a_link_to_a_device_and_a_pipe_are_not_read(gated):
    folder = gated.folder / "attestations"
    folder.mkdir()
    (folder / "zero.json").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.json")
    assert "(2 cannot be read: " in refused(gated)[0]


@pytest.mark.parametrize("name, code, text", [
    ("ci.pub", 2, "holds no private key"), ("rsa.pem", 2, "is not an Ed25519 key"),
    ("locked.pem", 2, "without a passphrase"), ("none.pem", 2, "cannot read"),
    ("pawl.conf", 2, "holds no private key"), ("", 2, "--attest names no key"),
])
def test_keys_to_sign_with(gated, name, code, text):
    openssl("genpkey", "-algorithm", "RSA", "-out", gated.folder / "rsa.pem")
    openssl("pkey", "-in", gated.folder / "ci.pem", "-aes128", "-passout", "pass:x", "-out",
            gated.folder / "locked.pem")
    result = gated.run("check", f"--attest={name}", check=code)
    assert text in result.err and not attestations(gated)


@pytest.mark.parametrize("make, text", [
    (lambda folder: (folder / "ci.pem").read_text(), "holds a private key"),
    (lambda folder: (folder / "rsa.pub").read_text(), "is not an Ed25519 key"),
    (lambda folder: "", "holds no public key"),
    (lambda folder: (folder / "ci.pub").read_text() + "-----BEGIN PUBLIC KEY-----\nAAAA\n", "no public key"),
])
def test_keys_to_verify_with(gated, engine, make, text):
    make_key(gated.folder, "rsa", "RSA")
    attest(gated, "check")
    (gated.folder / "ci.pub").write_text(make(gated.folder))
    result = gated.run("deploy", check=2)
    assert text in result.err and not ledger.exists(engine)


def test_settings_that_demand_what_is_not_there(gated, engine):
    configure(gated, engine.url, "check, chek")
    assert 'not "chek"' in gated.run("deploy", check=2).err
    gated.config({"gate": {"require": "check"}, "target.main": {"url": engine.url}})
    assert "there is no public_key" in gated.run("deploy", check=2).err


def test_no_variable_opens_the_gate(gated):
    """What turns it off stands in a file that is reviewed."""
    for name in ("PAWL_GATE_REQUIRE", "PAWL_REQUIRE", "PAWL_GATE_PUBLIC_KEY", "PAWL_PREFLIGHT"):
        gated.env[name] = "off" if name == "PAWL_PREFLIGHT" else "rehearse"
    assert refused(gated) == ["check is not attested: there is nothing about it"]


# ---- overrides and reports ----

def test_an_override_leaves_its_trace(gated, engine):
    reason = "the runner is down, agreed with Ann"
    gated.run("deploy", "--override", "gate", "--reason", reason, check=0)
    begin = next(row for row in ledger.rows(engine) if row.event == "begin")
    assert begin.facts["overrides"] == "gate" and begin.facts["reason"] == reason
    assert begin.facts["gate"] == ["check is not attested: there is nothing about it"]
    assert begin.facts["user"] and begin.facts["host"]
    assert "went over gate, by" in gated.run("status", check=0).out
    gated.write(B, "CREATE TABLE b (id int);")
    attest(gated, "check")
    gated.run("deploy", check=0)
    assert "went over" not in gated.run("status", check=0).out


def test_an_override_of_nothing_leaves_none(gated, engine):
    attest(gated, "check")
    gated.run("deploy", "--override", "gate", "--reason", "to be sure", check=0)
    assert "overrides" not in next(row for row in ledger.rows(engine) if row.event == "begin").facts


def test_other_overrides_do_not_open_it(gated):
    assert refused(gated, "--override", "lint", "--override", "hold", "--reason", "no")


def gate_line(pawl, code):
    lines = pawl.run("preflight", "--json", check=code).json()["lines"]
    return next(line for line in lines if line["id"] == "gate")


def test_preflight_and_a_dry_run_say_it_too(gated):
    line = gate_line(gated, code=3)
    assert line["mark"] == "error" and line["found"][0]["command"] == "pawl check --attest KEY.pem"
    assert refused(gated, "--dry-run")
    attest(gated, "check")
    line = gate_line(gated, code=0)
    assert line["mark"] == "ok"
