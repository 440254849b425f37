"""`pawl completion`: the answers of the program, and what bash, zsh and fish make of them."""

import os
import pty
import re
import select
import shlex
import subprocess
import time

import pytest

from support.pawl import clean_environment, pawl_binary

USERS, EMAIL = "20250703075850_create_users", "20250704090000_add_email"
CONF = "[target.main]\nurl = sqlite:a.db\n\n[target.production]\nurl = env:NOT_SET\n"


@pytest.fixture
def checkout(make_pawl):
    pawl = make_pawl()
    pawl.config(CONF)
    pawl.write(USERS, "CREATE TABLE users (id integer);")
    pawl.write(EMAIL, "ALTER TABLE users ADD email text;")
    return pawl


def candidates(pawl, line):
    """What the last word of the line may become; a blank at its end starts a new word."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    result = pawl.run("completion", "--candidates", "--", *words[1:], check=0)
    assert result.err == ""
    return [row.split("\t")[0] for row in result.out.splitlines()]


def command_names(pawl):
    return [row["name"] for row in pawl.run("help", "--json", check=0).json()["commands"]]


def options_of(pawl, command=None):
    report = pawl.run("help", "--json", *([command] if command else []), check=0).json()
    rows = (report["commands"][0]["options"] if command else []) + report["options"]
    return [f"--{row['name']}" for row in rows]


# ---- the program's answers ----

def test_commands(checkout):
    assert candidates(checkout, "pawl ") == command_names(checkout)
    assert candidates(checkout, "pawl re") == ["renumber", "rehearse", "repair", "ready", "release", "reserve"]
    assert candidates(checkout, "pawl --quiet --target main de") == ["deploy"]
    assert candidates(checkout, "pawl deploy") == ["deploy"]
    assert candidates(checkout, "pawl xyz") == []


def test_options_of_every_command(checkout):
    assert candidates(checkout, "pawl --") == options_of(checkout)
    for command in command_names(checkout):
        assert candidates(checkout, f"pawl {command} --") == options_of(checkout, command)
        assert candidates(checkout, f"pawl {command} -") == options_of(checkout, command)
    assert candidates(checkout, "pawl deploy --d") == ["--dry-run"]
    assert candidates(checkout, "pawl deploy --unknown --re") == ["--release", "--reason"]


def test_a_command_without_words_offers_its_own_options(checkout):
    assert candidates(checkout, "pawl status ") == ["--all", "--exit-code", "--expect"]
    assert candidates(checkout, "pawl new ") == []
    assert candidates(checkout, "pawl new --  --") == []


@pytest.mark.parametrize(("line", "expected"), [
    ("pawl --color ", ["auto", "always", "never"]),
    ("pawl --color=a", ["--color=auto", "--color=always"]),
    ("pawl new --kind ", ["schema", "data", "backfill", "repeatable"]),
    ("pawl new x --phase=", ["--phase=expand", "--phase=contract"]),
    ("pawl init --naming f", ["flyway", "folder"]),
    ("pawl init --dialect ", ["auto", "postgres", "sqlite"]),
    ("pawl completion ", ["bash", "zsh", "fish"]),
    ("pawl --target ", ["main", "production"]),
    ("pawl deploy --target=p", ["--target=production"]),
    ("pawl deploy --to ", [USERS, EMAIL]),
    ("pawl deploy --to 20250704", [EMAIL]),
    ("pawl adopt --as-of ", ["none", USERS, EMAIL]),
    ("pawl repair --accept-edit ", [USERS, EMAIL]),
    ("pawl repair --new=20250703", [f"--new={USERS}"]),
    ("pawl repair --renamed old ", [USERS, EMAIL]),
    ("pawl repair --reason ", []),
    ("pawl explain name-d", ["name-date"]),
    ("pawl help se", ["settings"]),
    ("pawl help de", ["deploy"]),
    ("pawl renumber ", [":files"]),
    ("pawl --config ", [":files"]),
    ("pawl -C ", [":folders"]),
    ("pawl deploy --migrations=", [":folders"]),
])
def test_values(checkout, line, expected):
    assert candidates(checkout, line) == expected


def test_values_are_those_of_the_folder_and_file_that_the_line_names(checkout):
    other = checkout.folder / "other"
    (other / "steps").mkdir(parents=True)
    (other / "pawl.conf").write_text("[pawl]\nmigrations = steps\nnaming = folder\n"
                                     "[target.elsewhere]\nurl = sqlite:b.db\n")
    (other / "steps" / "20250101000000_first").mkdir()
    assert candidates(checkout, "pawl -C other --target ") == ["elsewhere"]
    assert candidates(checkout, "pawl --config other/pawl.conf --target ") == ["elsewhere"]
    assert candidates(checkout, "pawl -C other deploy --to ") == ["20250101000000_first"]


def test_what_cannot_be_read_offers_nothing_and_says_nothing(checkout):
    assert candidates(checkout, "pawl -C nowhere --target ") == []
    assert candidates(checkout, "pawl --config nowhere --target ") == []
    assert candidates(checkout, "pawl deploy --migrations nowhere --to ") == []
    checkout.config("[target.main\n")
    assert candidates(checkout, "pawl --target ") == []
    assert candidates(checkout, "pawl deploy --to ") == []
    assert candidates(checkout, "pawl de") == ["deploy"]


def test_a_name_that_a_shell_would_obey_is_not_offered(checkout):
    for name in ("20250705000000_$(reboot)", "20250705000001_a b", "20250705000002_`x`",
                 "20250705000003_a;b", "20250705000004_\x1b[31m", "20250705000005_a\nb"):
        checkout.write(name, "SELECT 1;")
    checkout.write("nested/up", "SELECT 1;")
    assert candidates(checkout, "pawl deploy --to ") == [USERS, EMAIL]


@pytest.mark.parametrize(("naming", "names"), [
    ("epoch", ["1751529530_$(reboot)"]), ("logto", ["1.0.0-1751529530-$(reboot)", "next-1751529530-a;b"]),
    ("flyway", ["V1__$(reboot)", "R__$(reboot)", "V1__a b"]), ("sequence", ["1_$(reboot)"]),
    ("folder", ["20250705000000_$(reboot)/up", "20250705000001_a;b/up"]),
])
def test_nor_in_another_scheme(make_pawl, naming, names):
    pawl = make_pawl()
    pawl.config({"pawl": {"naming": naming}})
    for name in names:
        pawl.write(name, "SELECT 1;")
    assert candidates(pawl, "pawl deploy --to ") == []


def test_the_same_for_programs(checkout):
    report = checkout.run("--json", "completion", "--candidates", "--", "--target", "m", check=0).json()
    assert report["candidates"] == [{"word": "main", "text": "target"}]
    for shell in ("bash", "zsh", "fish"):
        script = checkout.run("completion", shell, check=0).out
        assert checkout.run("--json", "completion", shell).json()["script"] == script


@pytest.mark.parametrize("args", [(), ("ksh",), ("bash", "zsh")])
def test_wrong_shells_are_refused(checkout, args):
    assert "bash" in checkout.run("completion", *args, check=2).err


# ---- the shells ----

def environment():
    folder = os.path.dirname(pawl_binary())
    return clean_environment(PATH=f"{folder}:/usr/bin:/bin", TERM="xterm", HOME="/nonexistent")


@pytest.fixture
def script(checkout, tmp_path):
    """Writes the script of a shell and returns its path."""

    def write(shell):
        path = tmp_path / f"pawl.{shell}"
        path.write_text(checkout.run("completion", shell, check=0).out)
        return path

    return write


def run_shell(checkout, *argv):
    done = subprocess.run(argv, cwd=checkout.folder, env=environment(), capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout.splitlines()


def bash_replies(checkout, script, line):
    """COMPREPLY as bash's own word splitting (at = and : too) would have it called."""
    words = [word for word in re.split(r"\s+|(=|:+)", line) if word]
    if line.endswith(" "):
        words.append("")
    program = (f"source {script}; COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; "
               f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}; "
               f"_pawl pawl; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return run_shell(checkout, "bash", "--norc", "-u", "-c", program)


