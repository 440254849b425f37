"""`pawl check`: every rule that it decides, the comparison with a git branch."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from support.pawl import clean_environment


A = "20250101000000_a.sql"
B = "20250201000000_b.sql"
C = "20250301000000_c.sql"
SUM = "migrations/pawl.sum"
SQUASH = "20250101000000_squash.sql"


@pytest.fixture
def checkout(make_pawl):
    return make_pawl()


def write(checkout, files):
    """Files below the checkout's folder from {name: text or bytes}; None deletes."""
    for name, text in files.items():
        path = checkout.folder / name if "/" in name else checkout.migrations / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def check(checkout, *args, **options):
    """{(rule, severity): finding} of `pawl check`, and that its exit code fits them."""
    result = checkout.run("--json", "check", *args, **options)
    report = result.json()
    errors = [f for f in report["findings"] if f["severity"] == "error"]
    assert result.code == (3 if errors else 0), str(result)
    assert report["errors"] == len(errors)
    return {(f["rule"], f["severity"]): f for f in report["findings"]}


# ---- the rules, without a base ----

GOOD = {A: "create table a (x int primary key);\n"}
FLYWAY = {"pawl.conf": "[pawl]\nnaming = flyway\n"}
SEQUENCE = {"pawl.conf": "[pawl]\nnaming = sequence\n"}
MARKED = "-- migrate:up\ncreate table a (x int primary key);\n-- migrate:down\ndrop table a;\n"


def in_conf(files, conf):
    return {**{f"./{name}": text for name, text in conf.items()}, **files}


