"""A checkout with migrations, and the pawl program run in it."""

import atexit
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass

from support.server import wait_until

# A sanitizer's report ends the process with a code that pawl itself never uses.
SANITIZER_EXIT = 99
SANITIZERS = {
    "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:halt_on_error=1:detect_leaks=1",
    "TSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:halt_on_error=1",
    "UBSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:halt_on_error=1:print_stacktrace=1",
}
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


def pawl_binary():
    path = os.environ.get("PAWL_BIN")
    if not path:
        raise RuntimeError("PAWL_BIN does not name the pawl program: run the tests with `make test`")
    return path


@functools.cache
def state_folder():
    """For the black boxes of all runs of this process, and never the home of whoever runs the tests."""
    folder = tempfile.mkdtemp(prefix="pawl-state-")
    os.chmod(folder, 0o1777)  # some tests run pawl as another user
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def clean_environment(**changes):
    """The caller's environment without what would change pawl or libpq; a None takes a name out."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("PAWL_", "PG")) and name != "DATABASE_URL"}
    env.update(SANITIZERS, LC_ALL="C.UTF-8", TZ="UTC", XDG_STATE_HOME=state_folder())
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


@dataclass(frozen=True)
class Result:
    """How a pawl ended. code is -N when signal N killed it."""

    args: tuple
    code: int
    out: str
    err: str

    def json(self):
        """What `--json` printed: exactly one object."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"stdout is not one JSON object ({error})\n{self}") from error

    def __str__(self):
        return (f"pawl {' '.join(self.args)}\nexit code {self.code}\n"
                f"--- stdout\n{self.out}--- stderr\n{self.err}---")


class Process:
    """A pawl that runs. Its output goes to files, so that it never waits for a reader."""

    def __init__(self, args, folder, env, output, under=()):
        self.args = tuple(args)
        self.out_path = output.with_suffix(".out")
        self.err_path = output.with_suffix(".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen([*under, pawl_binary(), *args], cwd=folder, env=env,
                                          stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.pid = self.popen.pid

    @property
    def out(self):
        return self.out_path.read_text(errors="backslashreplace")

    @property
    def err(self):
        return self.err_path.read_text(errors="backslashreplace")

    @property
    def running(self):
        return self.popen.poll() is None

    def signal(self, number=signal.SIGTERM):
        self.popen.send_signal(number)

    def kill(self):
        """SIGKILL, to its end."""
        self.popen.kill()
        self.popen.wait()

    def wait_for(self, text, timeout=30):
        """Returns once the text is in stdout or stderr; fails when the process ends without it."""

        def seen():
            running = self.running
            if text in self.out or text in self.err:
                return True
            if not running:
                raise AssertionError(f"ended without {text!r}\n{self._result()}")
            return False

        wait_until(seen, f"{text!r} in the output of pawl {' '.join(self.args)}", timeout)

    def _result(self):
        return Result(self.args, self.popen.returncode, self.out, self.err)

    def finish(self, timeout=60, check=None):
        """Waits for the end. check: the exit code that it must have."""
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {timeout} s\n{self._result()}") from None
        result = self._result()
        report = next((mark for mark in SANITIZER_REPORTS if mark in result.err), None)
        assert report is None and result.code != SANITIZER_EXIT, f"sanitizer report\n{result}"
        assert check is None or result.code == check, f"expected exit code {check}\n{result}"
        return result


class Pawl:
    """folder/pawl.conf and folder/migrations, with one target "main" when a url is given."""

    def __init__(self, tmp_path, url=None, name="checkout"):
        self.folder = tmp_path / name
        self.migrations = self.folder / "migrations"
        self.migrations.mkdir(parents=True)
        self.output = tmp_path / f"{name}-output"
        self.output.mkdir()
        self.env = {}  # added to the environment of every run
        self._numbers = itertools.count(1)
        self._processes = []
        if url is not None:
            self.config({"target.main": {"url": url}})

    def write(self, name, text):
        """A file below migrations/; ".sql" is added to a name without it."""
        path = self.migrations / (name if name.endswith(".sql") else f"{name}.sql")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def config(self, sections):
        """Writes pawl.conf: {"deploy": {"lock_timeout": "1s"}, "target.main": {…}} or its text."""
        if not isinstance(sections, str):
            sections = "\n".join(
                f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
                for section, settings in sections.items())
        path = self.folder / "pawl.conf"
        path.write_text(sections)
        return path

    def spawn(self, *args, env=None, under=()):
        """Starts pawl. under: the command that starts it in turn, whose process this is then."""
        environment = clean_environment(**{**self.env, **(env or {})})
        process = Process(list(map(str, args)), self.folder, environment,
                          self.output / str(next(self._numbers)), under)
        self._processes.append(process)
        return process

    def run(self, *args, timeout=60, env=None, check=None):
        return self.spawn(*args, env=env).finish(timeout, check)

    def close(self):
        for process in self._processes:
            if process.running:
                process.kill()
