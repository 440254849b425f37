"""What is the same migration: each sentence of docs/ledger.md on identity, order, what a set lacks,
repeatables, readiness and adoption, through the program.

A story is steps. One step changes a checkout's files, one command runs, and its exit code and some of
its words are compared. After each step `ready` is asked from the files and from pawl.sum alone, and
both answers must be the same.

Files: {"3_c": "text"} writes version(3)_c, None takes it away. Contents are one letter for one
statement on a table of its own; see TEXTS.
"""

import re
import shutil
from dataclasses import dataclass, field

import pytest

from support import ledger
from support.ledger import version

TEXTS = {
    **{letter: f"CREATE TABLE {letter} (id int);" for letter in "abcdefgh"},
    "say": "SELECT 1;",  # the same for whoever says it
    "nothing": "-- nothing\n",
    "contract": "-- pawl: phase=contract\nDROP TABLE IF EXISTS gone;",
    "contract2": "-- pawl: phase=contract\nDROP TABLE IF EXISTS gone2;",
    "a edited": "CREATE TABLE a (id bigint);",
    "v1": "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT 1 AS n;",
    "v2": "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT 2 AS n;",
}


def full(name):
    """3_c: version(3)_c."""
    number, _, rest = name.partition("_")
    return f"{version(int(number))}_{rest}" if number.isdigit() else name


@dataclass
class Step:
    """files of a checkout, a command, and what it says."""

    command: str
    code: int = 0
    says: tuple = ()
    ready: int = 0
    files: dict = field(default_factory=dict)
    on: str = "main"  # the checkout
    applied: str | None = None  # ids in the journal's order, "1_a 2_b"
    recorded: tuple = ()  # the events that this step wrote, but begin and end
    set_up: dict = field(default_factory=dict)  # [pawl] settings from here on


def step(command, code=0, *says, **more):
    return Step(command, code, says, **more)


A, AB, ABC = {"1_a": "a"}, {"1_a": "a", "2_b": "b"}, {"1_a": "a", "2_b": "b", "3_c": "c"}
FIRST = step("deploy", files=ABC, applied="1_a 2_b 3_c")