@pytest.mark.parametrize(("line", "expected"), [
    ("pawl re", ["renumber", "rehearse", "repair", "ready", "release", "reserve"]),
    ("pawl deploy --d", ["--dry-run"]),
    ("pawl --target ", ["main", "production"]),
    ("pawl --target=", ["main", "production"]),
    ("pawl deploy --target=p", ["production"]),
    ("pawl --url postgres://u@h:5432/db new x --kind d", ["data"]),
    ("pawl   deploy   --to   20250704", [EMAIL]),
    ("pawl renumber mig", ["migrations"]),
    ("pawl --config=pawl.c", ["pawl.conf"]),
    ("pawl -C mi", ["migrations"]),
    ("pawl -C pawl.c", [""]),
    ("pawl xyz", [""]),
])
def test_bash(checkout, script, line, expected):
    assert bash_replies(checkout, script("bash"), line) == expected


@pytest.mark.parametrize(("line", "expected"), [
    ("pawl re", ["ready", "rehearse", "release", "renumber", "repair", "reserve"]),
    ("pawl deploy --d", ["--dry-run"]),
    ("pawl --target ", ["main", "production"]),
    ("pawl deploy --target=p", ["--target=production"]),
    ("pawl deploy --to 20250704", [EMAIL]),
    ("pawl renumber mig", ["migrations/"]),
    ("pawl -C mi", ["migrations/"]),
    ("pawl -C pawl.c", []),
    ("pawl xyz", []),
])
def test_fish(checkout, script, tmp_path, line, expected):
    program = f"source {script('fish')}; complete -C {shlex.quote(line)}"
    rows = run_shell(checkout, "env", f"HOME={tmp_path}", "fish", "--no-config", "-c", program)
    assert sorted(row.split("\t")[0] for row in rows) == expected


