"""What private servers share: a short folder, an unprivileged user, an end in every case."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

# PostgreSQL and PgBouncer refuse to run as root; the packages bring this user.
USER = "postgres"

# Tests make and drop a database each: hundreds of files, which a file system on a disk is slow with.
MEMORY = "/dev/shm"
ROOM_BYTES = 4 << 30


def is_roomy(folder):
    """Whether it takes the databases of some workers at once, and their logs."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_BYTES


def server_folder(name):
    """A fresh folder that the server's user owns, below PAWL_SERVER_FOLDER, in memory where there is
    enough of it, or in /tmp: short, as a socket's path has 107 bytes."""
    parent = os.environ.get("PAWL_SERVER_FOLDER") or (MEMORY if is_roomy(MEMORY) else "/tmp")
    folder = Path(tempfile.mkdtemp(prefix=f"pawl-{name}-", dir=parent))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def as_server_user(*argv):
    """The command as the server's user runs it, ended by the kernel when the thread that started
    it does: start servers from the main thread."""
    command = ["setpriv", "--pdeathsig", "QUIT"]
    if os.geteuid() == 0:
        command += [f"--reuid={USER}", f"--regid={USER}", "--init-groups"]
    return command + [str(argument) for argument in argv]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, timeout=30):
    """Polls until condition() is true and returns that value; TimeoutError names what was missing."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(0.01)


class Server:
    """A process in a folder of its own; both are gone after close()."""

    def __init__(self, name):
        self.name = name
        self.folder = server_folder(name)
        self.log = self.folder / "log"
        self.process = None

    def run(self, *argv):
        """One command as the server's user, to its end."""
        result = subprocess.run(as_server_user(*argv), cwd=self.folder, text=True,
                                capture_output=True, timeout=60)
        if result.returncode != 0:
            raise RuntimeError(f"{argv[0]} failed:\n{result.stdout}{result.stderr}")

    def launch(self, *argv, answers):
        """Starts the server in the foreground and waits until answers() is true."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(as_server_user(*argv), cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at its start:\n{self.log_text()}")
            return answers()

        try:
            wait_until(ready, f"{self.name} answers")
        except Exception:
            self.stop()
            raise

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, how=signal.SIGINT, timeout=20):
        """Ends the process; the folder stays, so that it can start again."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
