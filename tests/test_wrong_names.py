"""Every way of naming a file wrongly, in every scheme, through new, renumber, check and deploy: each has
its own message with the right name in it, or with the command that makes it, and changes nothing."""

import os
import re
import time

import pytest
from support.ledger import Journal
from test_hostile import REFUSED, USAGE, Place

# The first migration of each scheme, and what is right after it.
RIGHT = {
    "timestamp": "20250101000000_first.sql",
    "epoch": "1735689600_first.sql",
    "logto": "1.0-1735689600-first.sql",
    "flyway": "V1__first.sql",
    "sequence": "000001_first.sql",
    "folder": "20250101000000_first",
}

# Scheme: rule, wrong name, words of the message, the name that was meant (None: only an example helps).
WRONG = {
    "timestamp": [
        ("name-precision", "1751529530394_x.sql", "13 digits: milliseconds", "20250703075850_x.sql"),
        ("name-precision", "1751529530_x.sql", "10 digits: seconds since 1970",
         "20250703075850_x.sql"),
        ("name-precision", "20250703075850123_x.sql", "17 digits", "20250703075850_x.sql"),
        ("name-precision", "20250703_x.sql", "8 digits: a date without a time",
         "20250703000000_x.sql"),
        ("name-precision", "000042_x.sql", "6 digits where 14 belong", None),
        ("name-date", "20251307075850_x.sql", "no month 13 exists", "20250713075850_x.sql"),
        ("name-date", "20250703075960_x.sql", "no second 60 exists", "20250703080000_x.sql"),
        ("name-date", "20250230075850_x.sql", "no day 30 exists in 2025-02", None),
        ("name-grammar", "20250703075850-x.sql", 'not followed by "_"', "20250703075850_x.sql"),
        ("name-grammar", "20250703075850_x.SQL", "not in small letters", "20250703075850_x.sql"),
        ("name-grammar", "schema.sql", "has no version", None),
        ("name-characters", "20250703075850_a b.sql", "a space", "20250703075850_a_b.sql"),
        ("name-characters", "20250703075850_a..b.sql", '".."', "20250703075850_a.b.sql"),
    ],
    "epoch": [
        ("name-precision", "1751529530394_x.sql", "13 digits: milliseconds", "1751529530_x.sql"),
        ("name-precision", "1751529530394123_x.sql", "16 digits: microseconds",
         "1751529530_x.sql"),
        ("name-precision", "20250703075850_x.sql", "14 digits: a date and time",
         "1751529530_x.sql"),
        ("name-precision", "17515295_x.sql", "8 digits where 10 belong", None),
        ("name-grammar", "1751529530-x.sql", 'not followed by "_"', "1751529530_x.sql"),
        ("name-characters", "1751529530_a\nb.sql", r"control character in it (\x0a)",
         "1751529530_a_b.sql"),
    ],
    "logto": [
        ("name-precision", "next-1751529530394-x.sql", "13 digits: milliseconds",
         "next-1751529530-x.sql"),
        ("name-precision", "1.30.0-1751529530394-x.sql", "13 digits: milliseconds",
         "1.30.0-1751529530-x.sql"),
        ("name-precision", "next-20250703075850-x.sql", "14 digits: a date and time",
         "next-1751529530-x.sql"),
        ("name-precision", "next-12-x.sql", "2 digits where 10 belong", None),
        ("name-grammar", "next-1751529530_x.sql", 'not followed by "-"', "next-1751529530-x.sql"),
        ("name-grammar", "1751529530-x.sql", "", None),
        ("name-characters", "next-1751529530-a b.sql", "a space", "next-1751529530-a-b.sql"),
    ],
    "flyway": [
        ("name-grammar", "v2__x.sql", 'a small "v"', "V2__x.sql"),
        ("name-grammar", "V2_x.sql", 'not followed by "__"', "V2__x.sql"),
        ("name-grammar", "V2__x.up.sql", '".up.sql"', "V2__x.sql"),
        ("name-grammar", "R1__x.sql", "a repeatable (R__) has no version", None),
        ("name-grammar", "beforeMigrate.sql", "callbacks and baselines are not run", None),
        ("name-characters", "V2__größe.sql", "not ASCII", "V2__gr_e.sql"),
    ],
    "sequence": [
        ("name-grammar", "000002-x.sql", 'not followed by "_"', "000002_x.sql"),
        ("name-grammar", "000002_x.UP.SQL", "not in small letters", "000002_x.up.sql"),
        ("name-grammar", "x.sql", "has no version", None),
        ("name-characters", b"000002_a\xffb.sql", "not valid UTF-8 at byte 9", "000002_a_b.sql"),
    ],
    "folder": [
        ("name-precision", "1751529530394_x", "13 digits: milliseconds", "20250703075850_x"),
        ("name-date", "2025-08-01-000060_x", "no second 60 exists", "2025-08-01-000100_x"),
        ("name-date", "20250230075850_x", "no day 30 exists", None),
        ("name-grammar", "20250703075850-x", 'not followed by "_"', "20250703075850_x"),
        ("name-grammar", "2025-0703-075850_x", "2025-07-03-075850", "20250703075850_x"),
        ("name-characters", "20250703075850_a\nb", r"(\x0a)", "20250703075850_a_b"),
    ],
}
CASES = [pytest.param(naming, *row, id=f"{naming}-{row[1]!r}")
         for naming, rows in WRONG.items() for row in rows]


