"""A disk that is small."""

import os
import pwd
import subprocess
from contextlib import contextmanager

import pytest

from support.server import USER

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@contextmanager
def small_disk(folder, size):
    """A file system of that size ("600k"), mounted on a new folder; the servers' user owns it."""
    folder.mkdir()
    user = pwd.getpwnam(USER)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder, "-o",
                    f"size={size},mode=0700,uid={user.pw_uid},gid={user.pw_gid}"], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
