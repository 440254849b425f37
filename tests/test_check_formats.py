"""`pawl check --format`: what continuous integration reads, parsed back by its own rules."""

import json
import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from support.pawl import SANITIZER_EXIT

A = "20250101000000_a.sql"
BAD = "1735862400000_b.sql"
LEVELS = {"error", "warning", "note"}
FORMATS = ["human", "json", "sarif", "github", "gitlab"]


@pytest.fixture
def checkout(make_pawl):
    return make_pawl()


def write(checkout, name, text=""):
    """name: text or bytes; any byte may stand in it."""
    name = name if isinstance(name, bytes) else name.encode()
    path = os.path.join(os.fsencode(checkout.migrations), name)
    Path(os.fsdecode(path)).write_text(text)


# ---- readers ----

def need(value, kind, **fields):
    """The object has exactly these kinds of fields; a name that ends in _ may be missing."""
    assert isinstance(value, kind), value
    for name, of in fields.items():
        key = name.rstrip("_")
        assert key in value or name.endswith("_"), (key, value)
        assert key not in value or isinstance(value[key], of), (key, value)
    if fields:
        assert set(value) <= {name.rstrip("_") for name in fields}, value


def read_sarif(result):
    """The results of the one run, each held against what SARIF 2.1.0 demands."""
    assert result.out.isascii() and result.out.count("\n") == 1
    log = json.loads(result.out)
    assert log["version"] == "2.1.0" and "sarif-2.1.0" in log["$schema"]
    run, = log["runs"]
    need(run, dict, tool=dict, columnKind=str, originalUriBaseIds=dict, invocations=list,
         results=list)
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    need(driver, dict, name=str, semanticVersion=str, rules=list)
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        need(rule, dict, id=str, shortDescription=dict, fullDescription=dict, help=dict,
             defaultConfiguration=dict, properties=dict)
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"]
        assert rule["help"]["text"] and rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in LEVELS
    invocation, = run["invocations"]
    assert invocation["exitCode"] == result.code
    for item in run["results"]:
        need(item, dict, ruleId=str, ruleIndex=int, level=str, message=dict, locations=list,
             partialFingerprints=dict)
        assert ids[item["ruleIndex"]] == item["ruleId"] and item["level"] in LEVELS
        assert item["message"]["text"]
        location, = item["locations"]
        need(location, dict, physicalLocation=dict)
        place = location["physicalLocation"]
        need(place, dict, artifactLocation=dict, region_=dict)
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+|file:///.*",
                            place["artifactLocation"]["uri"])
        if "region" in place:
            need(place["region"], dict, startLine=int, startColumn_=int)
            assert min(place["region"].values()) >= 1
        assert all(re.fullmatch("[0-9a-f]{64}", value)
                   for value in item["partialFingerprints"].values())
    prints = [tuple(item["partialFingerprints"].values()) for item in run["results"]]
    assert len(prints) == len(set(prints))
    return run


def uri(item):
    return item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def read_github(out):
    """(command, properties, message) of each workflow command, and the other lines, as the runner
    reads them."""
    commands, rest = [], []
    for line in out.split("\n")[:-1]:
        line = line.strip()
        if not line.startswith("::"):
            rest.append(line)
            continue
        head, message = line[2:].split("::", 1)
        name, _, properties = head.partition(" ")
        fields = dict(pair.split("=", 1) for pair in properties.split(","))
        for escape, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","),
                             ("%25", "%")):
            fields = {key: value.replace(escape, char) for key, value in fields.items()}
            if escape not in ("%3A", "%2C"):
                message = message.replace(escape, char)
        commands.append((name, fields, message))
    return commands, rest