STORIES = {
    # ---- Identity ----
    "ids come first": [
        FIRST, step("deploy", 0, "nothing to do")],
    "one gone and one file of the same content are one migration renamed": [
        FIRST,
        step("deploy", 0, "names recorded", files={"2_b": None, "2_other": "b"},
             recorded=("renamed",), applied="1_a 2_b 3_c"),
        step("status", 0, "0 pending")],
    "a rename to an earlier place is one": [
        FIRST, step("deploy", 0, files={"3_c": None, "0_c": "c"}, recorded=("renamed",))],
    "a rename does not change the digest: ready before the deploy": [
        FIRST, step("status", 0, "renamed", files={"2_b": None, "2_other": "b"})],
    "unless the new name sorts after something that was applied later than it": [
        FIRST,
        step("deploy", 3, "renamed", "repair --renamed 2_b 4_b", "repair --new 4_b",
             files={"2_b": None, "4_b": "b"}),
        step("status --exit-code", 4, "doubtful"),
        step("repair --renamed 2_b 4_b", recorded=("renamed",)),
        step("deploy", 0, "nothing to do"),
        step("deploy", 0, "nothing to do", on="old", files=ABC)],
    "any doubt is refused: several new files have this content": [
        step("deploy", files={"1_x": "say", "2_b": "b"}),
        step("deploy", 3, "several new files", "--renamed 1_x 3_x", "--renamed 1_x 4_x",
             files={"1_x": None, "3_x": "say", "4_x": "say"}, ready=4),
        step("repair --renamed 1_x 3_x", recorded=("renamed",), ready=4),
        step("deploy", 0, applied="1_x 2_b 4_x")],
    "any doubt is refused: what is declared new is out of it": [
        step("deploy", files={"1_x": "say", "2_b": "b"}),
        step("deploy", 3, "several new files", files={"1_x": None, "3_x": "say", "4_x": "say"}, ready=4),
        step("repair --new 4_x", recorded=("declared_new",), ready=4),
        step("deploy", 3, "--renamed 1_x 3_x", ready=4),
        step("repair --renamed 1_x 3_x", recorded=("renamed",), ready=4),
        step("deploy", 0, applied="1_x 2_b 4_x")],
    "any doubt is refused: several with this content are gone": [
        step("deploy", files={"1_x": "say", "2_x": "say", "3_c": "c"}),
        step("deploy", 3, "several applied", "--renamed 1_x 4_x", "--renamed 2_x 4_x", "--new 4_x",
             files={"1_x": None, "2_x": None, "4_x": "say"}),
        step("repair --renamed 2_x 4_x", recorded=("renamed",)),
        step("deploy", 0, "trimmed", applied="1_x 2_x 3_c")],
    "a copy of what is still there is a migration of its own": [
        step("deploy", files={"1_x": "say"}),
        step("deploy", files={"2_x": "say"}, applied="1_x 2_x")],
    "both of equal contents can be renamed one after the other": [
        step("deploy", files={"1_x": "say", "2_x": "say"}),
        step("deploy", files={"1_x": None, "1_y": "say"}, recorded=("renamed",)),
        step("deploy", files={"2_x": None, "2_y": "say"}, recorded=("renamed",)),
        step("deploy", 0, "older code", on="old", files={"1_x": "say"}),
        step("deploy", 0, "nothing to do", on="old", files={"2_x": "say"})],
    "an empty file is simply applied": [
        step("deploy", files={"1_e": "nothing", "2_b": "b", "3_c": "c"}, applied="1_e 2_b 3_c"),
        step("deploy", files={"1_e": None, "0_f": "nothing"}, applied="1_e 2_b 3_c 0_f"),
        step("deploy", 0, "nothing to do", on="old",
             files={"1_e": "nothing", "2_b": "b", "3_c": "c"})],
    "an empty file of older code is applied too": [
        step("deploy", files={"1_a": "a", "2_e": "nothing", "3_c": "c"}),
        step("deploy", 0, "older code", "1 applied", on="old",
             files={"1_a": "a", "2_f": "nothing"}, applied="1_a 2_e 3_c 2_f")],
    "a name once known stays an alias: two pipelines deploy in turn": [
        step("deploy", files=AB),
        step("deploy", on="new", files={"1_a": "a", "2_other": "b"}, recorded=("renamed",)),
        step("deploy", 0, "nothing to do"),
        step("deploy", 0, "nothing to do", on="new"),
        step("deploy", 0, "nothing to do"),
        step("deploy", on="new", files={"3_c": "c"}, applied="1_a 2_b 3_c"),
        step("deploy", 0, "older code"),
        step("status", 0, "not in the set")],
    "the first to deploy may carry the new name, and the older one follows": [
        step("deploy", on="new", files={"1_a": "a", "2_other": "b", "3_c": "c"}),
        step("deploy", 0, "names recorded", "older code", files=AB, recorded=("renamed",)),
        step("deploy", 0, "nothing to do", on="new"),
        step("deploy", 0, "older code")],
    "chains: a, b, c, deployed each time": [
        step("deploy", files={"1_a": "a"}),
        step("deploy", files={"1_a": None, "1_b": "a"}, recorded=("renamed",)),
        step("deploy", files={"1_b": None, "1_c": "a"}, recorded=("renamed",)),
        *(step("deploy", 0, "nothing to do", on=f"old {name}", files={name: "a"})
          for name in ("1_a", "1_b", "1_c"))],
    "chains: c reaches a database that knows a alone, then b comes": [
        step("deploy", files={"1_a": "a"}),
        step("deploy", files={"1_a": None, "1_c": "a"}, recorded=("renamed",)),
        step("deploy", files={"1_b": "a"}, on="between", recorded=("renamed",)),
        step("deploy", 0, "nothing to do", files={})],
    "back again: the old name is known": [
        FIRST,
        step("deploy", files={"2_b": None, "2_other": "b"}, recorded=("renamed",)),
        step("deploy", 0, "nothing to do", files={"2_other": None, "2_b": "b"})],
    "swapped names are two edits, as ids come first": [
        FIRST,
        step("deploy", 3, "content of \"2_b\"", "content of \"1_a\"", files={"1_a": "b", "2_b": "a"}),
        step("repair --accept-edit 1_a --reason swapped", recorded=("edit_accepted",)),
        step("repair --accept-edit 2_b --reason swapped", recorded=("edit_accepted",)),
        step("deploy", 0, "nothing to do"),
        step("deploy", 0, "nothing to do", on="old", files=ABC)],
    "a name that was taken over by a new file is refused, not edited": [
        step("deploy", files={"1_a": "a", "2_b": "b", "4_d": "d"}),
        step("deploy", files={"2_b": None, "3_other": "b"}, recorded=("renamed",)),
        step("deploy", 3, "earlier name", "pawl renumber", files={"2_b": "e"}),
        step("renumber 2_b", ready=4),
        step("deploy", 0, "1 applied")],
    "renamed with an edit is a file that is gone and one that is new": [
        FIRST,
        step("deploy", 3, "diverged", "2_b", "4_b", files={"2_b": None, "4_b": "d"}, ready=4),
        step("repair --renamed 2_b 4_b", 3, "Renamed and edited is two things", ready=4),
        step("deploy", 3, "2_b", "4_b", "repair --renamed 2_b 4_b", files={"4_b": "b"}),
        step("repair --renamed 2_b 4_b", recorded=("renamed",)),
        step("deploy", 3, "was edited", files={"4_b": "d"}),
        step("repair --accept-edit 4_b --reason same", recorded=("edit_accepted",)),
        step("deploy", 0, "nothing to do"),
        step("deploy", 0, "nothing to do", on="old", files=ABC)],
    "an applied id with another checksum was edited": [
        FIRST,
        step("deploy", 3, "was edited", "CHECKSUMS 1_a", "pawl new NAME",
             "repair --accept-edit 1_a", files={"1_a": "a edited"}),
        step("status", 0, "edited"),
        step("repair --accept-edit 2_b --reason no", 3, "not edited"),
        step("repair --accept-edit 9_x --reason no", 2, "no migration"),
        step("repair --accept-edit 1_a", 2, "--reason"),
        step("repair --accept-edit 1_a --reason yes", recorded=("edit_accepted",)),
        step("repair --accept-edit 1_a --reason yes", 0, "already"),
        step("deploy", 0, "nothing to do"),
        step("deploy", 0, "nothing to do", on="old", files=ABC)],
    "a comment, white space and keyword case are no edit": [
        FIRST, step("deploy", 0, "nothing to do",
                    files={"1_a": "-- (c) somebody\n  create  TABLE\n a ( id INT ) -- so"})],

    # ---- Order ----
    "a pending migration older than the newest applied one is refused with its renumbering": [
        step("deploy", files={"1_a": "a", "3_c": "c"}),
        step("deploy", 3, "older than", "3_c", "pawl renumber", "2_b.sql", files={"2_b": "b"}, ready=4),
        step("status", 0, "out of order", ready=4),
        step("renumber 2_b", ready=4),
        step("deploy", 0, "1 applied")],
    "or applied where the configuration says so": [
        step("deploy", files={"1_a": "a", "3_c": "c"}),
        step("deploy", 0, "older than", files={"2_b": "b"}, set_up={"out_of_order": "apply"},
             applied="1_a 3_c 2_b"),
        step("deploy", 0, "nothing to do")],
    "never skipped: two late ones are both named": [
        step("deploy", files={"1_a": "a", "5_e": "e"}),
        step("deploy", 3, "2_b.sql", "3_c.sql", files={"2_b": "b", "3_c": "c"}, ready=4)],

    # ---- Missing ----
    "lacking something with nothing pending it is older code": [
        FIRST, step("deploy", 0, "older code", "2_b", "3_c", "nothing was changed", on="old", files=A),
        step("status --exit-code", 0, "not in the set", on="old")],
    "with something pending it has diverged": [
        step("deploy", files=AB),
        step("deploy", 3, "diverged", "2_b", "3_c", "missing = allow", on="branch",
             files={"1_a": "a", "3_c": "c"}, ready=4),
        step("deploy", 0, "diverged", on="branch", set_up={"missing": "allow"},
             applied="1_a 2_b 3_c")],
    "a deleted file and a new one": [
        FIRST, step("deploy", 3, "diverged", files={"2_b": None, "4_d": "d"}, ready=4)],
    "lacking only what is older than its first file it was trimmed": [
        FIRST,
        step("deploy", 0, "trimmed", files={"1_a": None, "2_b": None}),
        step("deploy", 0, "trimmed", files={"4_d": "d"}, applied="1_a 2_b 3_c 4_d")],
    "another application's set is not a trimmed one": [
        step("deploy", files=AB),
        step("deploy", 3, "diverged", on="other", files={"3_c": "c", "4_d": "d"}, ready=4)],
    "an empty set is older code": [
        FIRST, step("deploy", 0, "older code", on="old", files={})],
    "a hotfix branch has diverged, and may go on where that is meant": [
        step("deploy", files={"1_a": "a", "3_c": "c"}),
        step("deploy", 3, "diverged", on="hotfix", files={**A, "2_fix": "d"}, ready=4),
        # Not out of order too: nothing that this checkout has stands behind it.
        step("deploy", 0, on="hotfix", set_up={"missing": "allow"}, applied="1_a 3_c 2_fix"),
        step("deploy", 0, "older code"),
        step("deploy", 0, "nothing to do", files={"2_fix": "d"}),
        step("deploy", 0, "older code", on="hotfix")],

    # ---- Repeatables ----
    "a repeatable runs last, and again when its checksum changes": [
        step("deploy", files={**AB, "0_v": "v1"}, applied="1_a 2_b 0_v"),
        step("deploy", 0, "nothing to do"),
        step("deploy", files={"0_v": "v2", "3_c": "c"}, applied="1_a 2_b 0_v 3_c 0_v"),
        step("deploy", files={"0_v": "v1"}, applied="1_a 2_b 0_v 3_c 0_v 0_v"),
        step("deploy", 0, "nothing to do")],
    "none runs while applied migrations are missing": [
        step("deploy", files={**AB, "0_v": "v2"}, applied="1_a 2_b 0_v"),
        step("deploy", 0, "older code", on="old", files={**A, "0_v": "v1"}, ready=4,
             applied="1_a 2_b 0_v"),
        step("deploy", 0, on="old", files={"3_c": "c"}, set_up={"missing": "allow"}, ready=4,
             applied="1_a 2_b 0_v 3_c")],
    "a repeatable under a new id is another, and the old one is not missing": [
        step("deploy", files={**A, "0_v": "v1"}),
        step("deploy", files={"0_v": None, "0_w": "v1"}, applied="1_a 0_v 0_w"),
        step("deploy", 0, "nothing to do", on="old", files={**A, "0_v": "v1"})],
    "ready waits only for a checksum never applied": [
        step("deploy", files={**A, "0_v": "v1"}),
        step("status", files={"0_v": "v2"}, ready=4),
        step("deploy"),
        step("status", 0, "changed", files={"0_v": "v1"}),
        step("status", 0, files={"0_v": None, "0_w": "v2"}),
        step("deploy", files={**AB, "0_w": "v1"}, on="other", code=0),
        step("status", 0, "pending", files={"0_x": "v1"})],

    # ---- Ready ----
    "a contract migration that the set does not carry was applied: never": [
        step("deploy", files={**A, "2_k": "contract"}),
        step("deploy", 0, "older code", on="old", files=A, ready=6)],
    "a contract migration of its own is not waited for": [
        step("status", files={"2_k": "contract"}, code=0, ready=4),
        step("deploy", files=A),
        step("status", files={"3_k": "contract2"}, code=0),
        step("deploy", applied="1_a 2_k 3_k")],
    "a contract migration under another name is carried": [
        step("deploy", files={**A, "2_k": "contract"}),
        step("status", on="renamed", files={**A, "2_l": "contract"}),
        step("deploy", on="renamed", recorded=("renamed",)),
        step("deploy", 0, "nothing to do"),
        step("deploy", 0, "nothing to do", on="renamed")],
    "of two contract migrations of one content each counts": [
        step("deploy", files={**A, "2_k": "contract", "3_k": "contract"}),
        step("deploy", 0, "older code", on="old", files={**A, "2_k": "contract"}, ready=6),
        step("deploy", on="renamed", files={**A, "2_k": "contract", "3_l": "contract"},
             recorded=("renamed",)),
        step("deploy", 0, "nothing to do")],
    "a copy of a renamed migration is not it": [
        step("deploy", files={"1_x": "say"}),
        step("deploy", files={"1_x": None, "1_y": "say"}, recorded=("renamed",)),
        step("status", 0, "1 pending", files={"2_z": "say"}, ready=4),
        step("deploy", applied="1_x 2_z")],
    "a renamed accepted edit is found": [
        step("deploy", files=AB),
        step("repair --accept-edit 1_a --reason same", files={"1_a": "a edited"},
             recorded=("edit_accepted",)),
        step("status", on="hotfix", files={"1_z": "a edited"}),
        step("deploy", files={"3_c": "c"}),
        step("status", on="hotfix")],

    # ---- Adopt ----
    "adopting records one row a migration and runs nothing": [
        step("adopt --as-of 2_b", files=ABC, applied="1_a 2_b", ready=4,
             recorded=("created", "adopted", "adopted")),
        step("deploy", applied="1_a 2_b 3_c"),
        step("adopt --as-of 3_c", 3, "already")],
    "adopting none is an empty ledger": [
        step("adopt --as-of none", files=A, ready=4, applied=""),
        step("deploy", applied="1_a")],
    "adopted migrations can be renamed and edited like applied ones": [
        step("adopt --as-of 2_b", files=AB),
        step("deploy", files={"1_a": None, "1_z": "a"}, recorded=("renamed",)),
        step("deploy", 3, "was edited", files={"2_b": "d"}),
        step("repair --accept-edit 2_b --reason same", recorded=("edit_accepted",)),
        step("deploy", 0, "nothing to do"),
        step("deploy", 0, "nothing to do", on="old", files=AB)],
    "a baseline that was trimmed from the files stays a note": [
        step("adopt --as-of 2_b", files=ABC, ready=4),
        step("deploy"),
        step("deploy", 0, "trimmed", on="trimmed", files={"3_c": "c", "4_d": "d"},
             applied="1_a 2_b 3_c 4_d")],
    "an adopted contract migration bars older code": [
        step("adopt --as-of 2_k", files={**A, "2_k": "contract"}),
        step("status", on="old", files=A, ready=6)],
}


