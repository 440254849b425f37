"""`pawl check --fix`: each edit is safe, said, whole, and made once."""

import json
import os
import re
import shutil
import stat
import time
from pathlib import Path

import pytest
from test_check import Repository, write
from test_hostile import Place

A = "20250101000000_a.sql"
B = "20250201000000_b.sql"
C = "20250301000000_c.sql"
LATE = "20250115000000_late.sql"
MILLISECONDS, MEANT = "1735862400000_x.sql", "20250103000000_x.sql"
CREATE = "create table t (x int primary key);\n"


@pytest.fixture
def checkout(make_pawl):
    return make_pawl()


@pytest.fixture
def repository(checkout):
    """main has A and B; the checkout is on a branch of its own."""
    return Repository(checkout)


def tree(checkout):
    return {path.name: path.read_bytes() for path in checkout.migrations.iterdir()}


def fix(checkout, *args, code=0):
    """The report of a --fix, and that a second one changes nothing."""
    result = checkout.run("--json", "check", "--fix", *args, check=code)
    after = tree(checkout)
    again = checkout.run("--json", "check", "--fix", *args, check=code)
    assert tree(checkout) == after
    assert again.json()["fixed"] == [] and again.json()["findings"] == result.json()["findings"]
    return result.json()


def rules(report, key="fixed"):
    return [item["rule"] for item in report[key]]


# ---- texts ----

@pytest.mark.parametrize("before, after, rule", [
    ("-- pawl: phse=contract\n", "-- pawl: phase=contract\n", ["directive-unknown"]),
    ("-- pawl: phase=contarct\n", "-- pawl: phase=contract\n", ["directive-value"]),
    ('-- pawl: phase="Expand"\n', "-- pawl: phase=expand\n", ["directive-value"]),
    ("-- PAWL: phase=contract\n", "-- pawl: phase=contract\n", ["directive-syntax"]),
    ("--pawl : phase=contract\n", "-- pawl: phase=contract\n", ["directive-syntax"]),
    ("-- pawl phase=contract\n", "-- pawl: phase=contract\n", ["directive-syntax"]),
    ('-- pawl: allow=out-of-odrer reason="x"\n', '-- pawl: allow=out-of-order reason="x"\n',
     ["allow-unknown"]),
    ('-- pawl: allow=edited allow=edtied reason="allow=edtied"\n',
     '-- pawl: allow=edited allow=edited reason="allow=edtied"\n', ["allow-unknown"]),
    ("-- Pawl: pahse=contarct lock_timeuot=5s\n", "-- pawl: phase=contract lock_timeout=5s\n",
     ["directive-syntax", "directive-unknown", "directive-value", "directive-unknown"]),
])
def test_a_misspelt_directive(checkout, before, after, rule):
    write(checkout, {A: before + CREATE})
    report = fix(checkout)
    assert (checkout.migrations / A).read_text() == after + CREATE
    assert sorted(rules(report)) == sorted(rule) and report["left"] == []
    assert {item["file"] for item in report["fixed"]} == {f"migrations/{A}"}
    assert {item["line"] for item in report["fixed"]} == {1}


@pytest.mark.parametrize("before, after", [
    ("select 1;\n-- pawl: phase=contract\n", "-- pawl: phase=contract\nselect 1;\n"),
    ("select 1;\n-- pawl: phase=contract", "-- pawl: phase=contract\nselect 1;\n"),
    ("-- a licence\n\nselect 1;\n  -- pawl: phase=contract  \nselect 2;\n",
     "-- a licence\n\n-- pawl: phase=contract\nselect 1;\nselect 2;\n"),
    ("select 1; -- pawl: phase=contract\nselect 2;\n",
     "-- pawl: phase=contract\nselect 1;\nselect 2;\n"),
    ("select 1;\n-- pawl: phase=contract\n-- pawl: lock_timeout=5s\n",
     "-- pawl: phase=contract\n-- pawl: lock_timeout=5s\nselect 1;\n"),
    ("-- migrate:up\nselect 1;\n-- pawl: phase=contract\n-- migrate:down\nselect 2;\n",
     "-- migrate:up\n-- pawl: phase=contract\nselect 1;\n-- migrate:down\nselect 2;\n"),
    ("/* a\n   b */ select 1;\n-- pawl: phase=contract\n",
     "/* a\n   b */ -- pawl: phase=contract\nselect 1;\n"),
    ("\ufeffselect 1;\r\n-- pawl: phase=contract\r\n",
     "\ufeff-- pawl: phase=contract\r\nselect 1;\r\n"),
    ("select '-- pawl: x=1' -- pawl: phse=contract\n;\n",
     "-- pawl: phase=contract\nselect '-- pawl: x=1'\n;\n"),
])
def test_a_late_directive_moves_to_the_head(checkout, before, after):
    write(checkout, {A: before.encode()})
    report = fix(checkout)
    assert (checkout.migrations / A).read_bytes() == after.encode()
    assert "directive-late" in rules(report) and report["left"] == []