def read_gitlab(result):
    report = json.loads(result.out)
    need(report, list)
    for item in report:
        need(item, dict, description=str, check_name=str, fingerprint=str, severity=str,
             location=dict)
        need(item["location"], dict, path=str, lines=dict)
        assert item["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert item["location"]["lines"]["begin"] >= 1
        assert not item["location"]["path"].startswith(("/", "./"))
    assert len({item["fingerprint"] for item in report}) == len(report)
    return report


def findings(checkout):
    return checkout.run("--json", "check").json()["findings"]


# ---- every format says the same ----

MANY = {
    BAD: "select 1;\n",
    A: '-- pawl: allow=encoding reason="x"\nselect 1;\n  \\connect x\n-- pawl: phase=contract\n',
    "20250201000000_c.sql": "select 'open;\n",
    "20250201000000_d.sql": "-- pawl: allow=duplicate-version reason=\"a: b, c% \\\"d\\\"\"\n",
}


@pytest.fixture
def many(checkout):
    for name, text in MANY.items():
        write(checkout, name, text)
    return checkout


def test_every_format_has_every_finding(many):
    expected = findings(many)
    assert {f["severity"] for f in expected} == LEVELS
    assert len(expected) >= 6
    sarif = read_sarif(many.run("check", "--format", "sarif", check=3))["results"]
    assert [(f["rule"], f["severity"]) for f in expected] == \
           [(r["ruleId"], r["level"]) for r in sarif]
    gitlab = read_gitlab(many.run("check", "--format", "gitlab", check=3))
    severity = {"error": "major", "warning": "minor", "note": "info"}
    assert [(f["rule"], severity[f["severity"]], f["file"], f["line"] or 1) for f in expected] == \
           [(r["check_name"], r["severity"], r["location"]["path"],
             r["location"]["lines"]["begin"]) for r in gitlab]
    commands, rest = read_github(many.run("check", "--format", "github", check=3).out)
    names = {"error": "error", "warning": "warning", "note": "notice"}
    assert [(names[f["severity"]], f["file"], f["line"] and str(f["line"])) for f in expected] == \
           [(name, fields["file"], fields.get("line")) for name, fields, _ in commands]
    errors = sum(f["severity"] == "error" for f in expected)
    assert rest == [f"checked 4 migrations: {errors} errors, 1 warning"]
    for finding, result, report, (_, fields, message) in zip(expected, sarif, gitlab, commands):
        place = result["locations"][0]["physicalLocation"]
        assert place.get("region", {}).get("startLine") == finding["line"]
        assert place.get("region", {}).get("startColumn") == finding["column"]
        assert fields.get("col") == (finding["column"] and str(finding["column"]))
        for text in (result["message"]["text"], report["description"], message):
            assert finding["what"] in text and (finding["fix"] or "") in text
        assert f"[{finding['rule']}]" in message and finding["file"] in message


@pytest.mark.parametrize("form", FORMATS)
def test_exit_codes_are_those_of_every_format(checkout, form):
    assert checkout.run("check", "--format", form).code == 0
    write(checkout, BAD)
    assert checkout.run("check", "--format", form).code == 3
    assert checkout.run("check", "--format", form, "--base", "main").code == 2


def test_json_is_a_format(many):
    assert many.run("check", "--format", "json").out == many.run("--json", "check").out
    assert many.run("--json", "check", "--format=json").out == many.run("check", "--json").out
    human = many.run("check")
    assert many.run("check", "--format", "human").out == human.out


@pytest.mark.parametrize("args", [("--format", "xml"), ("--format", ""), ("--format=SARIF",)])
def test_an_unknown_format(checkout, args):
    result = checkout.run("check", *args, check=2)
    assert result.out == "" and "human, json, sarif, github or gitlab" in result.err


def test_two_formats_at_once(checkout):
    result = checkout.run("--json", "check", "--format", "sarif", check=2)
    assert "two formats" in result.out + result.err


def test_no_findings(checkout):
    write(checkout, A)
    assert read_sarif(checkout.run("check", "--format", "sarif", check=0))["results"] == []
    assert read_gitlab(checkout.run("check", "--format", "gitlab", check=0)) == []
    assert checkout.run("check", "--format", "github", check=0).out == \
        "checked 1 migration: no findings\n"


@pytest.mark.parametrize("form", ["sarif", "gitlab"])
def test_people_read_stderr_beside_a_document(many, form):
    """A log from which the report was redirected into a file still says what is wrong."""
    result = many.run("check", "--format", form, check=3)
    assert f"migrations/{BAD}: error: " in result.err and "errors, 1 warning" in result.err
    quiet = many.run("-q", "check", "--format", form, check=3)
    assert quiet.out == result.out and BAD not in quiet.err and "errors, 1 warning" in quiet.err
    write(many, A)
    for name in MANY:
        if name != A:
            (many.migrations / name).unlink()
    result = many.run("check", "--format", form, check=0)
    assert result.err == "checked 1 migration: no findings\n"


def test_the_rules_of_sarif_are_those_of_explain(checkout):
    rules = checkout.run("--json", "explain", "--list", check=0).json()["rules"]
    run = read_sarif(checkout.run("check", "--format", "sarif", check=0))
    sarif = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule["id"] for rule in sarif]
    for rule, described in zip(rules, sarif):
        assert described["shortDescription"]["text"] == rule["title"]
        assert described["fullDescription"]["text"] == rule["why"]
        assert described["defaultConfiguration"]["level"] == rule["severity"]
        assert described["properties"]["fixable"] == (rule["fixer"] is not None)
        for key in ("fix", "example_bad", "example_good"):
            assert (rule[key] or "") in described["help"]["text"]
            assert (rule[key] or "") in described["help"]["markdown"]


