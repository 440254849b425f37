#!/usr/bin/python3
"""Deploys a folder of migrations with pawl and with psql, file by file, and compares the schemas.

compare_history.py FOLDER [--naming NAME]: on private servers, from an empty database. The order and
the forward parts are worked out here, without pawl. Exits 0 when both came to the end with the same
schema, and 1 with the difference when they did not.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.pawl import clean_environment  # noqa: E402
from support.postgres import CLIENT_BINARIES, Cluster  # noqa: E402
from support.sqlite import SqliteDatabase  # noqa: E402

# What other tools write between the forward and the backward part, and what a file of theirs says
# when it is to run without a transaction. CONCURRENTLY needs no word.
UP = re.compile(r"(?im)^--[ \t]*(?:migrate:up|\+goose[ \t]+up|\+migrate[ \t]+up)\b.*$")
DOWN = re.compile(r"(?im)^--[ \t]*(?:migrate:down|\+goose[ \t]+down|\+migrate[ \t]+down)\b.*$|"
                  r"^---- create above / drop below ----")
OWN_TRANSACTION = re.compile(r"(?im)^\s*(?:begin|commit|start\s+transaction)(?:\s+(?:work|transaction))?\s*;")
# active_sql_transaction, and an enum's new value used in the transaction that added it
NEEDS_NO_TRANSACTION = ("25001", "55P04")
DIFFERENCE_LINES = 60


def version_of(name, naming):
    """The number that orders a name, as a list of integers."""
    if naming == "flyway":
        name = name[1:].split("__")[0]
    elif naming == "folder":
        return [int(re.match(r"[\d-]+", name)[0].replace("-", "")[:14])]
    elif naming == "logto":
        name = re.sub(r"^[^-]*-", "", name)
    return [int(digits) for digits in re.findall(r"\d+", re.match(r"[\d._]+", name)[0])]


def list_files(folder, naming):
    """(id, file) of each forward file, in the order of their versions; repeatables come last."""
    found = []
    for entry in folder.iterdir():
        if naming == "folder" and entry.is_dir():
            files = [file for file in (entry / "up.sql", entry / "migration.sql") if file.exists()]
            found += [(entry.name, file) for file in files]
        elif entry.suffix == ".sql" and naming != "folder" and not entry.name.endswith(".down.sql"):
            if naming != "flyway" or entry.name[0] in "VR":
                found.append((re.sub(r"(\.up)?\.sql$", "", entry.name), entry))
    repeatables = sorted(item for item in found if naming == "flyway" and item[0].startswith("R"))
    versioned = [item for item in found if item not in repeatables]
    return sorted(versioned, key=lambda item: (version_of(item[0], naming), item[0])) + repeatables


def forward_part(text):
    ups = list(UP.finditer(text))
    down = DOWN.search(text, ups[0].end() if ups else 0)
    return text[ups[0].end() if ups else 0:down.start() if down else len(text)]


class Postgres:
    """One database on a server of its own: roles belong to all databases of a server."""

    def __init__(self, stack):
        self.cluster = stack.enter_context(closing(Cluster()))
        self.database = self.cluster.create_database("history")
        self.url = self.database.url

    def run(self, file, text):
        """Runs a file, in one transaction where that is possible; the error or None."""
        for options in ([],) if OWN_TRANSACTION.search(text) else (["-1"], []):
            result = subprocess.run(
                [CLIENT_BINARIES / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose",
                 *options, "-d", self.url, "-f", file], text=True, capture_output=True)
            if result.returncode == 0:
                return None
            if not any(f"ERROR:  {state}" in result.stderr for state in NEEDS_NO_TRANSACTION):
                break
        return result.stderr

    def dump(self):
        return self.database.dump()


class Sqlite:
    def __init__(self, folder, name):
        self.database = SqliteDatabase(folder / name)
        self.url = self.database.url

    def run(self, file, text):
        commands = [f".read {file}"] if OWN_TRANSACTION.search(text) else ["BEGIN", f".read {file}", "COMMIT"]
        result = subprocess.run(["sqlite3", "-batch", "-bail", self.database.path, *commands],
                                text=True, capture_output=True)
        return result.stderr if result.returncode != 0 else None

    def dump(self):
        return self.database.dump()


def run_files(files, database, scratch):
    """How many files the engine's own client ran, in how many seconds, and what stopped it."""
    seconds = 0.0
    for count, (name, file) in enumerate(files):
        text = forward_part(file.read_text(encoding="utf-8-sig"))
        part = scratch / "part.sql"
        part.write_text(text)
        began = time.monotonic()
        error = database.run(part, text)
        seconds += time.monotonic() - began
        if error is not None:
            return count, seconds, f"{name}: {error.strip()}"
    return len(files), seconds, None


