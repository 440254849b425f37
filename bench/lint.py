"""pawl lint against the parser alone: every statement split, parsed and turned into a tree; and
beside squawk, another linter of migrations."""

import sys
from dataclasses import replace

from common import SOURCES, Aim, Table, Workshop, interleave
from support.pawl import pawl_binary

SOURCE = SOURCES.parent / "src"
PARTS = ("sql/split.c", "sql/lexer.c", "base/fs.c", "base/str.c", "base/arena.c", "base/mem.c", "base/err.c")
SHAPES = ((200, 20, 20), (20, 500, 10))  # files, statements in each, runs
WARM_UP = 2
RATIO = 1.3
MANY_FILES, MANY_CPU_MS = 10000, 1000
HUGE_MB, HUGE_MEMORY_MB = 100, 350


def statements(table, count):
    """What a migration is made of, without a finding: a table, what belongs to it, and rows."""
    yield (f"CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,"
           " parent bigint REFERENCES nodes (id), state text NOT NULL DEFAULT 'new'"
           " CHECK (state IN ('new', 'open', 'done')), made timestamptz NOT NULL DEFAULT now())")
    yield f"CREATE INDEX {table}_parent ON {table} (parent)"
    yield f"CREATE UNIQUE INDEX {table}_name ON {table} (lower(name)) WHERE state <> 'done'"
    yield f"ALTER TABLE {table} ADD COLUMN note text, ADD COLUMN weight numeric(12, 2) NOT NULL DEFAULT 0"
    yield f"COMMENT ON TABLE {table} IS 'what is known of it'"
    yield f"GRANT SELECT, INSERT ON {table} TO app"
    for number in range(6, count, 2):
        yield (f"INSERT INTO {table} (name, state, note) VALUES ('row {number}', 'new',"
               " 'a note of some length; with a semicolon'), ('the next', 'open', NULL)")
        yield (f"UPDATE {table} SET note = upper(note), weight = weight + 1 WHERE id = {number}"
               f" AND state IN (SELECT state FROM {table} WHERE parent IS NULL)")


def write(workshop, name, files, count):
    folder = workshop.folder / name
    folder.mkdir()
    for number in range(files):
        texts = list(statements(f"table_{number}", count))[:count]
        (folder / f"{number:05}.sql").write_text(";\n".join(texts) + ";\n")
    return folder


def write_huge(workshop):
    folder = workshop.folder / "huge"
    folder.mkdir()
    row = ("INSERT INTO readings (id, station, value) VALUES ({0}, 'station; {0}', {0}.5),"
           " ({0}, 'other', NULL);\n")
    with open(folder / "rows.sql", "w") as file:
        number = 0
        while file.tell() < HUGE_MB << 20:
            file.write("".join(row.format(number + i) for i in range(1000)))
            number += 1000
    return folder


def run(workshop, *argv):
    """Both sides only compute: by their CPU time, other work on the machine does not count."""
    done = workshop.run(*argv)
    return replace(done, wall_ms=done.cpu_ms)


def lint(workshop, folder):
    return lambda: run(workshop, pawl_binary(), "lint", "--dialect", "postgres", folder)


def parse(workshop, limit, folder):
    return lambda: run(workshop, limit, *sorted(folder.iterdir()))


def squawk(workshop, program, folder):
    """With its own rules; 1 is the exit code for what they find, which nobody reads here."""
    quiet = '"$@" >/dev/null; [ $? -le 1 ]'
    argv = ("/bin/sh", "-c", quiet, "sh", program, "--reporter", "gcc", *sorted(folder.iterdir()))
    return lambda: run(workshop, *argv)


def tell_squawk(workshop, folders):
    """Its runs stand in the place of the limit's."""
    program = workshop.install("squawk-cli", "squawk")
    table = Table(f"pawl lint beside squawk, CPU time{'' if program else ': squawk is not available'}")
    for name, folder in folders.items() if program else ():
        table.row(name, *interleave(5, 1, lint(workshop, folder), squawk(workshop, program, folder)))


def tell_throughput(folder, runs):
    texts = [path.read_text() for path in folder.iterdir()]
    seconds = min(run.wall_ms for run in runs) / 1000
    count, size_mb = sum(text.count(";\n") for text in texts), sum(map(len, texts)) / 1e6
    print(f"  {count / seconds:,.0f} statements/s, {size_mb / seconds:.1f} MB/s")


def main():
    with Workshop() as workshop:
        table = Table("pawl lint against the parser alone, CPU time")
        limit = workshop.compile("limit_lint", [f"-I{SOURCE}", *(SOURCE / part for part in PARTS),
                                                "-lpg_query"])
        folders = {}
        for files, count, runs in SHAPES:
            name = f"{files} files of {count} statements"
            folder = folders[name] = write(workshop, f"{files}-{count}", files, count)
            of_lint, of_limit = interleave(runs, WARM_UP, lint(workshop, folder),
                                           parse(workshop, limit, folder))
            table.row(name, of_lint, of_limit, Aim(ratio=RATIO))
            tell_throughput(folder, of_lint)
        folder = write(workshop, "many", MANY_FILES, 2)
        of_lint, of_limit = interleave(3, 1, lint(workshop, folder), parse(workshop, limit, folder))
        table.row(f"{MANY_FILES:,} files of 2 statements", of_lint, of_limit, Aim(cpu_ms=MANY_CPU_MS))
        folder = write_huge(workshop)
        of_lint, of_limit = interleave(1, 0, lint(workshop, folder), parse(workshop, limit, folder))
        table.row(f"{HUGE_MB} MB of INSERT", of_lint, of_limit, Aim(memory_mb=HUGE_MEMORY_MB))
        tell_throughput(folder, of_lint)
        tell_squawk(workshop, folders)
        return 1 if table.missed else 0


sys.exit(main())