def test_what_a_directive_in_the_down_part_means_is_not_guessed(checkout):
    text = "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n-- pawl: phase=contract\n"
    write(checkout, {A: text})
    report = fix(checkout, code=3)
    assert (checkout.migrations / A).read_text() == text
    assert "goes back" in report["left"][0]["why"] and report["left"][0]["line"] == 5


@pytest.mark.parametrize("text", [
    "-- pawl: lock_timeout=5\n",            # ms or s?
    "-- pawl: zzzzzzzz=1\n",                # like nothing
    "-- pawl: phase=x\n",
    "-- pawl: phase=expand phase=contract\n",
    "-- pawl: kind = backfill\n",
    "/* pawl: phase=contract */\n",
    "-- migrate:pu\nselect 1;\n",           # the border of the forward part is a person's to draw
    "select 'open;\n\\connect x\n",
    '-- pawl: allow=zzzzzzzzzzzzzz reason="x"\n',
    "-- pawl: allow=name-date\n",
])
def test_what_is_in_doubt_is_left(checkout, text):
    write(checkout, {A: text})
    checkout.run("check", check=3)
    report = fix(checkout, code=3)
    assert report["fixed"] == [] and (checkout.migrations / A).read_text() == text


@pytest.mark.parametrize("text, mended", [
    ("-- pawl: knd=data\nselect 1;\n", "-- pawl: kind=data\nselect 1;\n"),
    ("select 1;\n-- pawl: no-transaction\n", "-- pawl: no-transaction\nselect 1;\n"),
])
def test_a_checksum_changes_only_in_a_file_that_is_new(repository, text, mended):
    checkout = repository.pawl
    write(checkout, {C: text})
    report = fix(checkout, code=3)
    assert (checkout.migrations / C).read_text() == text and report["fixed"] == []
    assert "checksum" in report["left"][0]["why"] and "--base" in report["left"][0]["why"]
    report = fix(checkout, "--base", "main")
    assert (checkout.migrations / C).read_text() == mended and len(report["fixed"]) == 1


def test_a_file_of_the_base_is_not_touched(repository):
    checkout = repository.pawl
    repository.on_main({C: "-- pawl: phse=contract\n" + CREATE, MILLISECONDS: ""})
    repository.git("merge", "-q", "main")
    write(checkout, {A: "-- pawl: phse=expand\ncreate table a (x int primary key);\n"})
    before = tree(checkout)
    report = fix(checkout, "--base", "main", code=3)
    assert tree(checkout) == before and report["fixed"] == []
    assert {(item["file"], item["rule"]) for item in report["left"]} == {
        (f"migrations/{A}", "directive-unknown"), (f"migrations/{C}", "directive-unknown")}
    assert all("the base has the file" in item["why"] for item in report["left"])


@pytest.mark.parametrize("name", [MILLISECONDS, "20520703075855_f.sql", "20250201000000_z.sql"])
def test_a_file_that_came_to_the_base_since_is_not_touched(repository, name):
    """The branch has it too, picked from there."""
    checkout = repository.pawl
    repository.commit({name: CREATE})
    repository.on_main({name: CREATE, "README.md": "main went on"})
    before = tree(checkout)
    report = fix(checkout, "--base", "main", code=3)
    assert tree(checkout) == before and report["fixed"] == []
    repository.on_main({name: None})
    assert fix(checkout, "--base", "main")["fixed"] != []


def test_the_mode_of_a_file_stays(checkout):
    write(checkout, {A: "-- pawl: phse=contract\n"})
    (checkout.migrations / A).chmod(0o640)
    fix(checkout)
    assert stat.S_IMODE((checkout.migrations / A).stat().st_mode) == 0o640


def test_the_checksum_of_what_is_mended_stays(checkout):
    write(checkout, {A: "select 1;\n-- pawl: phse=contract\nselect 2;\n"})
    write(checkout, {f"plain/{A}": "select 1; select 2;"})
    fix(checkout)
    checkout.run("sum", check=0)
    checkout.run("--migrations", "plain", "sum", check=0)
    line, other = ((checkout.folder / folder / "pawl.sum").read_text().splitlines()[1]
                   for folder in ("migrations", "plain"))
    assert line.split()[0] == other.split()[0] and line.split()[1] == "c"


# ---- names ----