class Terminal:
    """A shell on a terminal of its own, for what only its line editor does."""

    def __init__(self, checkout, *argv, **changes):
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(checkout.folder)
            os.execvpe(argv[0], argv, environment() | changes)
        self.text = ""

    def type(self, keys):
        os.write(self.file, keys.encode())

    def wait_for(self, pattern, timeout=30):
        """Reads until the pattern is there; returns its first group."""
        deadline = time.monotonic() + timeout
        while not (match := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.file], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.text!r}"
            self.text += os.read(self.file, 65536).decode(errors="replace")
        self.text = self.text[match.end():]
        return match[1]

    def completed(self, keys):
        """The line that the keys and a tab leave, shown by the shell itself as <line>."""
        self.type(f"{keys}\t\x05'\x01print_line '\r")
        return self.wait_for(r"<([^<>]*?) *>")

    def close(self):
        os.close(self.file)
        os.waitpid(self.pid, 0)


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set enable-bracketed-paste off'; source {script}\r"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source {script}\r"),
    "zsh, installed": (["zsh", "-f", "-i"], "fpath=({script.parent} $fpath); autoload -Uz compinit; "
                                            "compinit -u -D\r"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_on_a_terminal(checkout, script, shell):
    argv, start = SHELLS[shell]
    terminal = Terminal(checkout, *argv, PS1="$ ")
    try:
        path = script(shell.split(",")[0])
        path.with_name("_pawl").write_text(path.read_text())
        terminal.type(start.format(script=path))
        terminal.type("print_line() { printf '<%s>\\n' \"$1\"; }; printf 'set%s\\n' up\r")
        terminal.wait_for("(setup)")
        assert terminal.completed("pawl dep") == "pawl deploy"
        assert terminal.completed("pawl --target=pro") == "pawl --target=production"
        assert terminal.completed("pawl deploy --to 20250704") == f"pawl deploy --to {EMAIL}"
        assert terminal.completed("pawl renumber migr").rstrip("/") == "pawl renumber migrations"
        assert terminal.completed("pawl --config=pawl.c") == "pawl --config=pawl.conf"
    finally:
        terminal.close()