class Actors:
    """The checkouts of a story, each made when it is first named."""

    def __init__(self, make_pawl, engine):
        self.make_pawl, self.engine = make_pawl, engine
        self.made, self.settings = {}, {}

    def get(self, name):
        if name not in self.made:
            self.made[name] = self.make_pawl(self.engine.url, name=re.sub(r"\W", "-", name))
        return self.made[name]

    def write(self, name, files):
        pawl = self.get(name)
        for short, text in files.items():
            path = pawl.migrations / f"{full(short)}.sql"
            if text is None:
                path.unlink()
            else:
                path.write_text(TEXTS.get(text, text))

    def set_up(self, name, settings):
        self.settings.setdefault(name, {}).update(settings)
        self.get(name).config({"pawl": self.settings[name], "target.main": {"url": self.engine.url}})

    def ready(self, name):
        """The answer from the files; pawl.sum alone must give the same."""
        pawl = self.get(name)
        from_files = pawl.run("ready")
        alone = self.get(f"{name} sum")
        shutil.copytree(pawl.migrations, alone.migrations, dirs_exist_ok=True)
        for path in alone.migrations.iterdir():
            if not (pawl.migrations / path.name).exists():
                path.unlink()
        alone.run("sum", check=0)
        for path in alone.migrations.glob("*.sql"):
            path.unlink()
        from_sum = alone.run("ready")
        (alone.migrations / "pawl.sum").unlink()
        assert from_files.code == from_sum.code, (from_files, from_sum)
        assert from_files.out == from_sum.out
        return from_files


