#!/usr/bin/python3
"""Writes what the program says of itself into the docs: docs.py [--check] PAWL

Between `<!-- make docs: WHAT -->` and `<!-- end -->` stands what a generator below gives. --check
changes nothing, names each page that is behind, and then exits 1.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- make docs: ([^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def run(pawl, *args):
    return subprocess.run([pawl, *args], check=True, capture_output=True, text=True).stdout


def cell(text):
    return text.replace("|", "\\|")


def help_page(pawl, topic):
    return f"```text\n$ pawl help {topic}\n{run(pawl, 'help', topic)}```\n"


def commands(pawl):
    rows = json.loads(run(pawl, "help", "--json"))["commands"]
    lines = ["| command | what it does | group |", "|---|---|---|"]
    for row in rows:
        link = f"[`pawl {row['name']}`](commands/{row['name']}.md)"
        lines.append(f"| {link} | {cell(row['summary'])} | {row['group']} |")
    return "\n".join(lines) + "\n"


def settings(pawl, section):
    lines = ["| setting | default | values | environment | what it says |", "|---|---|---|---|---|"]
    for row in json.loads(run(pawl, "help", "--json", "settings"))["settings"]:
        if row["section"] != section:
            continue
        default = f"`{row['default']}`" if row["default"] else "empty"
        variable = f"`{row['environment']}`" if row["environment"] else ""
        cells = [f"`{row['name']}`", default, cell(row["values"]), variable, cell(row["text"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def rule_section(rule):
    text = (f"### {rule['id']}\n\n{rule['title']} ({rule['severity']}, "
            f"{', '.join(rule['engines'])})\n\n{rule['why']}\n\n{rule['fix']}\n")
    if rule["fixer"]:
        text += f"\n`pawl {rule['fixed_by']} --fix` {rule['fixer']}.\n"
    for title, key in (("Wrong", "example_bad"), ("Right", "example_good")):
        if rule[key]:
            text += f"\n{title}:\n\n```\n{rule[key]}\n```\n"
    return text


def rules(pawl):
    rows = json.loads(run(pawl, "--json", "explain", "--list"))["rules"]
    return "\n" + "\n".join(rule_section(row) for row in rows) + "\n"


def locks(pawl):
    """From a program of the tests, which is built beside pawl."""
    program = Path(pawl).resolve().parent.parent / "tests/print_facts"
    lines = ["| statement | lock | work under it | unless | older code |", "|---|---|---|---|---|"]
    for row in json.loads(run(program, "--tables"))["forms"]:
        name = row["name"] + (f" ({row['since']} and later)" if row["since"] else "")
        lines.append(f"| {cell(name)} | {row['mode'] or 'none'} | {row['effect']} | {row['unless'] or ''} "
                     f"| {', '.join(row['old_code'])} |")
    return "\n".join(lines) + "\n"


def checklist(pawl):
    rows = json.loads(run(pawl, "--json", "help", "preflight"))["checklist"]
    lines = ["| line | | what is asked, and what an answer means | SQLite | a deploy asks it |", "|---|---|---|---|---|"]
    for row in rows:
        cells = [f"`{row['id']}`", row["title"], cell(row["asks"]), "" if row["postgres"] else "yes",
                 "yes" if row["deploy"] else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def recipes(pawl):
    rows = json.loads(run(pawl, "--json", "new", "--recipe", "list"))["recipes"]
    lines = ["| recipe | what it makes | its options | its files |", "|---|---|---|---|"]
    for row in rows:
        files = [f"{file['slug']} ({file['what']}" + (f", with `--{file['with']}`)" if file["with"] else ")")
                 for file in row["files"]]
        lines.append(f"| `{row['name']}` | {cell(row['summary'])} | `{row['usage']}` | {', '.join(files)} |")
    return "\n".join(lines) + "\n"


GENERATORS = {"checklist": checklist, "commands": commands, "help": help_page, "locks": locks,
              "recipes": recipes, "rules": rules, "settings": settings}


def generated(text, pawl):
    """The page with every block as it should be."""

    def block(match):
        name, *args = match[2].split()
        return match[1] + GENERATORS[name](pawl, *args) + match[3]

    return BLOCK.sub(block, text)


def main(args):
    check = "--check" in args
    pawl = next(arg for arg in args if arg != "--check")
    behind = []
    for page in sorted(ROOT.glob("docs/**/*.md")) + [ROOT / "README.md"]:
        text = page.read_text()
        wanted = generated(text, pawl)
        if wanted != text:
            behind.append(str(page.relative_to(ROOT)))
            if not check:
                page.write_text(wanted)
    for name in behind:
        print(f"{name}: {'behind, type `make docs`' if check else 'written'}")
    return 1 if check and behind else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
