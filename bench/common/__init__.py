"""What the benchmarks share: building the limit programs, interleaved runs, one table of ratios."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from support.pawl import clean_environment, pawl_binary

SOURCES = Path(__file__).resolve().parent.parent
LIBRARIES = {"postgres": "libpq", "sqlite": "sqlite3"}
COMMAND_TIMEOUT_S = 600

# Servers live in memory where they can: for minutes after many files were deleted, ext4 makes new
# ones three times as slowly, and it would be chance whom that hits.
DISK = "/tmp"
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else DISK
os.environ.setdefault("PAWL_SERVER_FOLDER", MEMORY)


class Failed(Exception):
    """A command that is measured must succeed."""


@dataclass(frozen=True)
class Run:
    wall_ms: float
    cpu_ms: float  # user and system time of the process itself
    memory_mb: float


class Workshop:
    """A temporary folder with the compiled limit programs; both are gone at its end."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pawl-bench-", dir=os.environ.get("TMPDIR", "/tmp")))
        self.folder.chmod(0o755)
        self.measure = self.compile("measure", [])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        shutil.rmtree(self.folder, ignore_errors=True)

    def compile(self, name, flags):
        program = self.folder / name
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o", program,
                        SOURCES / f"{name}.c", *flags], check=True)
        return program

    def limit(self, what, engine):
        """The program limit_WHAT_ENGINE.c."""
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", LIBRARIES[engine]], check=True,
                               text=True, capture_output=True).stdout.split()
        return self.compile(f"limit_{what}_{engine}", flags)

    def install(self, package, program):
        """A program of the machine, or else of npm's package; None where there is neither."""
        found = shutil.which(program)
        folder = self.folder / f"npm-{package}"
        with suppress(OSError, subprocess.SubprocessError):
            if found is None:
                subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, package],
                               check=True, capture_output=True, timeout=120)
                found = next(folder.glob(f"node_modules/@{package}/linux-*/bin/{program}"),
                             folder / f"node_modules/.bin/{program}")
        return found

    def run(self, *argv, folder=None):
        """One measured run of a command that must succeed."""
        result = subprocess.run([self.measure, *map(str, argv)], cwd=folder or self.folder,
                                env=clean_environment(), text=True, capture_output=True,
                                timeout=COMMAND_TIMEOUT_S)
        if result.returncode != 0 or result.stdout.split()[-1] != "0":
            raise Failed(f"{' '.join(map(str, argv))}: {result.stdout}{result.stderr}")
        wall, user, system, memory, _ = map(int, result.stdout.split())
        return Run(wall / 1000, (user + system) / 1000, memory / 1024)


@contextmanager
def servers_in(folder):
    """Clusters that are started meanwhile have their files below this folder."""
    before = os.environ["PAWL_SERVER_FOLDER"]
    os.environ["PAWL_SERVER_FOLDER"] = folder
    try:
        yield
    finally:
        os.environ["PAWL_SERVER_FOLDER"] = before


def interleave(count, warm_up, *actions):
    """Each action in turn, over and over: a list of runs for each, without the first warm_up."""
    series = [[] for _ in actions]
    for number in range(warm_up + count):
        for runs, action in zip(series, actions):
            run = action()
            if number >= warm_up:
                runs.append(run)
    return series


@dataclass(frozen=True)
class Aim:
    """None: only to be read."""

    ratio: float | None = None
    cpu_ms: float | None = None
    memory_mb: float | None = None


HEAD = ("", "median ms", "min ms", "limit med", "limit min", "of medians", "of minima", "CPU ms", "RSS MB", "aim")


class Table:
    """Prints a row for each measurement and remembers whether an aim was missed."""

    def __init__(self, title):
        self.missed = False
        print(f"\n{title}")
        self._print(HEAD)

    @staticmethod
    def _print(cells):
        print(f"{cells[0]:<36}" + "".join(f"{cell:>11}" for cell in cells[1:-1]) + f"  {cells[-1]}",
              flush=True)

    def row(self, name, runs, limit, aim=Aim()):
        """limit: the runs of the limit program in between, or None. The aim is held against the
        ratio of the minima: what else the machine does only ever adds time."""
        wall, least = median(run.wall_ms for run in runs), min(run.wall_ms for run in runs)
        cpu, memory = median(run.cpu_ms for run in runs), max(run.memory_mb for run in runs)
        cells = [name, f"{wall:.2f}", f"{least:.2f}"]
        ratio = None
        if limit:
            limit_wall = median(run.wall_ms for run in limit)
            limit_least = min(run.wall_ms for run in limit)
            ratio = least / limit_least
            cells += [f"{limit_wall:.2f}", f"{limit_least:.2f}", f"{wall / limit_wall:.2f}", f"{ratio:.2f}"]
        else:
            cells += ["-"] * 4
        self._print(cells + [f"{cpu:.2f}", f"{memory:.1f}", self._judge(aim, ratio, cpu, memory)])

    def _judge(self, aim, ratio, cpu, memory):
        checks = [(aim.ratio, ratio, "{} x"), (aim.cpu_ms, cpu, "{} ms CPU"), (aim.memory_mb, memory, "{} MB")]
        words = []
        for most, measured, text in checks:
            if most is not None:
                late = measured > most
                self.missed = self.missed or late
                words.append(text.format(most) + (" MISSED" if late else ""))
        return ", ".join(words)


class Checkout:
    """A folder with pawl.conf, migrations/ and pawl.sum, in which pawl runs."""

    def __init__(self, workshop, name, url):
        self.workshop = workshop
        self.folder = workshop.folder / name
        self.migrations = self.folder / "migrations"
        self.migrations.mkdir(parents=True)
        self.point_at(url)

    def point_at(self, url):
        (self.folder / "pawl.conf").write_text(f"[target.main]\nurl = {url}\n")

    def write(self, texts):
        """One migration for each text; every name is a real time, a second apart."""
        for number, text in enumerate(texts):
            hours, seconds = divmod(number, 3600)
            minutes, seconds = divmod(seconds, 60)
            name = f"20250101{hours:02}{minutes:02}{seconds:02}_change_{number + 1}.sql"
            (self.migrations / name).write_text(text)

    def pawl(self, *args):
        return self.workshop.run(pawl_binary(), *args, folder=self.folder)

    def digest(self):
        """That of the set, from the first line of pawl.sum."""
        head = (self.migrations / "pawl.sum").read_text().split("\n", 1)[0]
        return head.rsplit("digest=", 1)[1]

    def leave_only_sum(self):
        for file in self.migrations.glob("*.sql"):
            file.unlink()