def words_of(told, applied_before, pawl):
    """CHECKSUMS 1_a: the one that was applied and the one that the file has; 3_c: its whole id."""
    if told.startswith("CHECKSUMS "):
        name = full(told.split()[1])
        was = next(row.checksum for row in applied_before if row.migration == name)
        pawl.run("sum", check=0)
        text = (pawl.migrations / "pawl.sum").read_text()
        (pawl.migrations / "pawl.sum").unlink()
        now = next(line[:64] for line in text.splitlines() if line.endswith(name))
        return [was[:12], now[:12]]
    return [re.sub(r"\b\d_\w+", lambda found: full(found[0]), told)]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_story(make_pawl, engine, story):
    actors = Actors(make_pawl, engine)
    for number, part in enumerate(story, 1):
        pawl = actors.get(part.on)
        actors.write(part.on, part.files)
        if part.set_up:
            actors.set_up(part.on, part.set_up)
        before = ledger.rows(engine) if ledger.exists(engine) else []
        result = pawl.run(*(full(word) for word in part.command.split()))
        place = f"step {number}: {result}"
        assert result.code == part.code, place
        for told in part.says:
            for words in words_of(told, before, pawl):
                assert words in result.out + result.err, f"{words!r}, {place}"
        rows = ledger.rows(engine) if ledger.exists(engine) else []
        written = tuple(row.event for row in rows[len(before):])
        if part.code != 0 or part.command.startswith("status"):
            assert not written, place
        if part.recorded:
            assert tuple(event for event in written if event not in ("begin", "end")) == part.recorded
        if part.applied is not None:
            assert ledger.applied(engine) == [full(name) for name in part.applied.split()], place
        assert actors.ready(part.on).code == part.ready, place
    ledger.assert_whole(engine)


