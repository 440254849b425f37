"""A program as process 1, as in a container."""

import os
import subprocess

# A /proc of the namespace, that pawl finds itself in. Only this mount is made private: the root of a
# chroot is often no mount, and it would be an error to set the propagation of it.
NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "unchanged",
             *(() if os.geteuid() == 0 else ("--user", "--map-current-user")))


def send_inside(outer, number):
    """Sends the signal to the child of unshare, which is process 1 and whose end is its own."""
    done = subprocess.run(["pgrep", "-P", str(outer.pid)], text=True, capture_output=True, check=True)
    os.kill(int(done.stdout), number)