# rule: files that break it, its severity, words of the finding, and files that do not break it.
RULES = {
    "name-grammar": ({"20250103000000-b.sql": ""}, "error", "20250103000000_b.sql",
                     {"20250103000000_b.sql": "", "README.md": "hello"}),
    "name-precision": ({"1735862400000_b.sql": ""}, "error", "20250103000000_b.sql",
                       {"20250103000000_b.sql": ""}),
    "name-date": ({"20250231000000_b.sql": ""}, "error", "day 31 exists in 2025-02",
                  {"20250228000000_b.sql": ""}),
    "name-characters": ({"20250103000000_b c.sql": ""}, "error", "20250103000000_b_c.sql",
                        {"20250103000000_b_c.sql": ""}),
    "name-length": ({f"20250103000000_{'b' * 200}.sql": ""}, "error", "200 at most",
                    {f"20250103000000_{'b' * 90}.sql": ""}),
    "naming-scheme": ({"V1__a.sql": "", "V2__b.sql": "", A: None}, "error", "naming = flyway",
                      in_conf({"V1__a.sql": "", "V2__b.sql": "", A: None}, FLYWAY)),
    "version-spelling": (in_conf({"V1.2__a.sql": "-- pawl: allow=duplicate-version reason=x",
                                  "V1.02__b.sql": "", A: None}, FLYWAY), "note", "1.02",
                         in_conf({"V1.2__a.sql": "", "V1.3__b.sql": "", A: None}, FLYWAY)),
    "future-version": ({"20520703075855_b.sql": ""}, "error", "renumber 20520703075855_b.sql",
                       {f"{time.strftime('%Y%m%d', time.gmtime())}000000_b.sql": ""}),
    "duplicate-version": ({"20250101000000_b.sql": ""}, "error", A, {B: ""}),
    "duplicate-id": (in_conf({"1_a.sql": "", "1_a.up.sql": "", A: None}, SEQUENCE), "error",
                     "1_a.up.sql", in_conf({"1_a.up.sql": "", A: None}, SEQUENCE)),
    "directive-syntax": ({A: "-- pawl: kind=\n"}, "error", "cannot be read",
                         {A: "-- pawl: kind=data\n"}),
    "directive-unknown": ({A: "-- pawl: phse=contract\n"}, "error", "phase",
                          {A: "-- pawl: phase=contract\n"}),
    "directive-value": ({A: "-- pawl: lock_timeout=5\n"}, "error", "5s",
                        {A: "-- pawl: lock_timeout=5s\n"}),
    "directive-late": ({A: "select 1;\n-- pawl: phase=contract\n"}, "error", "first statement",
                       {A: "-- pawl: phase=contract\nselect 1;\n"}),
    "unfinished": ({A: 'select 1;\n-- pawl: unfinished="say \\"no\\""\n'}, "error", 'say "no"',
                   {A: "select 1;\n-- unfinished=x\n"}),
    "allow-unknown": ({A: '-- pawl: allow=duplicate-versoin reason="x"\n'}, "error",
                      "duplicate-version", {A: '-- pawl: allow=out-of-order reason="x"\n'}),
    "allow-unused": ({A: '-- pawl: allow=encoding reason="x"\nselect 1;\n'}, "warning",
                     "silences nothing", {A: '-- pawl: allow=future-version reason="x"\n'}),
    "statement": ({A: "copy t from stdin;\n1\n\\.\n"}, "error", "",
                  {A: "copy t from '/tmp/x';\n"}),
    "annotation-syntax": ({A: "-- migrate:pu\nselect 1;\n"}, "error", "migrate:up", {A: MARKED}),
    "encoding": ({A: b"select '\xff';\n"}, "error", "UTF-8", {A: "select 'ä';\n"}),
    "no-forward-part": ({A: "-- migrate:down\ndrop table t;\n"}, "error", "", {A: MARKED}),
    "text-before-up": ({A: "select 1;\n" + MARKED}, "error", "", {A: MARKED}),
    "checksum-bytes": ({A: "select 'open;\n"}, "note", "bytes", {A: "select 'closed';\n"}),
    "squash-range": ({SUM: lambda text: text, A: None,
                      SQUASH: "-- pawl: replaces=20250101000000_a..20250101000000_x\n"}, "error",
                     "20250101000000_x", {SUM: lambda text: text}),
    "squash-files": ({SQUASH: "-- pawl: replaces=20250101000000_a..20250101000000_a\n"}, "error", A,
                     {}),
    "squash-lines": ({SQUASH: "-- pawl: replaces=20250101000000_a..20250101000000_a\n", A: None},
                     "error", "pawl.sum", {A: None}),
    "sum-format": ({SUM: "<" * 7 + " HEAD\n"}, "error", "pawl-sum 1", {}),
    "sum-digest": ({SUM: lambda text: re.sub("digest=.{64}", f"digest={'0' * 64}", text)}, "error",
                   "digest",
                   {SUM: lambda text: text}),
    "sum-missing-line": ({SUM: lambda text: text, B: "select 1;"}, "error", B[:-4], {}),
    "sum-extra-line": ({SUM: lambda text: text, A: None}, "error", A[:-4], {}),
    "sum-checksum": ({SUM: lambda text: text, A: "create table b (x int primary key);"}, "error", A[:-4],
                     {SUM: lambda text: text, A: "CREATE  TABLE a (x int primary key) -- same"}),
    "sum-mark": ({SUM: lambda text: text, A: "-- pawl: phase=contract\ncreate table a (x int primary key);"},
                 "error", A[:-4], {}),
}
# What the comparison with a base decides, and what only the ledger can.
BASE_RULES = {"edited-since-base", "removed-since-base", "renamed-since-base", "out-of-order"}
LEDGER_RULES = {"edited", "missing", "renamed", "squash-split", "applied-name", "fails-on-shadow",
                "data-violates", "data-loses", "data-unasked", "data-rows",
                "fails-rehearsal", "compat-breaks", "compat-may-break", "compat-unread"}


def lay_out(checkout, files):
    """GOOD and then these files; a function gets the text of a fresh pawl.sum."""
    write(checkout, GOOD)
    if SUM in files and callable(files[SUM]):
        checkout.run("sum", check=0)
        path = checkout.folder / SUM
        files = {**files, SUM: files[SUM](path.read_text())}
    write(checkout, files)


def test_every_rule_is_tested_here(checkout):
    rules = checkout.run("--json", "explain", "--list", check=0).json()["rules"]
    here = {rule["id"] for rule in rules if not rule["linted"]}  # test_lint.py has the others
    assert here == set(RULES) | BASE_RULES | LEDGER_RULES


@pytest.mark.parametrize("rule", RULES)
def test_rule_fires(checkout, rule):
    bad, severity, words, _ = RULES[rule]
    lay_out(checkout, bad)
    finding = check(checkout)[(rule, severity)]
    assert words in finding["what"] + (finding["fix"] or "")
    assert finding["file"].startswith("migrations")