@pytest.mark.parametrize("naming, name, meant", [
    ("timestamp", MILLISECONDS, MEANT),
    ("timestamp", "20250103000000-x.sql", MEANT),
    ("timestamp", "20250103000000_x.SQL", MEANT),
    ("timestamp", "20250103000000_x y.sql", "20250103000000_x_y.sql"),
    ("timestamp", "20250103000000_x\ny.sql", "20250103000000_x_y.sql"),
    ("timestamp", b"20250103000000_x\xffy.sql", "20250103000000_x_y.sql"),
    ("timestamp", "20250703240000_x.sql", "20250704000000_x.sql"),
    ("epoch", "1735862400000_x.up.sql", "1735862400_x.up.sql"),
    ("logto", "next-1735862400000-x.sql", "next-1735862400-x.sql"),
    ("flyway", "v1_x.sql", "V1__x.sql"),
    ("sequence", "0001-x.sql", "0001_x.sql"),
])
def test_a_name_becomes_what_was_meant(checkout, naming, name, meant):
    checkout.config({"pawl": {"naming": naming}})
    path = Path(os.fsdecode(os.path.join(os.fsencode(checkout.migrations), os.fsencode(name))))
    path.write_text(CREATE)
    report = fix(checkout)
    assert tree(checkout) == {meant: CREATE.encode()}
    assert [item["new"] for item in report["fixed"]] == [f"migrations/{meant}"]


def test_a_folder_becomes_what_was_meant(checkout):
    checkout.config({"pawl": {"naming": "folder"}})
    write(checkout, {"migrations/20250103000000-x/up.sql": CREATE,
                     "migrations/20250103000000-x/down.sql": "drop table t;"})
    checkout.run("check", "--fix", check=0)
    files = [str(path.relative_to(checkout.migrations)) for path in checkout.migrations.rglob("*.sql")]
    assert sorted(files) == ["20250103000000_x/down.sql", "20250103000000_x/up.sql"]


def test_down_parts_and_companions_go_along(checkout):
    checkout.config({"pawl": {"naming": "timestamp"}})
    write(checkout, {"1735862400000_x.up.sql": CREATE, "1735862400000_x.down.sql": "drop table t;",
                     "1735862400000_x.up.sql.conf": "", "1735862400000_xy.down.sql": ""})
    report = fix(checkout)
    assert set(tree(checkout)) == {"20250103000000_x.up.sql", "20250103000000_x.down.sql",
                                   "20250103000000_x.up.sql.conf", "1735862400000_xy.down.sql"}
    assert report["fixed"][-1]["new"] == "migrations/20250103000000_x.up.sql"


def test_a_name_that_is_taken_is_left(checkout):
    write(checkout, {MILLISECONDS: "select 1;", MEANT: "select 2;"})
    report = fix(checkout, code=3)
    assert tree(checkout) == {MILLISECONDS: b"select 1;", MEANT: b"select 2;"}
    assert report["left"][0]["why"] == f'"{MEANT}" is there already'
    write(checkout, {MEANT: None, "20250103000000-x.sql": "select 3;"})
    report = fix(checkout, code=3)
    assert len(report["fixed"]) == len(report["left"]) == 1 and MEANT in tree(checkout)


def test_a_name_in_doubt_is_left(checkout):
    names = {"20250230000000_x.sql": b"", f"20250103000000_{'x' * 200}.sql": b"", A: b"",
             "schema.sql": b"", B: b"", C: b"", "20250401000000_d.sql": b""}
    write(checkout, names)
    assert fix(checkout, code=3)["fixed"] == [] and tree(checkout) == names


def test_another_scheme_is_left(checkout):
    write(checkout, {"V1__a.sql": "-- pawl: phse=contract", "V2__b.sql": ""})
    assert fix(checkout, code=3)["fixed"] == []


def test_an_allowed_name_is_left(checkout):
    write(checkout, {MILLISECONDS: '-- pawl: allow=name-precision reason="since 2019"\n'})
    assert fix(checkout)["fixed"] == []


# ---- versions ----

def check_order(checkout, names):
    """The migrations stand in this order by their words."""
    words = [name.split("_", 1)[1].removesuffix(".sql") for name in sorted(tree(checkout))
             if name.endswith(".sql") and ".down." not in name]
    assert words == names


def test_a_late_file_is_renumbered_with_its_down_part(repository):
    checkout = repository.pawl
    write(checkout, {LATE: CREATE, LATE.replace(".sql", ".down.sql"): "drop table t;"})
    report = fix(checkout, "--base", "main")
    check_order(checkout, ["a", "b", "late"])
    assert rules(report) == ["out-of-order", "out-of-order"]
    assert len([name for name in tree(checkout) if "late" in name and name > B]) == 2


def test_what_is_new_keeps_its_order(repository):
    """c needs what late makes: renumbering late alone would put it behind."""
    checkout = repository.pawl
    write(checkout, {LATE: "create table l ();", "20250116000000_later.sql": "alter table l;",
                     C: "drop table l;"})
    fix(checkout, "--base", "main")
    check_order(checkout, ["a", "b", "late", "later", "c"])
    assert tree(checkout)[A] and tree(checkout)[B]


