"""Runs the examples of a page of the docs and compares what they print.

A page is one folder and one shell, from its first line to its last:

- A ```sql or ```ini block whose first line is a comment with a path (`-- migrations/x.sql`,
  `# pawl.conf`) is written to that file.
- In a ```console block a line that starts with `$ ` is typed, with the lines after it that start
  with `> `. What follows is what it prints, stdout and stderr together.
- A command that fails is followed by `$ echo $?`, so that the page shows its exit code.
- `<!-- console: postgres -->` anywhere in the page: DATABASE_URL names an empty PostgreSQL database.

What a run cannot repeat is recognised by its form. Times and durations match any other. The id of
a migration made by `pawl new`, a hash and a PostgreSQL URL stand for one value of the run each: where
the page shows the same one again, the run must too, also in what is typed. `…` matches anything
within a line, and on a line of its own any number of lines. Runs of blanks match each other.

    python3 -m support.console PAGE...      writes what the examples print now into the pages
"""

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

from support.pawl import SANITIZER_REPORTS, clean_environment, pawl_binary

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_HEAD = re.compile(r"^(?:--|#) ([\w./-]+\.(?:sql|conf|toml|sum|yml))$")
POSTGRES_MARK = "<!-- console: postgres -->"

# One value of the run for each value of the page.
NAMED = {
    "version": r"(?<!\d)\d{14}_\w+",
    "hash": r"\b[0-9a-f]{64}\b",
    "url": r"\bpostgres(?:ql)?://[^\s\"`)]+",
}
# Any value of the same form.
PASSING = [
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?",
    r"\b\d+(?:\.\d)? m?s\b(?! \d)",
    r"\b(?:pid|process|backend|ms) \d+",
    r"\b(?:user|host) [\w.-]+(?=,)",
    r" {2,}",
]
TOKEN = re.compile("|".join([rf"(?P<{name}>{form})" for name, form in NAMED.items()]
                            + [rf"(?P<p{i}>{form})" for i, form in enumerate(PASSING)]
                            + ["(?P<any>…)"]))


class Mismatch(AssertionError):
    pass


def blocks(text):
    """(language, content, where the content starts and ends) of each fenced block."""
    for match in FENCE.finditer(text):
        yield match[1], match[2], match.span(2)


def file_block(language, content):
    """(path, content) of a block that is a file, else None."""
    head = FILE_HEAD.match(content.split("\n", 1)[0]) if language in ("sql", "ini") else None
    return (head[1], content) if head else None


def commands(content):
    """(command, expected output) of a console block."""
    found = []
    typing = False
    for line in content.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append([line[2:], ""])
            typing = True
        elif typing and line.startswith("> "):
            found[-1][0] += line[2:]
        elif not found:
            raise Mismatch(f"a console block that starts with no command: {line!r}")
        else:
            typing = False
            found[-1][1] += line
    return [(command.rstrip("\n"), output) for command, output in found]


class Values:
    """What each named value of the page is in the run."""

    def __init__(self):
        self.of_run = {}

    def bind(self, shown, run):
        other = next((page for page, value in self.of_run.items() if value == run), shown)
        if self.of_run.setdefault(shown, run) != run or other != shown:
            raise Mismatch(f"the page's {shown} is {run} here, and was {self.of_run[shown]}; "
                           f"{run} is the page's {other}")

    def typed(self, text):
        """The text with the run's values; a value never seen before is what it says."""

        def value(match):
            if match.lastgroup not in NAMED:
                return match[0]
            self.of_run.setdefault(match[0], match[0])
            return self.of_run[match[0]]

        return TOKEN.sub(value, text)

    def compare(self, expected, actual):
        pattern, shown, at = "", [], 0
        for match in TOKEN.finditer(expected):
            pattern += re.escape(expected[at:match.start()])
            at = match.end()
            kind = match.lastgroup
            if kind in NAMED:
                pattern += f"({NAMED[kind]})"
                shown.append(match[0])
            elif kind == "any":
                start = expected.rfind("\n", 0, match.start()) + 1
                alone = expected[start:match.start()].strip() == "" and expected[at:at + 1] in ("", "\n")
                pattern += r"(?:.*\n)*?.*" if alone else ".+?"
            else:
                form = PASSING[int(kind[1:])]
                pattern += " +" if form == r" {2,}" else form
        pattern += re.escape(expected[at:])
        match = re.fullmatch(pattern, actual)
        if match is None:
            raise Mismatch("the page says\n" + expected + "and the run printed\n" + actual)
        for value, run in zip(shown, match.groups()):
            self.bind(value, run)