class Deployer:
    """pawl, with a configuration of its own and the folder as it is."""

    def __init__(self, options, url, scratch):
        self.program = options.pawl
        self.scratch = scratch
        self.conf = scratch / "pawl.conf"
        self.conf.write_text(f"[pawl]\nmigrations = {options.folder}\nnaming = {options.naming}\n"
                             f"dialect = {options.dialect}\n[target.main]\nurl = {url}\n")

    def run(self, *command):
        """(exit code, seconds, both outputs as one text)"""
        began = time.monotonic()
        result = subprocess.run([self.program, "--config", self.conf, *command], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.scratch,
                                env=clean_environment())
        return result.returncode, time.monotonic() - began, result.stdout


def deploy(deployer, adopted):
    """How many migrations pawl applied, in how many seconds, and what stopped it."""
    if adopted:
        code, _, out = deployer.run("adopt", "--as-of", "none")
        if code != 0:
            return 0, 0.0, out
    code, seconds, out = deployer.run("deploy")
    applied = len(re.findall(r"(?m)^applied  ", out))
    if code != 0:
        return applied, seconds, out
    for command in (("ready",), ("deploy",)):
        code, _, again = deployer.run(*command)
        if code != 0 or "applied  " in again:
            return applied, seconds, f"afterwards, pawl {command[0]} ends with {code}: {again}"
    return applied, seconds, None


def compare(by_client, by_pawl):
    if by_client == by_pawl:
        print(f"the schemas are equal: {len(by_client.splitlines())} lines")
        return True
    lines = list(difflib.unified_diff(by_client.splitlines(), by_pawl.splitlines(), "client", "pawl",
                                      lineterm="", n=2))
    print(f"the schemas differ: {len(lines)} lines of difference")
    print("\n".join(lines[:DIFFERENCE_LINES]))
    return False


def report(who, result, total):
    count, seconds, error = result
    print(f"{who:8}{count} of {total} applied in {seconds:.2f} s")
    if error is not None:
        print(f"{who} stopped: {error.rstrip()}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the migrations")
    parser.add_argument("--naming", default="timestamp",
                        choices=("timestamp", "epoch", "logto", "flyway", "sequence", "folder"))
    parser.add_argument("--dialect", default="postgres", choices=("postgres", "sqlite"))
    parser.add_argument("--before", type=Path, metavar="FILE",
                        help="SQL that has to run first, in both databases")
    parser.add_argument("--pawl", type=Path, metavar="PROGRAM",
                        default=os.environ.get("PAWL_BIN", ROOT / "build/asan/src/pawl"))
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    options.pawl = Path(options.pawl).resolve()
    return options


def main():
    options = parse_arguments()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pawl-history-")))
        scratch.chmod(0o755)
        if options.dialect == "sqlite":
            client, target = Sqlite(scratch, "client.db"), Sqlite(scratch, "pawl.db")
        else:
            client, target = Postgres(stack), Postgres(stack)
        for database in (client, target) if options.before else ():
            error = database.run(options.before.resolve(), options.before.read_text())
            if error is not None:
                sys.exit(f"{options.before}: {error}")
        by_pawl = deploy(Deployer(options, target.url, scratch), options.before is not None)
        try:
            files = list_files(options.folder, options.naming)
        except (TypeError, ValueError):
            report("pawl", by_pawl, 0)
            sys.exit("a name here has no version: psql was not tried")
        by_client = run_files(files, client, scratch)
        report("client", by_client, len(files))
        report("pawl", by_pawl, len(files))
        equal = compare(client.dump(), target.dump())
        whole = by_client[2] is None and by_pawl[2] is None and by_pawl[0] == len(files)
        sys.exit(0 if equal and whole else 1)


if __name__ == "__main__":
    main()