# ---- naming flyway: repeatables by their name ----

def test_repeatables_by_their_name(make_pawl, engine):
    pawl = make_pawl()
    pawl.config({"pawl": {"naming": "flyway"}, "target.main": {"url": engine.url}})
    view = "DROP VIEW IF EXISTS v{0};\nCREATE VIEW v{0} AS SELECT {1} AS n;\n"
    pawl.write("V1__a", TEXTS["a"])
    pawl.write("R__b_view", view.format("b", 1))
    pawl.write("R__a_view", view.format("a", 1))
    pawl.run("deploy", check=0)
    assert ledger.applied(engine) == ["V1__a", "R__a_view", "R__b_view"]
    pawl.write("R__b_view", view.format("b", 2))
    pawl.write("V2__b", TEXTS["b"])
    assert "R__b_view" in pawl.run("ready", check=4).out
    pawl.run("deploy", check=0)
    assert ledger.applied(engine)[3:] == ["V2__b", "R__b_view"]
    assert engine.query("SELECT n FROM vb") == [(2,)]
    # Renamed it is another one; the text has run, so that nobody waits for it.
    (pawl.migrations / "R__b_view.sql").rename(pawl.migrations / "R__c_view.sql")
    pawl.run("ready", check=0)
    assert "1 pending" in pawl.run("status", check=0).out
    pawl.run("deploy", check=0)
    assert ledger.applied(engine)[-1] == "R__c_view"
    pawl.run("sum", check=0)
    (pawl.migrations / "V2__b.sql").unlink()
    (pawl.migrations / "pawl.sum").unlink()
    pawl.write("R__a_view", view.format("a", 3))
    result = pawl.run("deploy", check=0)
    assert "older code" in result.err and engine.query("SELECT n FROM va") == [(1,)]


