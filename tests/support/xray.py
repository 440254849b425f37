"""X-rays statements: what check/xray.h says of them, by the program tests/print_xray."""

import json
import subprocess
from pathlib import Path

from support.pawl import clean_environment, pawl_binary


def start(server, runs, target=None, applied=(), search_path=None, once=False, program=(), **environment):
    """Each of `runs` is a list of texts, a migration each, on a fresh copy."""
    binary = Path(pawl_binary()).parent.parent / "tests/print_xray"
    worker = subprocess.Popen([*program, binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE, env={**clean_environment(), **environment})
    json.dump({"server": server, "target": target, "applied": list(applied), "runs": runs,
               "search_path": search_path, "once": once}, worker.stdin)
    worker.stdin.close()
    worker.stdin = None
    return worker


def finish(worker, timeout=120):
    output, errors = worker.communicate(timeout=timeout)
    assert worker.returncode == 0 and not errors, errors
    return json.loads(output)


def xray(server, runs, **options):
    return finish(start(server, runs, **options))