@pytest.fixture
def make_place():
    places = []

    def make(naming):
        place = Place()
        places.append(place)
        place.config(f"[pawl]\nnaming = {naming}\n[target.main]\nurl = sqlite:pawl.db\n")
        add(place, naming, RIGHT[naming], "CREATE TABLE first (id integer);")
        return place

    yield make
    for place in places:
        place.close()


def add(place, naming, name, text="CREATE TABLE wrong (id integer);"):
    if naming == "folder":
        os.mkdir(os.path.join(os.fsencode(place.migrations), os.fsencode(name)))
        name = os.fsencode(name) + b"/up.sql"
    place.write(name, text)


def entries(place):
    return sorted(os.listdir(os.fsencode(place.migrations)))


def untouched(place):
    """To open a database that is not there may make an empty file."""
    return not place.sqlite().path.exists() or place.sqlite().path.stat().st_size == 0


def files(place):
    return sorted(path for path in place.folder.rglob("*") if path.name != "pawl.db")


def message_of(place, rule):
    """What check says of the one finding with this rule."""
    finding, = [f for f in place.run("--json", "check", code=REFUSED).json()["findings"]
                if f["rule"] == rule]
    return finding


@pytest.mark.parametrize("naming, rule, name, words, meant", CASES)
def test_a_wrong_name(make_place, naming, rule, name, words, meant):
    place = make_place(naming)
    add(place, naming, name)
    before = entries(place)
    finding = message_of(place, rule)
    assert finding["severity"] == "error" and words in finding["what"]
    right = f'rename it to "{meant}"' if meant else "name it like "
    assert finding["fix"].startswith(right)
    # The same words everywhere, and nothing is made or run.
    for command, codes in ((("check",), {REFUSED}), (("deploy",), {REFUSED}),
                           (("new", "add", "users"), {REFUSED})):
        result = place.run(*command)
        assert result.code in codes, str(result)
        assert finding["what"] in result.out + result.err and right in result.out + result.err
    assert entries(place) == before and untouched(place)
    # The name that was meant is right.
    if meant:
        os.rename(os.path.join(os.fsencode(place.migrations), os.fsencode(name)),
                  place.migrations / meant)
        place.run("check", code=0)
        place.run("deploy", code=0)
        assert place.sqlite().tables() == ["first", "wrong"]


@pytest.mark.parametrize("naming, name", [
    ("timestamp", "20520703075855_x.sql"), ("epoch", "2603689600_x.sql"),
    ("logto", "next-2603689600-x.sql"), ("folder", "20520703075855_x")])