# ---- what went wrong besides ----

def test_sarif_tells_of_a_check_that_was_not_made(checkout):
    run = read_sarif(checkout.run("check", "--format", "sarif", "--base", "nowhere", check=2))
    invocation, = run["invocations"]
    assert invocation["executionSuccessful"] is False
    text = invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert text and text in checkout.run("check", "--base", "nowhere", check=2).err
    write(checkout, BAD)
    run = read_sarif(checkout.run("check", "--format", "sarif", check=3))
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 3}]


def test_github_tells_of_a_check_that_was_not_made(checkout):
    result = checkout.run("check", "--format", "github", "--base", "no\n::error::where", check=2)
    commands, rest = read_github(result.out)
    (name, fields, message), = commands
    assert (name, fields) == ("error", {"title": "pawl"}) and rest == []
    assert "next: " in message
    # Nothing of it reaches the log in another way: the runner reads stderr too.
    assert read_github(result.err) == ([], [])


# ---- hostile names and texts ----

HOSTILE = [
    "20250103000000_a b.sql", "20250103000001_a\nb.sql", "20250103000002_a\r\n::error::forged.sql",
    "20250103000003_100%.sql", "20250103000004_%0A%25.sql", "20250103000005_a,line=7,b.sql",
    "20250103000006_a::b:c.sql", '20250103000007_"q"\\.sql', "20250103000008_\x1b[31m\x7f.sql",
    "20250103000009_größe.sql", b"2025010300000a_\xff\xfe.sql", b"20250103000010_\xc3(.sql",
    "20250103000011_\u2028\u0085\u202e.sql", "::add-mask::x.sql", "#?&=+;.sql",
]


def raw(name):
    return name if isinstance(name, bytes) else name.encode()


@pytest.fixture
def hostile(checkout):
    for name in HOSTILE:
        write(checkout, name, "select 1;\n")
    return checkout


def test_sarif_names_every_byte(hostile):
    run = read_sarif(hostile.run("check", "--format", "sarif", check=3))
    names = {unquote_to_bytes(uri(item)) for item in run["results"]}
    assert names >= {b"migrations/" + raw(name) for name in HOSTILE}


def test_github_reads_every_name_back(hostile):
    result = hostile.run("check", "--format", "github", check=3)
    assert result.code != SANITIZER_EXIT
    commands, rest = read_github(result.out)
    assert len(rest) == 1 and {name for name, _, _ in commands} <= {"error", "warning", "notice"}
    files = {fields["file"] for _, fields, _ in commands}
    for name in HOSTILE:
        if isinstance(name, str) and not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", name):
            assert f"migrations/{name}" in files
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.out)
    # One line a finding: what is in a name or a message starts no command of its own.
    assert len(commands) == len(findings(hostile))


def test_gitlab_has_every_name(hostile):
    report = read_gitlab(hostile.run("check", "--format", "gitlab", check=3))
    paths = {item["location"]["path"] for item in report}
    for name in HOSTILE:
        if isinstance(name, str):
            assert f"migrations/{name}" in paths
    assert r"migrations/2025010300000a_\xff\xfe.sql" in paths


def test_hostile_words_in_messages(checkout):
    words = "%0A::error::x, y: z%25"
    write(checkout, A, f'-- pawl: lock_timeout="{words}"\nselect 1;\n')
    commands, rest = read_github(checkout.run("check", "--format", "github", check=3).out)
    assert len(commands) == 1 and len(rest) == 1 and words in commands[0][2]
    assert words in read_gitlab(checkout.run("check", "--format", "gitlab"))[0]["description"]
    run = read_sarif(checkout.run("check", "--format", "sarif"))
    assert words in run["results"][0]["message"]["text"]


# ---- fingerprints ----

def fingerprints(checkout):
    """Of each finding, by its rule: SARIF's and GitLab's are the same."""
    run = read_sarif(checkout.run("check", "--format", "sarif"))
    report = read_gitlab(checkout.run("check", "--format", "gitlab"))
    sarif = [item["partialFingerprints"]["pawlFinding/v1"] for item in run["results"]]
    assert sarif == [item["fingerprint"] for item in report]
    return [(item["ruleId"], value) for item, value in zip(run["results"], sarif)]