# ---- two applications in one database, a schema a tenant ----

def test_two_applications_know_nothing_of_each_other(make_pawl, engine):
    """Equal ids, equal contents, renames and edits: each has its own ledger."""
    first, second = make_pawl(name="first"), make_pawl(name="second")
    first.config({"target.main": {"url": engine.url}})
    second.config({"target.main": {"url": engine.url, "ledger": "other"}})
    first.write(full("1_a"), TEXTS["a"])
    first.write(full("2_x"), TEXTS["say"])
    first.run("deploy", check=0)
    second.write(full("1_a"), TEXTS["b"])
    second.write(full("3_x"), TEXTS["say"])
    assert "adopt --as-of none" in second.run("deploy", check=3).err
    second.run("adopt", "--as-of", "none", check=0)
    before = ledger.rows(engine)
    second.run("ready", check=4)
    second.run("deploy", "--release", "1.0", check=0)
    assert ledger.rows(engine) == before
    assert ledger.applied(engine, "other") == [full("1_a"), full("3_x")]
    first.run("deploy", "--release", "1.0", check=0)  # its own release of that name
    (first.migrations / f"{full('2_x')}.sql").rename(first.migrations / f"{full('2_y')}.sql")
    first.run("deploy", check=0)
    second.write(full("1_a"), TEXTS["c"])
    second.run("repair", "--accept-edit", full("1_a"), "--reason", "same", check=0)
    for pawl in (first, second):
        pawl.run("ready", check=0)
        assert "nothing to do" in pawl.run("deploy", check=0).out
    for name in ("pawl", "other"):
        ledger.assert_whole(engine, name)
    # Pointed at the wrong ledger, a set is not taken for a trimmed history.
    second.config({"target.main": {"url": engine.url}})
    for short in ("1_a", "3_x"):
        (second.migrations / f"{full(short)}.sql").unlink()
    second.write(full("5_e"), TEXTS["e"])
    before = ledger.whole_dump(engine)
    assert "diverged" in second.run("deploy", check=3).err
    assert ledger.whole_dump(engine) == before


