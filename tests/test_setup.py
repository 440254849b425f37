"""scripts/setup.sh with apt-get, dpkg-query, id and sudo played by small scripts."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "setup.sh"
SHELL = "/bin/sh"


@pytest.fixture
def machine(tmp_path):
    """Runs setup.sh on a machine that has nothing but the commands given to it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    calls = tmp_path / "calls"
    for name in ("sed", "env"):
        (programs / name).symlink_to(f"/usr/bin/{name}")

    def command(name, text):
        path = programs / name
        path.write_text(f"#!{SHELL}\n{text}\n")
        path.chmod(0o755)

    def run(*groups, installed=(), user=0, sudo=False, dpkg=True, update=0):
        calls.write_text("")
        command("id", f"echo {user}")
        command("apt-get", f'echo "$DEBIAN_FRONTEND $*" >>{calls}; '
                           f'case "$*" in *" update") exit {update};; esac')
        if dpkg:
            lines = "".join(f"echo installed {package};" for package in installed)
            command("dpkg-query", lines + "echo config-files sqlite3; exit 1")
        if sudo:
            command("sudo", f'echo sudo >>{calls}; exec "$@"')
        result = subprocess.run([SHELL, SCRIPT, *groups], env={"PATH": str(programs)}, text=True,
                                capture_output=True)
        return result, calls.read_text().splitlines()

    return run


def test_what_is_missing_is_installed_after_an_update(machine):
    result, calls = machine("fuzz", installed=["libclang-rt-14-dev"])
    assert result.returncode == 0, result.stderr
    assert len(calls) == 2
    assert calls[0].startswith("noninteractive ") and calls[0].endswith(" update")
    assert calls[1].endswith(" install -y --no-install-recommends clang")


def test_nothing_missing_nothing_done(machine):
    result, calls = machine("fuzz", installed=["libclang-rt-14-dev", "clang"])
    assert (result.returncode, result.stdout, result.stderr, calls) == (0, "", "", [])


def test_a_package_that_was_removed_is_missing(machine):
    _, calls = machine("test")
    assert " sqlite3 " in calls[1]


def test_a_list_that_cannot_be_had_does_not_stop_the_install(machine):
    result, calls = machine("fuzz", update=100)
    assert result.returncode == 0 and len(calls) == 2


def test_a_user_needs_sudo(machine):
    result, calls = machine("fuzz", user=1000, sudo=True)
    assert result.returncode == 0
    assert [call for call in calls if call == "sudo"] == ["sudo", "sudo"]


def test_a_user_without_sudo_is_told_what_to_type(machine):
    result, calls = machine("fuzz", user=1000)
    assert result.returncode == 1
    assert calls == []
    assert "apt-get install -y --no-install-recommends clang libclang-rt-14-dev" in result.stderr


def test_an_unknown_group_fails(machine):
    result, calls = machine("fuzz", "tset")
    assert result.returncode == 1
    assert 'unknown group "tset"' in result.stderr
    assert calls == []


def test_another_system_is_told_what_is_needed(machine):
    result, calls = machine("fuzz", dpkg=False)
    assert result.returncode == 0
    assert calls == []
    assert "clang libclang-rt-14-dev" in result.stderr
