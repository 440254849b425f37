#!/usr/bin/python3
"""Proves the shape of the source: who includes whom, how long a file is, which calls are not made.

check_floors.py [ROOT]: prints each violation as file:line: text and exits 1 when there is one.
"""

import re
import sys
from pathlib import Path

# A folder below src/ and the floors that its files may include besides their own.
FLOORS = {
    "base": "",
    "conf": "base",
    "db": "base",
    "sql": "base",
    "history": "base sql",
    "ledger": "base db history sql",
    "check": "base conf db history ledger sql",
    "deploy": "base check conf db history ledger sql",
    "live": "base check conf db history ledger sql",
    "adopt": "base check conf db history ledger sql",
    "api": "adopt base check conf db deploy history ledger live sql",
    "cli": "adopt api base check conf db deploy history ledger live sql",
}

# The public header is what the outside sees: only the top floors may look at it.
PUBLIC_HEADER = "pawl.h"
PUBLIC_HEADER_USERS = {"api", "cli"}

LINES_WARNED = 500
LINES_ALLOWED = 600

# A call that is not made, and what is used in its place.
BANNED_CALLS = {
    "strcpy": "struct str or arena_strdup()",
    "strcat": "struct str",
    "sprintf": "arena_printf() or snprintf()",
    "vsprintf": "arena_vprintf() or vsnprintf()",
    "gets": "getline()",
    "strtok": "strcspn()",
    "system": "a process started with its own arguments",
    "popen": "a process started with its own arguments",
    "atoi": "strtol() with its errors checked",
    "atol": "strtol() with its errors checked",
    "alloca": "an arena",
    "setjmp": "a returned error",
    "sigsetjmp": "a returned error",
    "longjmp": "a returned error",
    "siglongjmp": "a returned error",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)
BANNED = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(BANNED_CALLS) + r")\s*\(")
COMMENT_OR_LITERAL = re.compile(
    r"""/\*.*?\*/ | //(?:\\\n|[^\n])* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)


def without_comments(text):
    """The text with comments blanked, line breaks kept; literals stay."""

    def blank(match):
        token = match.group()
        return re.sub(r"[^\n]", " ", token) if token.startswith("/") else token

    return COMMENT_OR_LITERAL.sub(blank, text)


def without_literals(text):
    return COMMENT_OR_LITERAL.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def find_cycle(edges):
    """One cycle of a graph {node: [node, …]} as a list that ends where it starts, or None."""
    done = set()

    def walk(node, path):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        for target in edges.get(node, ()):
            cycle = walk(target, path + [node])
            if cycle:
                return cycle
        done.add(node)
        return None

    for start in sorted(edges):
        cycle = walk(start, [])
        if cycle:
            return cycle
    return None


def include_error(folder, quote, path):
    """What is wrong with this include in a file of that folder, or None."""
    floor = path.split("/")[0]
    if path == PUBLIC_HEADER:
        if folder in PUBLIC_HEADER_USERS:
            return None
        users = " and ".join(sorted(PUBLIC_HEADER_USERS))
        return f"{path} is the public header: only {users} may include it"
    if quote == "<":
        ours = "/" in path and floor in FLOORS
        return f"<{path}> is one of our own headers: include it with quotes" if ours else None
    if "/" not in path or ".." in path.split("/"):
        return f'"{path}" does not start with a folder of src/'
    if floor not in FLOORS:
        return f'"{path}" is in a folder that has no floor'
    if floor != folder and floor not in FLOORS[folder].split():
        allowed = FLOORS[folder] or "nothing"
        return f'{folder} may not include "{path}"; it may include: {allowed}'
    return None


def check_includes(source, files):
    """Problems of who includes whom in {path: text}."""
    edges = {}
    for path, text in files.items():
        name = path.relative_to(source).as_posix()
        folder = name.split("/")[0]
        if "/" not in name or folder not in FLOORS:
            yield path, 1, f'no floor: put the file in one of {" ".join(FLOORS)}'
            continue
        code = without_comments(text)
        for match in INCLUDE.finditer(code):
            error = include_error(folder, match[1], match[2])
            if error:
                yield path, line_of(code, match.start()), error
            edges.setdefault(name, []).append(match[2])
    cycle = find_cycle(edges)
    if cycle:
        yield source / cycle[0], 1, "files include each other: " + " -> ".join(cycle)


def check_file(path, text):
    """Problems of one file by itself: its length, its calls."""
    lines = text.count("\n")
    if lines > LINES_ALLOWED:
        yield path, lines, f"{lines} lines; at most {LINES_ALLOWED} are allowed"
    code = without_literals(text)
    for match in BANNED.finditer(code):
        use = BANNED_CALLS[match[1]]
        yield path, line_of(code, match.start()), f"{match[1]}() is not used here; use {use}"


def sources(root, *folders):
    found = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".inc") and path.is_file():
                found[path] = path.read_text(encoding="utf-8", errors="replace")
    return found


def check(root):
    cycle = find_cycle({floor: below.split() for floor, below in FLOORS.items()})
    if cycle:
        yield Path(__file__), 1, "the table of floors goes in circles: " + " -> ".join(cycle)
    yield from check_includes(root / "src", sources(root, "src"))
    for path, text in sources(root, "src", "include", "examples").items():
        yield from check_file(path, text)


def main(arguments):
    root = Path(arguments[1] if len(arguments) > 1 else Path(__file__).parent.parent).resolve()
    files = sources(root, "src", "include", "examples")
    for path, text in files.items():
        lines = text.count("\n")
        if LINES_WARNED < lines <= LINES_ALLOWED:
            print(f"{path.relative_to(root)}:{lines}: warning: {lines} lines, over {LINES_WARNED}")
    count = 0
    for path, line, text in check(root):
        print(f"{path.relative_to(root) if root in path.parents else path}:{line}: {text}")
        count += 1
    if not files:
        print(f"{root}: no source file found")
        count += 1
    print(f"floors: {len(files)} files, {count} problems")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