def test_versions_need_a_base(repository):
    checkout = repository.pawl
    write(checkout, {"20520703075855_f.sql": "", "20250101000000_other.sql": ""})
    before = tree(checkout)
    report = fix(checkout, code=3)
    assert tree(checkout) == before and sorted(rules(report, "left")) == [
        "duplicate-version", "future-version"]
    assert all("--base" in item["why"] for item in report["left"])


@pytest.mark.parametrize("name", ["20250201000000_aa.sql", "20250201000000_z.sql"])
def test_of_two_with_one_version_the_new_one_moves(repository, name):
    checkout = repository.pawl
    write(checkout, {name: CREATE})
    fix(checkout, "--base", "main")
    check_order(checkout, ["a", "b", name[15:-4]])
    assert B in tree(checkout) and A in tree(checkout)


def test_versions_in_the_future_come_back(repository):
    checkout = repository.pawl
    write(checkout, {"20520703075855_f.sql": "select 1;", "20520703075856_g.sql": "select 2;",
                     C: ""})
    fix(checkout, "--base", "main")
    check_order(checkout, ["a", "b", "c", "f", "g"])
    today = time.strftime("%Y%m%d", time.gmtime(time.time() + 60))
    assert all(name <= f"{today}235959_z" for name in tree(checkout))


def test_after_a_base_that_lies_in_the_future_nothing_can_come(repository):
    checkout = repository.pawl
    repository.on_main({"20520703075855_f.sql": ""})
    repository.git("merge", "-q", "main")
    write(checkout, {LATE: CREATE})
    report = fix(checkout, "--base", "main", code=3)
    assert report["fixed"] == [] and "future" in report["left"][0]["why"]


def test_a_number_that_only_the_base_has_is_not_taken_again(make_pawl):
    checkout = make_pawl()
    checkout.config({"pawl": {"naming": "sequence"}})
    repository = Repository.__new__(Repository)
    repository.pawl, repository.root = checkout, checkout.folder
    repository.git("init", "-q", "-b", "main")
    repository.commit({"1_a.sql": "select 1;"})
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit({"2_topic.sql": "select 2;"})
    repository.on_main({"2_main.sql": "select 3;", "3_main.sql": "select 4;"})
    fix(checkout, "--base", "main")
    assert set(tree(checkout)) == {"1_a.sql", "4_topic.sql"}


def test_a_renamed_file_is_not_new(repository):
    checkout = repository.pawl
    write(checkout, {A: None, "20250101000000_renamed.sql": "create table a (x int primary key);\n",
                     LATE: CREATE})
    fix(checkout, "--base", "main")
    check_order(checkout, ["renamed", "b", "late"])


def test_where_late_files_are_applied_they_stay(repository):
    checkout = repository.pawl
    checkout.config({"pawl": {"out_of_order": "apply"}})
    write(checkout, {LATE: CREATE})
    assert fix(checkout, "--base", "main")["fixed"] == [] and LATE in tree(checkout)


def test_a_name_that_is_mended_and_then_late(repository):
    """What one pass leads to is seen by the next."""
    checkout = repository.pawl
    write(checkout, {MILLISECONDS: "select 1;\n-- pawl: phse=contract\n", "pawl.sum": ""})
    checkout.run("sum")
    (checkout.migrations / "pawl.sum").unlink()
    report = fix(checkout, "--base", "main")
    assert rules(report) == ["directive-late", "directive-unknown", "name-precision",
                             "out-of-order"]
    check_order(checkout, ["a", "b", "x"])


# ---- pawl.sum ----

def sum_fits(checkout):
    checkout.run("sum", "--check", check=0)


def test_a_missing_line_is_written(checkout):
    write(checkout, {A: "select 1;", B: "select 2;"})
    checkout.run("sum", check=0)
    write(checkout, {C: "select 3;"})
    report = fix(checkout)
    assert rules(report) == ["sum-missing-line"] and report["fixed"][0]["file"] == "migrations/pawl.sum"
    sum_fits(checkout)


def test_no_sum_is_made_where_there_is_none(checkout):
    write(checkout, {A: "-- pawl: phse=contract\n"})
    fix(checkout)
    assert set(tree(checkout)) == {A}


# ---- contract steps ----

PHASE = "-- pawl: phase=contract\n"
DROP = "alter table b drop column y;\n"


def on_dialect(checkout, dialect):
    checkout.config({"pawl": {"dialect": dialect}})


