"""A PID namespace, which is what a container is to the processes in it."""

import os
import subprocess

from support.server import wait_until

# A /proc of the namespace, that pawl finds itself in. Only this mount is made private: the root of a
# chroot is often no mount, and it would be an error to set the propagation of it.
NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "unchanged",
             *(() if os.geteuid() == 0 else ("--user", "--map-current-user")))


def process_1(outer):
    """The pid, seen from here, of the child of unshare: its process 1, whose end is its own."""
    def find():
        return subprocess.run(["pgrep", "-P", str(outer.pid)], text=True, capture_output=True).stdout

    return int(wait_until(find, "process 1 has started"))


def send_inside(outer, number):
    """Sends the signal to process 1."""
    os.kill(process_1(outer), number)


def processes_inside(outer):
    """The pids, seen from here, of everything in the namespace."""
    def namespace(pid):
        try:
            return os.readlink(f"/proc/{pid}/ns/pid")
        except OSError:
            return None  # it has ended, or is another user's

    wanted = namespace(process_1(outer))
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and namespace(pid) == wanted]