def test_a_version_in_the_future(make_place, naming, name):
    place = make_place(naming)
    add(place, naming, name)
    before = entries(place)
    finding = message_of(place, "future-version")
    assert "from now" in finding["what"] and finding["fix"] == f'run "pawl renumber {name}"'
    for command in (("deploy",), ("new", "add", "users")):
        result = place.run(*command, code=REFUSED, words=["future-version", finding["fix"]])
        assert "from now" in result.err
    assert entries(place) == before and untouched(place)
    # The command makes a name of today.
    new = place.run("renumber", name, code=0).out.strip()
    assert new.endswith(name[-6 if naming != "folder" else -2:])
    if naming in ("timestamp", "folder"):
        assert time.strftime("%Y", time.gmtime()) in new
    place.run("check", code=0)
    place.run("deploy", code=0)


@pytest.mark.parametrize("naming, name", [
    ("timestamp", "20250101000000_x.sql"), ("epoch", "1735689600_x.sql"),
    ("logto", "next-1735689600-x.sql"), ("flyway", "V1.0__x.sql"), ("sequence", "1_x.sql"),
    ("folder", "20250101000000_x"), ("folder", "2025-01-01-000000_x")])
def test_a_version_that_another_file_has(make_place, naming, name):
    place = make_place(naming)
    add(place, naming, name)
    before = entries(place)
    finding = message_of(place, "duplicate-version")
    assert f'is that of "{RIGHT[naming]}" too' in finding["what"] or \
        f'is that of "{name}" too' in finding["what"]
    command = re.search('run "pawl (renumber .*?)"', finding["fix"])[1].split()
    for args in (("deploy",), ("new", "add", "users")):
        place.run(*args, code=REFUSED, words=["duplicate-version", finding["what"]])
    assert entries(place) == before and untouched(place)
    place.run(*command, code=0)
    place.run("check", code=0)
    place.run("deploy", code=0)
    assert place.sqlite().tables() == ["first", "wrong"]


# ---- file names as words of the command line ----

@pytest.mark.parametrize("naming", RIGHT)
@pytest.mark.parametrize("word, slug", [
    ("1751529530394_add_users.sql", "add_users"), ("20250703075850_add_users", "add_users"),
    ("20251307075850_add_users.sql", "add_users"), ("next-1751529530394-add-users.sql", "add_users"),
    ("V7__add_users.sql", "add_users"), ("add_users.sql", "add_users")])
def test_new_refuses_a_version_typed_by_hand(make_place, naming, word, slug):
    place = make_place(naming)
    before = entries(place)
    result = place.run("new", word, code=USAGE, words=["is a file name already"])
    hint = re.search(r"Type `pawl new '(.*?)'`: it makes (\S+?)\.\n", result.err)
    assert entries(place) == before
    made = place.run("new", hint[1], code=0).out.strip()
    shape = re.sub("[0-9]+", "0", hint[2])
    assert re.sub("[0-9]+", "0", made.removesuffix("/up.sql")).endswith(shape)
    assert slug in made.replace("-", "_")
    (place.folder / made).write_text("SELECT 1;\n")
    place.run("check", code=0)


@pytest.mark.parametrize("word", [
    "../escape", "../../20250703075850_x.sql", "a/../b", "/etc/cron.d/x", "./x", "x/"])
def test_new_makes_nothing_outside_of_the_folder(make_place, word):
    place = make_place("timestamp")
    before = files(place)
    place.run("new", word, code=USAGE, words=["is a path", "pawl new add users"])
    assert files(place) == before
    assert not list(place.folder.parent.glob("*escape*")) and not os.path.exists("/etc/cron.d/x")


@pytest.mark.parametrize("naming", RIGHT)
@pytest.mark.parametrize("word", [
    "../pawl.conf", "../../x", "/etc/passwd", "no\nsuch.sql", b"no\xffsuch.sql", "..", ".", "/", ""])
def test_renumber_renames_nothing_that_is_no_migration(make_place, naming, word):
    place = make_place(naming)
    before = files(place)
    result = place.run("renumber", word)
    assert result.code in (USAGE, REFUSED) and files(place) == before
    assert len(result.err.split("\n")) <= 4