@pytest.mark.parametrize("before, after, rule", [
    (DROP, PHASE + DROP, "drop-column"),
    ("drop table b;\n", PHASE + "drop table b;\n", "drop-table"),
    ("drop view v;", PHASE + "drop view v;", "drop-view"),
    ('-- pawl: allow=drop-cascade-data reason="empty"\ndrop schema s cascade;',
     '-- pawl: allow=drop-cascade-data reason="empty"\n' + PHASE + "drop schema s cascade;", "drop-schema"),
    ("drop function f(int);", PHASE + "drop function f(int);", "breaking-change"),
    # what goes along with it
    ("set lock_timeout = '2s';\nalter table b drop constraint k;\ndrop index i;\n" + DROP,
     PHASE + "set lock_timeout = '2s';\nalter table b drop constraint k;\ndrop index i;\n" + DROP,
     "drop-column"),
    # what is made again is not new
    ("drop view v;\n" + DROP + "create view v as select x from b;\n",
     PHASE + "drop view v;\n" + DROP + "create view v as select x from b;\n", "drop-column"),
    # the head, as it is
    ("-- a licence\n\n  " + DROP, "-- a licence\n\n" + PHASE + "  " + DROP, "drop-column"),
    ("-- pawl: lock_timeout=5s\n" + DROP, "-- pawl: lock_timeout=5s\n" + PHASE + DROP, "drop-column"),
    ("-- migrate:up\n" + DROP + "-- migrate:down\ncreate table z ();\n",
     "-- migrate:up\n" + PHASE + DROP + "-- migrate:down\ncreate table z ();\n", "drop-column"),
    ("\ufeff-- a\r\nalter table b drop column y;\r\n",
     "\ufeff-- a\r\n-- pawl: phase=contract\r\nalter table b drop column y;\r\n", "drop-column"),
    ("-- pawl: phse=contract\n" + DROP, PHASE + DROP, None),  # it was said
])
def test_what_breaks_older_code_becomes_a_contract_step(repository, before, after, rule):
    checkout = repository.pawl
    on_dialect(checkout, "postgres")
    write(checkout, {C: before.encode()})
    checkout.run("check", "--base", "main", check=3)
    report = fix(checkout, "--base", "main")
    assert (checkout.migrations / C).read_bytes() == after.encode()
    if rule is not None:
        item, = report["fixed"]
        line = after.replace("\r", "").split("\n").index(PHASE.strip()) + 1
        assert item == {"rule": rule, "file": f"migrations/{C}", "line": line, "new_line": line, "old": None,
                        "new": PHASE.strip()}


@pytest.mark.parametrize("text, line, word", [
    ("alter table b add column z int;\n" + DROP, 1, "adds what newer code needs"),
    (DROP + "create table d (x int primary key);", 2, "adds what newer code needs"),
    (DROP + "create view d as select 1;", 2, "adds what newer code needs"),
    (DROP + "create function d() returns int language sql as 'select 1';", 2, "adds what newer code needs"),
    ("drop table b;\ncreate table b (x int primary key);", 2, "adds what newer code needs"),
    ("alter table b drop column y, add column y bigint;", 1, "adds what newer code needs"),
    (DROP + "alter table b rename x to z;", 2, "may need"),
    (DROP + "insert into a values (1);", 2, "may need"),
    (DROP + "\n\ndo $$begin end$$;", 4, "may need"),
    (DROP + "create or replace function d() returns int language sql as 'select 1';", 2, "may need"),
    (DROP + "alter table b alter column x type bigint;", 2, "may need"),
    (DROP + "create extension e;", 2, "may need"),
    ("drop function f(int);\nalter type t rename to u;", 2, "may need"),
])
def test_what_newer_code_needs_does_not_wait_with_a_contract_step(repository, text, line, word):
    checkout = repository.pawl
    on_dialect(checkout, "postgres")
    write(checkout, {C: text})
    report = fix(checkout, "--base", "main", code=3)
    assert report["fixed"] == [] and (checkout.migrations / C).read_text() == text
    left, = report["left"]
    assert left["rule"] in ("drop-column", "drop-table", "breaking-change") and left["line"] > 0
    assert f"line {line} " in left["why"] and word in left["why"]
    assert "migration of its own that comes first" in left["why"] and "--phase contract" in left["why"]


@pytest.mark.parametrize("text, words", [
    ("-- pawl: phase=expand\n" + DROP, "other directives"),
    ("-- pawl: replaces=20250201000000_b..20250301000000_c\n" + DROP, "other directives"),
])
def test_a_phase_that_was_said_is_not_said_otherwise(repository, text, words):
    checkout = repository.pawl
    on_dialect(checkout, "postgres")
    write(checkout, {C: text})
    result = checkout.run("--json", "check", "--fix", "--base", "main", check=3).json()
    assert (checkout.migrations / C).read_text() == text
    assert words in next(left["why"] for left in result["left"] if left["rule"] == "drop-column")


