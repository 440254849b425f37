"""scripts/check_floors.py on small trees, each with one thing wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "check_floors.py"

GOOD = {
    "src/base/str.h": "#include <stddef.h>\n",
    "src/base/str.c": '#include "base/str.h"\n',
    "src/sql/lexer.h": '#include "base/str.h"\n',
    "src/history/set.c": '#include "base/str.h"\n#include "sql/lexer.h"\n',
    "src/api/open.c": '#include "pawl.h"\n#include "history/set.h"\n',
    "src/cli/main.c": '#include "api/open.h"\n#include "deploy/deploy.h"\n',
    "include/pawl.h": "#include <stdbool.h>\n",
    "examples/ready.c": "#include <pawl.h>\n",
}


def check(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result = subprocess.run([sys.executable, SCRIPT, tmp_path], text=True, capture_output=True)
    assert result.stderr == ""
    return result.returncode, result.stdout


def test_a_good_tree_passes(tmp_path):
    assert check(tmp_path, GOOD) == (0, f"floors: {len(GOOD)} files, 0 problems\n")


def test_an_empty_tree_does_not(tmp_path):
    assert check(tmp_path, {})[0] == 1


@pytest.mark.parametrize("name, text, expected", [
    # Floors
    ("src/base/a.c", '#include "sql/lexer.h"\n', 'src/base/a.c:1: base may not include "sql/lexer.h"'),
    ("src/sql/a.c", '\n\n #  include "history/set.h"\n', "src/sql/a.c:3: sql may not include"),
    ("src/conf/a.c", '#include "db/pg.h"\n', "conf may not include"),
    ("src/db/a.c", '#include "conf/url.h"\n', "db may not include"),
    ("src/ledger/a.c", '#include "conf/url.h"\n', "ledger may not include"),
    ("src/check/a.c", '#include "deploy/plan.h"\n', "check may not include"),
    ("src/deploy/a.c", '#include "adopt/from.h"\n', "deploy may not include"),
    ("src/deploy/a.c", '#include "cli/main.h"\n', "deploy may not include"),
    ("src/api/a.c", '#include "cli/main.h"\n', "api may not include"),
    ("src/deploy/a.c", '#include "pawl.h"\n', "is the public header"),
    ("src/deploy/a.c", "#include <pawl.h>\n", "is the public header"),
    ("src/sql/a.c", '#include "lexer.h"\n', "does not start with a folder"),
    ("src/sql/a.c", '#include "sql/../cli/main.h"\n', "does not start with a folder"),
    ("src/sql/a.c", "#include <history/set.h>\n", "include it with quotes"),
    ("src/sql/a.c", '#include "serve/beat.h"\n', "has no floor"),
    ("src/extra/a.c", "\n", "src/extra/a.c:1: no floor"),
    ("src/a.c", "\n", "src/a.c:1: no floor"),
    # Size
    ("src/base/a.c", "\n" * 601, "src/base/a.c:601: 601 lines"),
    ("examples/a.c", "\n" * 601, "601 lines"),
    # Banned calls
    ("src/base/a.c", "\nvoid f(void)\n{\n    strcpy(a, b);\n}\n", "src/base/a.c:4: strcpy() is not used"),
    ("src/base/a.c", "int a = atoi (x);\n", "atoi()"),
    ("src/base/a.c", 'char *a = "/*"; f = popen(x);\n', "popen()"),
    ("src/base/a.c", "char a = '\"'; system(x); // \"\n", "system()"),
    ("src/base/a.h", "#define A(x) alloca(x)\n", "alloca()"),
    ("include/a.h", "int a = setjmp(x);\n", "setjmp()"),
])
def test_a_violation_fails_and_is_named(tmp_path, name, text, expected):
    code, out = check(tmp_path, {**GOOD, name: text})
    assert code == 1
    assert expected in out
    assert out.endswith("1 problems\n")


@pytest.mark.parametrize("text", [
    "/* strcpy(a, b) */\n",
    "// system(a)\n",
    'char *a = "system(a) \\" gets(b)";\n',
    "snprintf(a); my_system(b); x.system(c); x->system(d); int system;\n",
    '/* #include "cli/main.h" */\n',
    '/*\n#include "cli/main.h"\n*/\n',
    '// \\\n#include "cli/main.h"\n',
])
def test_what_only_looks_like_a_violation_passes(tmp_path, text):
    code, out = check(tmp_path, {**GOOD, "src/base/a.c": text})
    assert code == 0, out


def test_files_that_include_each_other_fail(tmp_path):
    code, out = check(tmp_path, {**GOOD, "src/sql/a.h": '#include "sql/b.h"\n',
                                 "src/sql/b.h": '#include "sql/c.h"\n',
                                 "src/sql/c.h": '#include "sql/a.h"\n'})
    assert code == 1
    assert "sql/a.h -> sql/b.h -> sql/c.h -> sql/a.h" in out


def test_a_long_file_is_a_warning(tmp_path):
    code, out = check(tmp_path, {**GOOD, "src/base/a.c": "\n" * 501})
    assert code == 0
    assert "src/base/a.c:501: warning: 501 lines" in out


def test_a_table_that_goes_in_circles_fails(tmp_path):
    copy = tmp_path / "check_floors.py"
    text = SCRIPT.read_text()
    changed = text.replace('"base": "",', '"base": "cli",')
    assert changed != text
    copy.write_text(changed)
    (tmp_path / "src" / "base").mkdir(parents=True)
    (tmp_path / "src" / "base" / "a.c").write_text("\n")
    result = subprocess.run([sys.executable, copy, tmp_path], text=True, capture_output=True)
    assert result.returncode == 1
    assert "goes in circles" in result.stdout