@pytest.mark.parametrize("naming", RIGHT)
@pytest.mark.parametrize("args", [("new",), ("renumber",), ("check", "--base"), ("check",),
                                  ("deploy", "--to"), ("adopt", "--as-of")])
@pytest.mark.parametrize("word", ["n" * 4096, b"\xff" * 4096, "../" * 1365, "\n" * 4096],
                         ids=["letters", "bytes", "dots", "newlines"])
def test_words_of_four_kilobytes(make_place, naming, args, word):
    place = make_place(naming)
    before = files(place)
    result = place.run(*args, word)
    assert result.code in (USAGE, REFUSED), str(result)
    assert files(place) == before and untouched(place) and len(result.err) < 2000


@pytest.mark.parametrize("word", ["n" * 4096, b"\xff" * 4096, "a\n  applied  b"],
                         ids=["letters", "bytes", "newline"])
def test_words_of_a_repair(make_place, word):
    place = make_place("timestamp")
    place.run("deploy", code=0)
    rows = Journal(place.sqlite()).rows
    right = RIGHT["timestamp"].removesuffix(".sql")
    for words in (("--new", word), ("--renamed", word, right), ("--renamed", right, word),
                  ("--accept-edit", word, "--reason", "x")):
        result = place.run("repair", *words)
        assert result.code in (USAGE, REFUSED) and len(result.err) < 2000, str(result)
        assert not any(line.strip().startswith("applied") for line in result.err.split("\n"))
    assert Journal(place.sqlite()).rows == rows


@pytest.mark.parametrize("naming", RIGHT)
def test_the_longest_name_of_the_file_system(make_place, naming):
    place = make_place(naming)
    start, ending = RIGHT[naming].split("first")
    name = start.replace("1735689600", "1735689601").replace("01000000", "01000001").replace(
        "000001", "000002").replace("V1", "V2")
    name += "x" * (255 - len(name) - len(ending)) + ending
    add(place, naming, name)
    finding = message_of(place, "name-length")
    assert "255 bytes long: 200 at most" in finding["what"]
    # The right name is there as a whole: the words of it are cut, not the message.
    meant = re.fullmatch('rename it to "(.*)"', finding["fix"])[1]
    assert meant.startswith(name[:60]) and meant.endswith(ending) and len(meant) <= 200
    place.run("deploy", code=REFUSED, words=["name-length", meant])
    place.run("new", "x", code=REFUSED, words=["name-length", meant])
    (place.migrations / name).rename(place.migrations / meant)
    place.run("check", code=0)


# ---- names in pawl.sum ----

HOSTILE_IDS = [b"x" * 4096, b"\xff\xfe" * 100, b"../../etc/passwd", b"a\x1b[31mb", b"/etc/passwd",
               b"20250101000009_a b", "größe".encode(), b"-rf", b"\t", b" "]


@pytest.mark.parametrize("naming", ["timestamp", "flyway", "folder"])
@pytest.mark.parametrize("name", HOSTILE_IDS, ids=lambda name: repr(name[:20]))
def test_a_name_in_a_sum(make_place, naming, name):
    """The reader of pawl.sum looks at no file by such a name, and prints none as it is."""
    place = make_place(naming)
    place.run("sum", code=0)
    path = place.migrations / "pawl.sum"
    path.write_bytes(path.read_bytes() + b"0" * 64 + b" e " + name + b"\n")
    finding = message_of(place, "sum-extra-line")
    assert finding["line"] == 3 and finding["what"].startswith('there is no migration "')
    assert len(finding["what"]) < 300
    result = place.run("check", code=REFUSED)
    assert len(result.out) < 1000
    before = entries(place)
    deployed = place.run("deploy")
    assert deployed.code in (0, REFUSED, USAGE) and entries(place) == before
    if deployed.code == 0:
        assert Journal(place.sqlite()).verify().applied() == [RIGHT[naming].removesuffix(".sql")]
    for command in ("status", "ready"):
        place.run(command)
    made = place.run("new", "x", code=0).out.strip()
    (place.folder / made).write_text("SELECT 1;\n")
    place.run("sum", code=0)
    place.run("check", code=0)