def test_a_contract_step_is_only_made_of_what_is_new(repository):
    checkout = repository.pawl
    gone = "drop table elsewhere;\n"
    on_dialect(checkout, "postgres")
    write(checkout, {C: gone})
    report = fix(checkout, code=3)
    assert report["fixed"] == [] and "--base" in report["left"][0]["why"]
    assert (checkout.migrations / C).read_text() == gone
    shown = checkout.run("check", "--fix", "--dry-run", "--base", "main", check=3).out
    assert f"@@ migrations/{C}:1 [drop-table]\n+ {PHASE}" in shown and "\n- " not in shown
    allowed = '-- pawl: allow=drop-table reason="unread"\n' + gone
    write(checkout, {C: allowed})
    assert fix(checkout, "--base", "main")["fixed"] == []
    assert (checkout.migrations / C).read_text() == allowed


def test_a_contract_step_of_sqlite(repository):
    checkout = repository.pawl
    on_dialect(checkout, "sqlite")
    write(checkout, {C: "alter table a drop column x;\n"})
    assert rules(fix(checkout, "--base", "main")) == ["sqlite-drop-column"]
    assert (checkout.migrations / C).read_text() == PHASE + "alter table a drop column x;\n"
    write(checkout, {C: "drop table a;\n"})
    assert rules(fix(checkout, "--base", "main")) == ["sqlite-drop-table"]
    for more, word in (("create table n (x int);", "adds"), ("alter table b add column z int;", "adds"),
                       ("insert into b values (1);", "may need")):
        write(checkout, {C: "drop table a;\n" + more})
        why, = (left["why"] for left in fix(checkout, "--base", "main", code=3)["left"])
        assert "line 2 " in why and word in why


def test_a_new_phase_is_in_the_sum(repository):
    checkout = repository.pawl
    on_dialect(checkout, "postgres")
    write(checkout, {C: DROP})
    checkout.run("sum", check=0)
    assert rules(fix(checkout, "--base", "main")) == ["drop-column", "sum-mark"]
    sum_fits(checkout)


def test_the_digest_is_mended(checkout):
    write(checkout, {A: "select 1;"})
    checkout.run("sum", check=0)
    path = checkout.migrations / "pawl.sum"
    path.write_text(re.sub("digest=.{64}", f"digest={'0' * 64}", path.read_text()))
    assert rules(fix(checkout)) == ["sum-digest"]
    sum_fits(checkout)


def test_what_pawl_renames_stays_in_its_sum(repository):
    checkout = repository.pawl
    write(checkout, {LATE: CREATE})
    checkout.run("sum", check=0)
    assert rules(fix(checkout, "--base", "main"))[0] == "out-of-order"
    sum_fits(checkout)


STALE = {
    "sum-checksum": {C: "create table changed ();"},
    "sum-mark": {C: "-- pawl: phase=contract\n" + CREATE},
    "sum-extra-line": {C: None},
    "sum-format": {"pawl.sum": "<<<<<<< HEAD\n"},
}


@pytest.mark.parametrize("rule", STALE)
def test_a_line_that_says_otherwise_is_written_only_when_nothing_of_the_base_changed(
        repository, rule):
    checkout = repository.pawl
    write(checkout, {C: CREATE})
    checkout.run("sum", check=0)
    write(checkout, STALE[rule])
    stale = (checkout.migrations / "pawl.sum").read_bytes()
    report = fix(checkout, code=3)
    assert report["fixed"] == [] and "--base" in report["left"][0]["why"]
    write(checkout, {A: "create table a (x bigint primary key);\n"})
    report = fix(checkout, "--base", "main", code=3)
    assert report["fixed"] == [] and "comes first" in report["left"][0]["why"]
    assert (checkout.migrations / "pawl.sum").read_bytes() == stale
    repository.git("checkout", "migrations/" + A)
    report = fix(checkout, "--base", "main")
    assert len(report["fixed"]) == 1
    sum_fits(checkout)


# ---- what is said ----

def test_each_edit_is_a_line(repository):
    checkout = repository.pawl
    write(checkout, {MILLISECONDS: "", C: "select 1;\n-- pawl: phse=contract\n", "pawl.sum": ""})
    (checkout.migrations / "pawl.sum").unlink()
    checkout.run("check", check=3)
    result = checkout.run("check", "--fix", check=0)
    assert result.out.split("\n")[:3] == [
        f"moved migrations/{C}:2 to line 1: -- pawl: phse=contract [directive-late]",
        f"fixed migrations/{C}:1: -- pawl: phase=contract [directive-unknown]",
        f"renamed migrations/{MILLISECONDS} to migrations/{MEANT} [name-precision]"]
    assert result.out.endswith("checked 4 migrations: no findings\n") and result.err == ""


def test_what_is_left_is_checked_again(checkout):
    write(checkout, {MILLISECONDS: "", A: "\\connect x\n"})
    result = checkout.run("check", "--fix", check=3)
    assert "renamed " in result.out and ": error: " in result.out
    assert f"migrations/{A}" in result.out and result.err.startswith("pawl: 1 error, 0 warnings\n")