def test_fingerprints_stay_when_lines_move(checkout):
    text = ("-- pawl: aaaaaaaa=1\n-- pawl: bbbbbbbb=1\n-- pawl: aaaaaaaa=1\nselect 1;\n"
            "-- pawl: phase=contract\n")
    write(checkout, A, text)
    write(checkout, "20520703075855_b.sql")
    before = fingerprints(checkout)
    assert len(set(before)) == len(before) == 5
    write(checkout, A, "-- a licence\n\n" + text.replace("select 1;", "\n\nselect 1;"))
    assert fingerprints(checkout) == before
    # Another file's findings are others, and what comes before does not change what comes after.
    write(checkout, A, text.replace("-- pawl: bbbbbbbb=1\n", ""))
    assert fingerprints(checkout) == [pair for pair in before if pair != before[1]]
    (checkout.migrations / A).rename(checkout.migrations / "20250101000001_z.sql")
    assert not {value for rule, value in before if rule.startswith("directive")} & {
        value for rule, value in fingerprints(checkout) if rule.startswith("directive")}


def test_fingerprints_do_not_know_the_day(checkout):
    """What a finding says of the time that is left changes with each run."""
    write(checkout, "20520703075855_b.sql")
    first = fingerprints(checkout)
    assert [rule for rule, _ in first] == ["future-version"]
    assert fingerprints(checkout) == first


def test_fingerprints_of_many_equal_findings(checkout):
    write(checkout, A, "-- pawl: aaaaaaaa=1\n" * 300)
    values = [value for _, value in fingerprints(checkout)]
    assert len(set(values)) == len(values) == 300


# ---- paths ----

@pytest.mark.parametrize("where", ["folder", "flag", "absolute", "dots", "config"])
def test_paths_start_at_the_repository(make_pawl, where):
    """That is where the hosts of code look for them, wherever pawl was started."""
    pawl = make_pawl()
    inner = pawl.folder / "services" / "db"
    inner.mkdir(parents=True)
    pawl.migrations.rename(inner / "migrations")
    pawl.migrations = inner / "migrations"
    (pawl.folder / ".git").mkdir()
    write(pawl, BAD)
    (inner / "pawl.conf").write_text("[pawl]\nmigrations = migrations\n")
    args = {"folder": ("-C", "services/db"), "flag": ("--migrations", "services/db/migrations"),
            "absolute": ("--migrations", inner / "migrations"),
            "dots": ("-C", "services", "--migrations", "../services/./db//migrations/"),
            "config": ("--config", "services/db/pawl.conf")}[where]
    path = f"services/db/migrations/{BAD}"
    run = read_sarif(pawl.run(*args, "check", "--format", "sarif", check=3))
    assert [uri(item) for item in run["results"]] == [path]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"][
        "uriBaseId"] in run["originalUriBaseIds"]
    report = read_gitlab(pawl.run(*args, "check", "--format", "gitlab", check=3))
    assert report[0]["location"]["path"] == path
    commands, _ = read_github(pawl.run(*args, "check", "--format", "github", check=3).out)
    assert commands[0][1]["file"] == path


def test_paths_outside_of_any_repository(make_pawl, tmp_path):
    pawl, other = make_pawl(), make_pawl(name="other")
    write(pawl, BAD)
    write(other, BAD)
    run = read_sarif(pawl.run("check", "--format", "sarif", check=3))
    assert uri(run["results"][0]).endswith(f"migrations/{BAD}")
    (pawl.folder / ".git").mkdir()
    run = read_sarif(pawl.run("--migrations", other.migrations, "check", "--format", "sarif",
                              check=3))
    assert uri(run["results"][0]) == f"file://{other.migrations}/{BAD}"


# ---- memory ----

@pytest.mark.timeout(300)
@pytest.mark.parametrize("form, last", [("sarif", 4000), ("github", 400), ("gitlab", 800)])
def test_out_of_memory_is_never_a_success(many, form, last):
    """Every few allocations fail in turn: half a document is none, and the exit code tells."""
    whole = many.run("check", "--format", form, check=3).out
    failed = 0
    for number in range(1, last, last // 60):
        result = many.run("check", "--format", form, env={"PAWL_FAULT_ALLOC": number})
        if result.out == whole and "out of memory" not in result.err:
            continue
        failed += 1
        assert result.code in (1, 3) and "out of memory" in result.err + result.out, str(result)
        if form != "github" and result.out:
            json.loads(result.out)
    assert failed > 5