@pytest.mark.parametrize("rule", RULES)
def test_rule_stays_silent(checkout, rule):
    lay_out(checkout, RULES[rule][3])
    assert check(checkout) == {}


def test_the_examples_of_the_rules_are_true(checkout):
    rules = checkout.run("--json", "explain", "--list", check=0).json()["rules"]
    tested = 0
    for rule in rules:
        bad, good = rule["example_bad"], rule["example_good"]
        if rule["id"] not in RULES or rule["id"] == "naming-scheme" or not bad or " beside " in bad:
            continue
        named = bad.endswith(".sql")
        for example, fires in ((bad, True), (good, False)):
            files = {example: "select 1;"} if named else {A: example}
            write(checkout, files)
            found = [key[0] for key in check(checkout)]
            assert (rule["id"] in found) == fires, (rule["id"], example, found)
            write(checkout, dict.fromkeys(files))
        tested += 1
    assert tested >= 14


def test_success_says_how_many(checkout):
    assert checkout.run("check", check=0).out == "checked 0 migrations: no findings\n"
    write(checkout, {**GOOD})
    assert checkout.run("check", check=0).out == "checked 1 migration: no findings\n"
    write(checkout, {B: '-- pawl: allow=encoding reason="x"\n'})
    result = checkout.run("check", check=0)
    assert "checked 2 migrations: no errors, 1 warning\n" in result.out
    assert f"migrations/{B}:1: warning: " in result.out


def test_findings_go_to_stdout_and_the_count_to_stderr(checkout):
    write(checkout, {"20250103000000-b.sql": "", "20250104000000-c.sql": "",
                     A: '-- pawl: allow=encoding reason="x"\n'})
    result = checkout.run("check", check=3)
    assert "migrations/20250103000000-b.sql: error: " in result.out
    assert 'fix: rename it to "20250103000000_b.sql"' in result.out
    assert result.err.startswith("pawl: 2 errors, 1 warning\n")


def test_findings_are_sorted_by_place(checkout):
    write(checkout, {B: "-- pawl: x=1\n-- pawl: y=1\n", A: "-- pawl: x=1\n",
                     "20250103000000-b.sql": ""})
    findings = checkout.run("--json", "check", check=3).json()["findings"]
    places = [(f["file"], f["line"] or 0, f["column"] or 0) for f in findings]
    assert len(places) == 4 and places == sorted(places)


@pytest.mark.parametrize("naming, name, meant", [
    ("logto", "next-1751529530394-add-token-storage.sql", "next-1751529530-add-token-storage.sql"),
    ("epoch", "1751529530394_add_token_storage.sql", "1751529530_add_token_storage.sql"),
    ("timestamp", "1751529530394_add_token_storage.sql", "20250703075850_add_token_storage.sql"),
])
def test_milliseconds_where_seconds_belong(checkout, naming, name, meant):
    checkout.config({"pawl": {"naming": naming}})
    write(checkout, {name: "select 1;"})
    finding = check(checkout)[("name-precision", "error")]
    assert finding["file"] == f"migrations/{name}"
    assert "13 digits" in finding["what"] and meant in finding["fix"]
    (checkout.migrations / name).rename(checkout.migrations / meant)
    assert check(checkout) == {}


@pytest.mark.parametrize("text, line, column", [
    ("\\connect x\n", 1, 1),
    ("select 1;\n  \\connect x\n", 2, 3),
    ("-- migrate:up\nselect 1;\n\\connect x\n-- migrate:down\nselect 2;\n", 3, 1),
    ("\ufeff-- migrate:up\nselect 'ä'; \\connect x\n", 2, 13),
])
def test_statements_are_found_by_line_and_column(checkout, text, line, column):
    write(checkout, {A: text})
    finding = check(checkout)[("statement", "error")]
    assert (finding["line"], finding["column"]) == (line, column)
    assert "psql" in finding["what"]


def test_a_refused_name_hides_no_refused_statement(checkout):
    write(checkout, {"20250103000000-b.sql": "\\connect x\n"})
    assert ("statement", "error") in check(checkout)