def test_the_hint_names_fix_where_it_helps(checkout):
    write(checkout, {A: "\\connect x\n"})
    assert "--fix" not in checkout.run("check", check=3).err
    write(checkout, {MILLISECONDS: ""})
    assert "`pawl check --fix`" in checkout.run("check", check=3).err


@pytest.mark.parametrize("form", ["sarif", "gitlab"])
def test_a_document_stays_one(checkout, form):
    write(checkout, {MILLISECONDS: ""})
    result = checkout.run("check", "--fix", "--format", form, check=0)
    assert json.loads(result.out) is not None and "renamed migrations/" in result.err


@pytest.mark.parametrize("name", ["20250103000000_x\nfixed y\n::notice::z.sql", "::notice::z.sql",
                                  "::notice::20250103000000_z.SQL"])
def test_a_name_forges_no_line(checkout, name):
    """Nor does a line of the log start with what others wrote: GitHub obeys some."""
    checkout.config({"pawl": {"migrations": "."}})
    write(checkout, {f"./{name}": "-- pawl: phse=expand\n"})
    for args in (("--dry-run",), ()):
        result = checkout.run("check", "--fix", "--format", "github", *args)
        assert "phase" in result.out
        assert not [line for line in (result.out + result.err).split("\n")
                    if line.strip().startswith(("fixed y", "::notice"))]


# ---- a dry run ----

def test_a_dry_run_shows_and_changes_nothing(repository):
    checkout = repository.pawl
    write(checkout, {C: "select 1;\n-- pawl: phse=contract\n", MILLISECONDS: "", LATE: ""})
    checkout.run("sum")
    before = tree(checkout)
    codes = [checkout.run("check", "--base", "main").code,
             checkout.run("check", "--base", "main", "--fix", "--dry-run").code]
    assert codes == [3, 3]
    result = checkout.run("check", "--base", "main", "--fix", "--dry-run")
    assert tree(checkout) == before
    assert (f"@@ migrations/{C}:2 [directive-late]\n- -- pawl: phse=contract\n"
            "+ -- pawl: phse=contract (line 1)\n"
            f"@@ migrations/{C}:1 [directive-unknown]\n- -- pawl: phse=contract\n"
            "+ -- pawl: phase=contract\n") in result.out
    assert (f"@@ migrations/{MILLISECONDS} [name-precision]\n- migrations/{MILLISECONDS}\n"
            f"+ migrations/{MEANT}\n") in result.out
    assert f"@@ migrations/{LATE} [out-of-order]\n- migrations/{LATE}\n+ migrations/2" in result.out
    # The findings are those of the files as they are.
    plain = checkout.run("check", "--base", "main").out
    assert result.out.endswith(plain)


def test_a_dry_run_of_a_sum(checkout):
    write(checkout, {A: "select 1;"})
    checkout.run("sum", check=0)
    write(checkout, {B: "select 2;"})
    before = tree(checkout)
    result = checkout.run("check", "--fix", "--dry-run", check=3)
    assert "@@ migrations/pawl.sum [sum-missing-line]\n~ written anew\n" in result.out
    assert tree(checkout) == before


def test_a_dry_run_takes_no_name_twice(checkout):
    write(checkout, {MILLISECONDS: "", "20250103000000-x.sql": ""})
    report = checkout.run("--json", "check", "--fix", "--dry-run", check=3).json()
    assert len(report["fixed"]) == len(report["left"]) == 1


def test_a_dry_run_belongs_to_fix(checkout):
    assert "--fix" in checkout.run("check", "--dry-run", check=2).err


# ---- the rules ----

def test_rules_that_are_mended_say_so(checkout):
    """The table of rules is what --fix and the docs read; what is tested above is in it."""
    listed = checkout.run("--json", "explain", "--list", check=0).json()["rules"]
    fixable = {rule["id"] for rule in listed if rule["fixed_by"] == "check"}
    assert fixable == {
        "name-grammar", "name-precision", "name-date", "name-characters", "future-version",
        "duplicate-version", "out-of-order", "directive-syntax", "directive-unknown",
        "directive-value", "directive-late", "allow-unknown", "sum-format", "sum-digest",
        "sum-missing-line", "sum-extra-line", "sum-checksum", "sum-mark", "drop-column", "drop-table",
        "drop-schema", "drop-view", "breaking-change", "sqlite-drop-column", "sqlite-drop-table"}
    assert all((rule["fixer"] is None) == (rule["fixed_by"] is None) for rule in listed)
    for rule in listed:
        said = checkout.run("explain", rule["id"], check=0).out
        assert ("`pawl check --fix`" in said) == (rule["id"] in fixable)


# ---- a hostile world ----

@pytest.fixture
def place():
    place = Place("sqlite:x.db")
    yield place
    place.close()


@pytest.mark.parametrize("name, text", [
    (f"{A}", "-- pawl: phse=contract\n"), (MILLISECONDS, "select 1;\n")])