class Shell:
    """A bash whose commands are typed one by one; the exit code of each stays in $?."""

    END = "-- end of the example: "

    def __init__(self, folder, env):
        self.folder = folder
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=env, bufsize=0,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)

    def run(self, command, timeout=60):
        """(what it printed, its exit code)"""
        self.process.stdin.write(f"{command}\nlast=$?; printf '\\n%s%d\\n' '{self.END}' $last; "
                                 f"(exit $last)\n".encode())
        text, deadline = "", time.monotonic() + timeout
        while not (match := re.search(rf"\n{self.END}(\d+)\n$", text)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise Mismatch(f"$ {command}\nhas not ended, and printed\n{text}")
            text += data.decode(errors="backslashreplace")
        printed = text[:match.start()]
        if printed and not printed.endswith("\n"):
            printed += "\n"
        return re.sub(r" +$", "", printed, flags=re.MULTILINE), int(match[1])

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def environment(folder, database_url=None):
    git = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        git |= {f"GIT_{who}_NAME": "A. Developer", f"GIT_{who}_EMAIL": "dev@example.org",
                f"GIT_{who}_DATE": "2025-07-05T09:00:00Z"}
    path = f"{os.path.dirname(os.path.abspath(pawl_binary()))}:{os.environ['PATH']}"
    return clean_environment(PATH=path, HOME=folder, USER="dev", LOGNAME="dev", DATABASE_URL=database_url,
                             **git)


def run_page(text, folder, database_url=None, record=False):
    """Runs the examples; a difference is an AssertionError. record: returns the page with what they
    printed instead."""
    values, pieces, at = Values(), [], 0
    shell = Shell(folder, environment(folder, database_url))
    try:
        for language, content, (start, end) in blocks(text):
            file = file_block(language, content)
            if file:
                path = Path(folder) / values.typed(file[0])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(values.typed(file[1]))
            if language == "console":
                pieces += [text[at:start], run_block(shell, values, content, record)]
                at = end
    finally:
        shell.close()
    return "".join(pieces) + text[at:]


def run_block(shell, values, content, record):
    result = ""
    listed = commands(content)
    for i, (command, expected) in enumerate(listed):
        actual, code = shell.run(values.typed(command))
        if any(mark in actual for mark in SANITIZER_REPORTS):
            raise Mismatch(f"$ {command}\n{actual}")
        try:
            values.compare(expected, actual)
        except Mismatch as error:
            if not record:
                raise Mismatch(f"$ {command}\n{error}") from None
            expected = recorded(values, actual)
        if code != 0 and (i + 1 == len(listed) or listed[i + 1][0] != "echo $?"):
            raise Mismatch(f"$ {command}\nends with exit code {code}: `$ echo $?` has to follow\n{actual}")
        result += "$ " + command.replace("\n", "\n> ") + "\n" + expected
    return result


def recorded(values, actual):
    """What a run printed, with the values that the page has for those of the run."""
    for page, run in values.of_run.items():
        actual = actual.replace(run, page)
    for match in TOKEN.finditer(actual):
        if match.lastgroup in NAMED:
            values.of_run.setdefault(match[0], match[0])
    return actual


def main(paths):
    import tempfile

    from support.postgres import Cluster
    for path in map(Path, paths):
        text = path.read_text()
        with tempfile.TemporaryDirectory() as folder:
            if POSTGRES_MARK not in text:
                path.write_text(run_page(text, folder, record=True))
                continue
            with Cluster() as cluster:
                url = cluster.create_database().url
                text = run_page(text, folder, url, record=True)
                path.write_text(text.replace(url, "postgres://app@db/app"))


if __name__ == "__main__":
    main(sys.argv[1:])
