"""docs/ci.md and .pre-commit-hooks.yaml: what they tell people to type and to copy is true."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from support.pawl import clean_environment, pawl_binary

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text(),
                    re.DOTALL | re.MULTILINE)
CREATE = "20250703075850_create_users.sql"
WRONG, MEANT = "1751619600000_add_email.sql", "20250704090000_add_email.sql"
ADD, DROP = "20250705090000_add_email.sql", "20250706090000_drop_email.sql"


def blocks(language):
    return [text for name, text in BLOCKS if name == language]


def configuration(name):
    """The YAML files of this name, which their first line gives."""
    found = [text for text in blocks("yaml") if text.split("\n")[0] == f"# {name}"]
    assert found, name
    return [yaml.safe_load(text) for text in found]


class Checkout:
    """A clone, on a branch that adds a file with two mistakes."""

    def __init__(self, folder):
        self.origin, self.clone = folder / "origin", folder / "clone"
        programs = folder / "bin"
        programs.mkdir()
        (programs / "pawl").symlink_to(pawl_binary())
        self.env = clean_environment(
            PATH=f"{programs}:{os.environ['PATH']}", HOME=folder, GIT_CONFIG_SYSTEM="/dev/null",
            GIT_AUTHOR_NAME="x", GIT_AUTHOR_EMAIL="x@example.org", GIT_COMMITTER_NAME="x",
            GIT_COMMITTER_EMAIL="x@example.org")
        (self.origin / "migrations").mkdir(parents=True)
        self.shell("git init -q -b main", self.origin)
        (self.origin / "migrations" / CREATE).write_text("CREATE TABLE users (id bigint PRIMARY KEY);\n")
        self.shell("git add -A && git commit -qm x", self.origin)
        self.shell(f"git clone -q {self.origin} {self.clone}", folder)
        self.shell("git checkout -q -b topic", self.clone)
        self.wrong = self.clone / "migrations" / WRONG
        self.wrong.write_text("-- pawl: phse=expand\nALTER TABLE users ADD COLUMN email text;\n")

    def shell(self, command, folder=None, code=0, **env):
        """As the runners do it: bash, ending at the first failure."""
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", command], text=True,
                              cwd=folder or self.clone, env={**self.env, **env}, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        assert done.returncode == code, done.stdout
        return done.stdout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_every_block_is_of_a_kind_that_is_tested():
    """What consoles show is compared with the examples of all other pages."""
    assert {name for name, _ in BLOCKS} == {"console", "yaml", "sh"}
    assert len(blocks("console")) == 3 and len(blocks("sh")) == 1 and len(blocks("yaml")) == 6


def github_steps(name):
    workflow, = configuration(f".github/workflows/{name}.yml")
    assert workflow[True] and workflow["name"] == name  # YAML 1.1 reads "on" as true
    job, = workflow["jobs"].values()
    return [step for step in job["steps"] if "run" in step], job


@pytest.mark.parametrize("base", ["main", ""])
def test_the_github_workflow(checkout, base):
    (setup, check), job = github_steps("migrations")
    assert job["steps"][0]["with"]["fetch-depth"] == 0
    env = {"GITHUB_BASE_REF": base, "GITHUB_WORKSPACE": str(checkout.clone)}
    checkout.shell(setup["run"], **env)
    out = checkout.shell(check["run"], code=3, **env)
    assert f"::error file=migrations/{WRONG},title=" in out
    assert f"::error file=migrations/{WRONG},line=1,col=10,title=" in out
    assert out.endswith("checked 2 migrations: 2 errors, 0 warnings\n")
    checkout.wrong.unlink()
    (checkout.clone / "migrations" / CREATE).write_text("CREATE TABLE users (id int PRIMARY KEY);\n")
    out = checkout.shell(check["run"], code=3 if base else 0, **env)
    assert ("[edited-since-base]" in out) == bool(base)


def test_the_sarif_workflow(checkout):
    (check,), job = github_steps("migrations-sarif")
    log = checkout.shell(check["run"], code=3)
    upload = job["steps"][-1]
    assert upload["if"] == "always()"
    report = json.loads((checkout.clone / upload["with"]["sarif_file"]).read_text())
    assert len(report["runs"][0]["results"]) == 2 and f"migrations/{WRONG}: error: " in log


def test_the_verdicts_workflow(checkout, pg):
    """The release that runs reads a column that the branch drops: that is a verdict, and kept."""
    (check, running, tests), job = github_steps("verdicts")
    checkout.shell("openssl genpkey -algorithm ed25519 -out ../ci.pem")
    env = {name: {"PAWL_ATTEST_KEY": (checkout.clone.parent / "ci.pem").read_text(), "PAWL_URL": pg.url}[name]
           for name in job["env"]}
    checkout.wrong.unlink()
    (checkout.clone / "Makefile").write_text(
        "test:\n\tpsql -qAt -v ON_ERROR_STOP=1 -c 'SELECT email FROM users' \"$$DATABASE_URL\"\n")
    (checkout.clone / "migrations" / ADD).write_text("ALTER TABLE users ADD COLUMN email text;\n")
    checkout.shell("git add -A && git commit -qm running && git tag 1.24 && pawl deploy -q", **env)
    (checkout.clone / "migrations" / DROP).write_text(
        "-- pawl: allow=drop-column reason=\"read by nobody\"\nALTER TABLE users DROP COLUMN email;\n")
    (checkout.clone / "deploy").mkdir()
    (checkout.clone / "deploy" / "running-release").write_text("1.24\n")
    checkout.shell("git add -A && git commit -qm next", **env)
    checkout.shell(check["run"], **env)
    checkout.shell(running["run"], **env)
    assert "failed with the pending migrations" in checkout.shell(tests["run"], code=3, **env)
    upload = job["steps"][-1]
    assert upload["if"] == "always()" and job["steps"][0]["with"]["fetch-depth"] == 0
    kept = sorted(path.name.rsplit("-", 2)[0] for path in (checkout.clone / upload["with"]["path"]).iterdir())
    assert kept == ["check", "tests-1.24"]


def test_the_gitlab_job(checkout):
    job, = configuration(".gitlab-ci.yml")[0].values()
    env = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    *before, check = job["script"]
    for command in before:
        checkout.shell(command, **env)
    log = checkout.shell(check, code=3, **env)
    assert f"migrations/{WRONG}: error: " in log and "pawl: 2 errors, 0 warnings\n" in log
    assert job["artifacts"]["when"] == "always" and job["variables"]["GIT_DEPTH"] == "0"
    report = json.loads((checkout.clone / job["artifacts"]["reports"]["codequality"]).read_text())
    assert [item["location"] for item in report] == [
        {"path": f"migrations/{WRONG}", "lines": {"begin": 1}}] * 2


def hooks():
    return {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def test_the_hooks_of_pre_commit(checkout):
    remote, local = configuration(".pre-commit-config.yaml")
    used, = remote["repos"][0]["hooks"]
    hook = hooks()[used["id"]]
    own, = local["repos"][0]["hooks"]
    assert local["repos"][0]["repo"] == "local"
    assert own["entry"] == " ".join([hook["entry"], *used["args"]])
    for each in (*hooks().values(), own):
        assert each["language"] == "system" and each["pass_filenames"] is False
        for path, wanted in (("migrations/1_a.sql", True), ("db/migrations/pawl.sum", True),
                             ("pawl.conf", True), ("db/pawl.conf", True), ("src/pawl.c", False)):
            assert bool(re.search(each["files"], path)) == wanted
    assert "pawl: 2 errors" in checkout.shell(own["entry"], code=3)
    out = checkout.shell(" ".join([hooks()["pawl-check-fix"]["entry"], *used["args"]]))
    assert "renamed " in out and "no findings" in out


def test_the_hook_of_git(checkout):
    command, = blocks("sh")
    checkout.shell(command)
    checkout.shell("git add -A")
    assert "[name-precision]" in checkout.shell("git commit -m x", code=1)
    checkout.shell("pawl check --base origin/main --fix && git add -A && git commit -qm x")
    assert MEANT in checkout.shell("git show --stat")


def test_the_page_is_linked():
    assert "(ci.md)" in (ROOT / "docs" / "rules.md").read_text()
    assert "(docs/ci.md)" in (ROOT / "README.md").read_text()
    assert "(ci.md)" in (ROOT / "docs" / "README.md").read_text()