@pytest.mark.parametrize("name, rule, text", [
    ("20250231000000_b.sql", "name-date", ""),
    ("1751529530394_b.sql", "name-precision", ""),
    ("20520703075855_b.sql", "future-version", ""),
    ("20250101000000_b.sql", "duplicate-version", ""),
    (B, "statement", "\\connect x\n"),
])
def test_what_a_file_allows_is_a_note_with_its_reason(checkout, name, rule, text):
    write(checkout, {**GOOD, name: text})
    assert (rule, "error") in check(checkout)
    write(checkout, {name: f'-- pawl: allow={rule} reason="it was so in 2021"\n{text}'})
    findings = check(checkout)
    assert "(allowed: it was so in 2021)" in findings.pop((rule, "note"))["what"]
    assert not [key for key in findings if key[0] != "checksum-bytes"]


def test_an_allow_without_a_reason_or_in_another_file_allows_nothing(checkout):
    write(checkout, {"20250231000000_b.sql": "-- pawl: allow=name-date\n"})
    assert ("name-date", "error") in check(checkout)
    write(checkout, {"20250231000000_b.sql": "", A: '-- pawl: allow=name-date reason="x"\n'})
    assert {("name-date", "error"), ("allow-unused", "warning")} == set(check(checkout))


def test_the_folder_of_a_folder_scheme_can_be_allowed(checkout):
    checkout.config({"pawl": {"naming": "folder"}})
    write(checkout, {"migrations/20250231000000_b/up.sql": "select 1;"})
    assert ("name-date", "error") in check(checkout)
    write(checkout, {"migrations/20250231000000_b/up.sql":
                     '-- pawl: allow=name-date reason="x"\nselect 1;'})
    assert ("name-date", "note") in check(checkout)


# ---- against a base ----

