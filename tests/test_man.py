"""Man pages and what `make install` puts in place of what the program says of itself."""

import re
import subprocess
from pathlib import Path

import pytest

from support.pawl import clean_environment, pawl_binary

BUILD = Path(pawl_binary()).resolve().parent.parent


def pawl(*args):
    done = subprocess.run([pawl_binary(), *args], env=clean_environment(), capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def command_names():
    return re.findall(r"^  ([a-z]+) +\S", pawl("help").split("\noptions\n")[0], re.MULTILINE)


PAGES = {"pawl.1": [], "pawl.conf.5": ["settings"]} | {f"pawl-{name}.1": [name]
                                                       for name in command_names()}


def rendered(path, width=80):
    """What `man` shows, without bold and underline; a warning fails."""
    env = clean_environment(MANWIDTH=width, LC_ALL="C.UTF-8", MAN_KEEP_FORMATTING=None)
    done = subprocess.run(["man", "--local-file", "--warnings", path], env=env, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


@pytest.fixture(params=PAGES)
def page(request, tmp_path):
    path = tmp_path / request.param
    path.write_text(pawl("help", "--man", *PAGES[request.param]))
    return path


def test_a_page_is_clean(page):
    done = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == "" and done.stderr == "", done
    assert "SEE ALSO" in rendered(page)


def flat(text):
    return re.sub(r"\s+", " ", text.replace("`", ""))


def test_a_page_says_what_help_says(page):
    """Every option, example, setting and exit code of the help page, word for word."""
    shown = flat(rendered(page, width=1000)).lower()
    parts = re.split(r"\n(options|examples|exit codes)\n", pawl("help", *PAGES[page.name]))
    rows = [row.strip() for text in parts[2::2] for row in text.split("\n\n")[0].splitlines()]
    if page.name == "pawl.conf.5":
        rows = re.findall(r"^  (\w+ = .+)$|^      (.*\.)$", parts[0], re.MULTILINE)
        rows = [first or second for first, second in rows]
    assert rows or page.name in ("pawl-config.1", "pawl-renumber.1")
    for row in rows:
        for cell in re.split(r" {2,}|^(\d+(?:\+N)?) +", row):
            assert flat(cell or "").lower() in shown, cell


def test_installed_files(tmp_path):
    done = subprocess.run(["meson", "install", "--no-rebuild", "--quiet", "--destdir", tmp_path, "-C", BUILD],
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done
    share = next(tmp_path.rglob("share"))
    for name, topic in PAGES.items():
        assert (share / "man" / f"man{name[-1]}" / name).read_text() == pawl("help", "--man", *topic)
    for place, shell in {"bash-completion/completions/pawl": "bash", "zsh/site-functions/_pawl": "zsh",
                         "fish/vendor_completions.d/pawl.fish": "fish"}.items():
        assert (share / place).read_text() == pawl("completion", shell)
    assert {path.name for path in share.glob("man/man*/*")} == set(PAGES)