def test_tenants_stand_where_they_stand(make_pawl, pg):
    """One checkout, a schema and a ledger each: one tenant is behind, one has a renamed name."""
    pawl = make_pawl()
    tenants = {name: {"url": pg.url, "ledger": f"pawl_{name}", "schema": name} for name in "abc"}
    pawl.config({f"target.{name}": settings for name, settings in tenants.items()})
    for name in tenants:
        pg.query(f"CREATE SCHEMA {name}")
    path = pawl.write(full("1_t"), "CREATE TABLE t (id int);")
    for name in "ab":
        pawl.run("deploy", "--target", name, check=0)
    path.rename(pawl.migrations / f"{full('1_renamed')}.sql")
    pawl.write(full("2_u"), "CREATE TABLE u AS SELECT * FROM t;")
    assert pawl.run("deploy", "--target", "a", "--json", check=0).json()["renamed"] == 1
    assert pawl.run("deploy", "--target", "c", "--json", check=0).json()["renamed"] == 0
    for name, code in (("a", 0), ("b", 4), ("c", 0)):
        assert pawl.run("ready", "--target", name).code == code
    assert pg.query("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('a', 'b', 'c')"
                    " ORDER BY 1, 2") == [
        ("a", "t"), ("a", "u"), ("b", "t"), ("c", "t"), ("c", "u")]
    pawl.run("deploy", "--target", "b", check=0)
    for name in tenants:
        ledger.assert_whole(pg, f"pawl_{name}")
        pawl.run("ready", "--target", name, check=0)