class Repository:
    """A git repository around a checkout, whose branch main has A and B."""

    def __init__(self, pawl, root=None):
        self.pawl = pawl
        self.root = root or pawl.folder
        self.git("init", "-q", "-b", "main")
        self.commit({A: "create table a (x int primary key);\n", B: "create table b (x int primary key);\n"})
        self.git("checkout", "-q", "-b", "topic")

    def git(self, *args, folder=None):
        env = clean_environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
        done = subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c",
             "protocol.file.allow=always", *args],
            cwd=folder or self.root, env=env, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, files):
        write(self.pawl, files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")

    def on_main(self, files):
        """A commit on main that topic does not have."""
        self.git("stash", "-q", "-u")
        self.git("checkout", "-q", "main")
        self.commit(files)
        self.git("checkout", "-q", "topic")
        if self.git("stash", "list"):
            self.git("stash", "pop", "-q")

    def check(self, *args, base="main", **options):
        return check(self.pawl, "--base", base, *args, **options)


@pytest.fixture
def repository(checkout):
    return Repository(checkout)


def test_an_unchanged_checkout_has_no_findings(repository):
    assert repository.check() == {}
    report = repository.pawl.run("--json", "check", "--base", "main", check=0).json()
    commit = repository.git("rev-parse", "main")
    assert report["base"] == {"ref": "main", "commit": commit, "merge_base": commit,
                              "migrations": 2}
    assert report["migrations"] == 2


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("files, expected, words", [
    ({A: "create table a (x bigint primary key);\n"}, ("edited-since-base", "error"), A),
    ({B: None}, ("removed-since-base", "error"), B),
    ({A: None}, ("removed-since-base", "note"), "trimmed"),
    ({A: None, "20250101000000_x.sql": "create table a (x int primary key);\n"},
     ("renamed-since-base", "note"), A[:-4]),
    ({A: None, C: "create table a (x int primary key);\n"}, ("renamed-since-base", "warning"),
     "pawl repair --renamed"),
    ({"20250115000000_late.sql": ""}, ("out-of-order", "error"),
     "pawl renumber 20250115000000_late.sql"),
    ({"R__x.sql": "", "x": ""}, ("name-grammar", "error"), ""),
])
def test_what_a_branch_does(repository, files, expected, words, committed):
    if committed:
        repository.commit(files)
    else:
        write(repository.pawl, files)
    findings = repository.check()
    assert set(findings) == {expected}
    finding = findings[expected]
    assert words in finding["what"] + (finding["fix"] or "")
    assert finding["file"].startswith("migrations/")


@pytest.mark.parametrize("files", [
    {A: "-- a licence\nCREATE TABLE a\n  (x INT PRIMARY KEY)\n"},
    {A: "create table a (x int primary key);\r\n"},
    {C: "create table c (x int primary key);\n"},
    {"README.md": "hello", "a.down.sql": ""},
])
def test_what_a_branch_may_do(repository, files):
    repository.commit(files)
    assert repository.check() == {}


def test_the_fix_for_an_edit_works(repository):
    repository.commit({A: "create table a (x bigint primary key);\n"})
    fix = repository.check()[("edited-since-base", "error")]["fix"]
    command = fix.removeprefix("restore it: ").split(";")[0].split()
    repository.git(*command[1:])
    assert repository.check() == {}


def test_the_fix_for_a_late_file_works(repository):
    repository.commit({"20250115000000_late.sql": "select 1;\n"})
    fix = repository.check()[("out-of-order", "error")]["fix"]
    repository.pawl.run(*fix.split('"')[1].split()[1:], check=0)
    assert repository.check() == {}


def test_a_file_that_main_got_meanwhile(repository):
    repository.commit({"20250210000000_topic.sql": ""})
    assert repository.check() == {}
    repository.on_main({C: ""})
    finding = repository.check()[("out-of-order", "error")]
    assert finding["file"].endswith("20250210000000_topic.sql") and C in finding["what"]
    # What main did since is none of the branch's doing.
    repository.git("mv", "migrations/20250210000000_topic.sql",
                   "migrations/20250310000000_topic.sql")
    assert repository.check() == {}
    # After the merge the same is true.
    repository.git("commit", "-qam", "x")
    repository.git("merge", "-q", "-m", "x", "main")
    assert repository.check() == {}


def test_what_main_edited_removed_and_renamed_is_not_the_branchs(repository):
    repository.commit({C: "create table c (x int primary key);\n"})
    repository.on_main({A: "create table a (x bigint primary key);\n", B: None,
                        "20250201000000_x.sql": "create table b (x int primary key);\n"})
    assert repository.check() == {}


def test_the_version_of_another_branch(repository):
    repository.commit({"20250301000000_topic.sql": "select 1;\n"})
    repository.on_main({C: "select 2;\n"})
    findings = repository.check()
    assert set(findings) == {("duplicate-version", "error")}
    assert C in findings[("duplicate-version", "error")]["what"]
    write(repository.pawl, {"20250301000000_topic.sql":
                            '-- pawl: allow=duplicate-version reason="two parts"\nselect 1;\n'})
    assert set(repository.check()) == {("duplicate-version", "note")}


def test_the_same_name_on_both_branches(repository):
    repository.commit({C: "select 1;\n"})
    repository.on_main({C: "select 2;\n"})
    assert set(repository.check()) == {("duplicate-version", "error")}


def test_an_edit_can_be_allowed(repository):
    repository.commit({A: '-- pawl: allow=edited-since-base reason="never applied"\nselect 1;\n'})
    findings = repository.check()
    assert set(findings) == {("edited-since-base", "note")}
    assert "never applied" in findings[("edited-since-base", "note")]["what"]


def test_out_of_order_is_a_note_where_it_applies(repository):
    repository.pawl.config({"pawl": {"out_of_order": "apply"}})
    repository.commit({"20250115000000_late.sql": ""})
    assert set(repository.check()) == {("out-of-order", "note")}


def test_an_odd_name_of_the_base_is_a_note(checkout):
    odd = {"1751529530394_ms.sql": "select 1;\n", "20520703075855_far.sql": "select 2;\n",
           "20250101000000_twin.sql": "select 3;\n"}
    write(checkout, odd)
    repository = Repository(checkout)
    assert {key for key in check(checkout) if key[1] == "error"}
    expected = {("name-precision", "note"), ("future-version", "note"),
                ("duplicate-version", "note")}
    assert set(repository.check()) == expected
    # A new one is refused all the same, and an odd one may not be edited either.
    write(checkout, {"1751529530395_ms.sql": ""})
    assert ("name-precision", "error") in repository.check()
    write(checkout, {"1751529530395_ms.sql": None, "1751529530394_ms.sql": "select 9;\n"})
    assert ("edited-since-base", "error") in repository.check()
    write(checkout, {"1751529530394_ms.sql": "select 1;\n", "20250101000000_zz.sql": ""})
    assert ("duplicate-version", "error") in repository.check()


def test_milliseconds_on_the_base_are_put_right_by_a_rename(checkout):
    checkout.config({"pawl": {"naming": "logto"}})
    files = {"1.29.0-1749523430-x.sql": "select 0;\n",
             "next-1751529530394-add-token-storage.sql": "select 1;\n"}
    write(checkout, files)
    repository = Repository.__new__(Repository)
    repository.pawl, repository.root = checkout, checkout.folder
    repository.git("init", "-q", "-b", "main")
    repository.commit({})
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit({"next-1751529530394-add-token-storage.sql": None,
                       "next-1751529530-add-token-storage.sql": "select 1;\n",
                       "next-1752661133-later.sql": "select 2;\n"})
    assert set(repository.check()) == {("renamed-since-base", "note")}


def test_a_squash_stands_for_what_it_replaces(repository):
    checkout = repository.pawl
    checkout.run("sum", check=0)
    write(checkout, {A: None, B: None, "20250201000000_squash.sql":
                     f"-- pawl: replaces={A[:-4]}..{B[:-4]}\nselect 1;\n"})
    checkout.run("sum", check=0)
    repository.commit({})
    assert repository.check() == {}
    # Without the checksums of what it replaces it stands for nothing.
    write(checkout, {SUM: None})
    assert set(repository.check()) == {("squash-lines", "error")}


def test_names_that_git_quotes(checkout):
    names = ["20250401000000_a b.sql", "20250402000000_a\nb.sql", b"20250403000000_\xff.sql",
             '20250404000000_"ä\\.sql', "20250405000000_\tx.sql"]
    for name in names:
        path = os.path.join(os.fsencode(checkout.migrations),
                            name if isinstance(name, bytes) else name.encode())
        Path(os.fsdecode(path)).write_text(f"select {len(path)};\n")
    repository = Repository(checkout)
    assert {severity for _, severity in repository.check()} == {"note"}
    for path in checkout.migrations.iterdir():
        if path.name not in (A, B):
            path.write_text("select 0;\n")
    report = checkout.run("--json", "check", "--base", "main", check=3).json()
    assert len([f for f in report["findings"] if f["rule"] == "edited-since-base"]) == len(names)


@pytest.mark.parametrize("args", [("-C", "deep/er"), ("--migrations", "deep/er/migrations")])
def test_the_folder_may_lie_anywhere_in_the_repository(make_pawl, tmp_path, args):
    pawl = make_pawl()
    inner = pawl.folder / "deep" / "er"
    inner.mkdir(parents=True)
    pawl.migrations.rmdir()
    pawl.migrations = inner / "migrations"
    pawl.migrations.mkdir()
    repository = Repository(pawl)
    pawl.migrations.joinpath(A).write_text("create table z ();\n")
    report = pawl.run("--json", *args, "check", "--base", "main", check=3).json()
    assert report["base"]["migrations"] == 2
    assert [f["rule"] for f in report["findings"]] == ["edited-since-base"]
    repository.git("checkout", "--", ".")
    # From outside of the repository.
    report = pawl.run("--json", "--migrations", pawl.migrations, "-C", tmp_path, "check", "--base",
                      "main", check=0).json()
    assert report["base"]["migrations"] == 2


def test_a_submodule_is_its_own_repository(make_pawl):
    inner, outer = make_pawl(name="inner"), make_pawl(name="outer")
    Repository(inner)
    repository = Repository(outer)
    repository.git("submodule", "add", "-q", "-b", "main", str(inner.folder), "db")
    repository.commit({})
    args = ("--json", "--migrations", "db/migrations", "check", "--base", "origin/main")
    assert outer.run(*args, check=0).json()["base"]["migrations"] == 2
    (outer.folder / "db" / "migrations" / A).write_text("create table z ();\n")
    findings = outer.run(*args, check=3).json()["findings"]
    assert [f["rule"] for f in findings] == ["edited-since-base"]


def test_a_link_to_the_folder_is_followed(repository):
    (repository.pawl.folder / "link").symlink_to("migrations")
    write(repository.pawl, {A: "create table z ();\n"})
    assert ("edited-since-base", "error") in repository.check("--migrations", "link")


def test_a_hook_s_environment_changes_nothing(repository):
    write(repository.pawl, {A: "create table z ();\n"})
    env = {"GIT_DIR": ".git", "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": ".git/index",
           "GIT_PREFIX": "x/"}
    assert ("edited-since-base", "error") in repository.check(env=env)


def test_a_base_without_the_folder(checkout):
    folder, checkout.migrations = checkout.migrations, checkout.folder / "other"
    Repository(checkout)
    folder.joinpath(C).write_text("select 1;\n")
    result = checkout.run("check", "--base", "main", check=0)
    assert '"main" has no migrations in this folder' in result.err


# ---- where there is nothing to compare with ----

def refused(pawl, base, *args, **options):
    result = pawl.run("check", "--base", base, *args, check=2, **options)
    assert "AddressSanitizer" not in result.err
    return result.err


@pytest.mark.parametrize("ref", ["nowhere", "", "--all", "-h", "--output=x", "main..topic", "^main",
                                 "HEAD:migrations", "main\nHEAD", "@{upstream}", "a b"])
def test_a_ref_that_is_no_commit(repository, ref):
    error = refused(repository.pawl, ref) if ref[:1] != "-" else \
        repository.pawl.run("check", f"--base={ref}", check=2).err
    assert "there is no commit" in error and "git fetch" in error
    assert not (repository.pawl.folder / "x").exists()


def test_outside_of_a_repository(checkout):
    env = {"GIT_CEILING_DIRECTORIES": checkout.folder.parent}
    error = refused(checkout, "main", env=env)
    assert "git does not know the migrations folder" in error
    assert "not a git repository" in error and "next: " in error


def test_a_branch_without_a_commit(checkout):
    subprocess.run(["git", "init", "-q", checkout.folder], check=True)
    assert "there is no commit" in refused(checkout, "main")


def test_a_shallow_clone(make_pawl, tmp_path):
    origin = make_pawl(name="origin")
    repository = Repository(origin)
    repository.commit({C: ""})
    repository.on_main({"20250310000000_d.sql": ""})
    clone = make_pawl(name="clone")
    clone.migrations.rmdir()
    clone.folder.rmdir()
    url = f"file://{origin.folder}"
    repository.git("clone", "-q", "--depth", "1", "-b", "topic", url, str(clone.folder))
    error = refused(clone, "origin/main")
    assert "there is no commit" in error and "git fetch --unshallow" in error
    repository.git("fetch", "-q", "--depth", "1", "origin", "main:refs/remotes/origin/main",
                   folder=clone.folder)
    error = refused(clone, "origin/main")
    assert "no common ancestor" in error and "git fetch --unshallow" in error
    repository.git("fetch", "-q", "--unshallow", "origin", folder=clone.folder)
    assert set(check(clone, "--base", "origin/main")) == {("out-of-order", "error")}


def test_a_history_of_its_own(repository):
    repository.git("checkout", "-q", "--orphan", "alone")
    repository.commit({C: ""})
    error = refused(repository.pawl, "main")
    assert "no common ancestor" in error and "unshallow" not in error


def test_without_git(repository, tmp_path):
    assert 'there is no program "git" in PATH' in refused(repository.pawl, "main",
                                                          env={"PATH": tmp_path})
    assert repository.pawl.run("check", env={"PATH": tmp_path}, check=0)


def test_git_is_started_a_few_times_however_many_files_there_are(checkout, tmp_path):
    for number in range(1000):
        (checkout.migrations / f"20200101{number // 3600:02}{number // 60 % 60:02}"
         f"{number % 60:02}_m.sql").write_text(f"create table t{number} (id int primary key);\n")
    repository = Repository(checkout)
    repository.commit({C: ""})
    repository.on_main({"20250310000000_d.sql": ""})
    wrapper, log = tmp_path / "bin" / "git", tmp_path / "log"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$3" >> {log}\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    env = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    assert set(repository.check(env=env)) == {("out-of-order", "error")}
    assert log.read_text().split() == ["rev-parse", "rev-parse", "merge-base", "ls-tree",
                                       "ls-tree", "cat-file"]