def test_a_folder_that_may_not_be_written(place, name, text):
    place.write(name, text)
    place.give()
    place.migrations.chmod(0o555)
    result = place.run("check", "--fix", code=2, words=["Permission denied", "Nothing was changed."])
    assert name in result.err
    assert [path.name for path in place.migrations.iterdir()] == [name]
    assert (place.migrations / name).read_text() == text
    place.run("check", "--fix", "--dry-run", code=3)


def test_what_was_done_before_a_failure_is_told(place):
    """The first file lies in a folder that may be written, the second in one that may not."""
    place.config("[pawl]\nnaming = folder\n[target.main]\nurl = sqlite:x.db\n")
    for number in (1, 2):
        (place.migrations / f"2025010{number}000000_x").mkdir()
        place.write(f"2025010{number}000000_x/up.sql", "-- pawl: phse=contract\n")
    place.give()
    (place.migrations / "20250102000000_x").chmod(0o555)
    result = place.run("check", "--fix", code=2, words=["Permission denied", "What is listed"])
    assert result.out.count("fixed ") == 1 and "20250101000000_x/up.sql:1" in result.out
    assert [path.read_text() for path in sorted(place.migrations.rglob("*.sql"))] == [
        "-- pawl: phase=contract\n", "-- pawl: phse=contract\n"]


def test_a_symbolic_link_is_left(checkout):
    target = checkout.folder / "elsewhere.sql"
    target.write_text("-- pawl: phse=contract\n")
    (checkout.migrations / A).symlink_to(target)
    report = fix(checkout, code=3)
    assert report["left"][0]["why"] == "it is a symbolic link" and report["fixed"] == []
    assert (checkout.migrations / A).is_symlink()
    assert target.read_text() == "-- pawl: phse=contract\n"


def test_a_sum_that_is_a_symbolic_link_is_left(checkout):
    write(checkout, {A: "select 1;"})
    checkout.run("sum", check=0)
    (checkout.migrations / "pawl.sum").rename(checkout.folder / "sum")
    (checkout.migrations / "pawl.sum").symlink_to("../sum")
    write(checkout, {B: "select 2;"})
    report = fix(checkout, code=3)
    assert report["left"][0]["why"] == "it is a symbolic link"
    assert (checkout.migrations / "pawl.sum").is_symlink()


@pytest.mark.parametrize("deed, code, words", [
    ("rm migrations/{C}", 2, "No such file"),
    ("echo 'select 2;' > migrations/{C}", 2, "changed by someone else"),
    ("mv migrations/{C} x && ln -s ../x migrations/{C}", 3, ""),
    ("rm migrations/{C} && mkfifo migrations/{C}", 2, "not a regular file"),
])
def test_a_file_that_changes_meanwhile(repository, tmp_path, deed, code, words):
    """git is asked between the reading and the mending."""
    checkout = repository.pawl
    write(checkout, {C: "-- pawl: phse=contract\n"})
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text("#!/bin/sh\n"
                       f'if [ "$3" = cat-file ] && [ ! -e {tmp_path}/done ]; then\n'
                       f"  touch {tmp_path}/done; cd {checkout.folder}; {deed.format(C=C)}\nfi\n"
                       f'exec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    result = checkout.run("check", "--fix", "--base", "main", check=code,
                          env={"PATH": f"{wrapper.parent}:{os.environ['PATH']}"})
    assert words in result.err and (code == 3 or "Nothing was changed." in result.err)
    assert "fixed" not in result.out
    assert not [path for path in checkout.migrations.iterdir() if path.name.endswith(".tmp")]


@pytest.mark.timeout(300)
def test_memory_that_runs_out_leaves_whole_files(make_pawl):
    texts = {A: "select 1;\n-- pawl: phse=contract\n", MILLISECONDS: "select 2;\n"}
    mended = {A: "-- pawl: phase=contract\nselect 1;\n", MEANT: "select 2;\n"}
    failures = 0
    for number in range(1, 160, 2):
        pawl = make_pawl(name=f"c{number}")
        write(pawl, texts)
        result = pawl.run("check", "--fix", env={"PAWL_FAULT_ALLOC": number})
        assert result.code in (0, 1), str(result)
        assert result.code == 0 or "out of memory" in result.err, str(result)
        failures += result.code
        for name, text in tree(pawl).items():
            assert text.decode() in (texts.get(name), mended.get(name)), (number, name, text)
        assert len(tree(pawl)) == 2
        if result.code == 0:
            assert {name: text.decode() for name, text in tree(pawl).items()} == mended
    assert failures > 10


def test_many_edits(checkout):
    write(checkout, {f"20250101{n // 60:02}{n % 60:02}00-m.sql": "select 1;\n-- pawl: phse=contract\n"
                     for n in range(300)})
    report = fix(checkout)
    assert len(report["fixed"]) == 900
