"""The rule about triggers that keep two columns alike: over one file, and over a set."""

import pytest
from test_lint import desk, lint  # noqa: F401

RULE = "sync-trigger-left"


def function(body, head="create function f() returns trigger language plpgsql"):
    return f"{head} as $$\nbegin\n{body}\nreturn new;\nend $$;\n"


REPLACED = "create or replace function f() returns trigger language plpgsql"
PAIR = "new.b := new.a;\nnew.a := new.b;"
MADE = function(PAIR)
TRIGGER = "create trigger g before insert or update on t for each row execute function f();\n"


def found(findings):
    return [finding for finding in findings if finding["rule"] == RULE]


@pytest.mark.parametrize("text", [
    MADE + TRIGGER,
    function("if new.b is null then new.b = new.a; else new.a = new.b; end if;") + TRIGGER,
    function("NEW.b := NEW.a::text; -- new.c := 1\nNEW.a := coalesce(NEW.a, (NEW.b)::int);") + TRIGGER,
    function('new."B" := new.a; NEW.A := NEW."B";') + TRIGGER,
    function("if tg_op = 'INSERT' then new.b := new.a; new.c := now(); end if; new.a := new.b;") + TRIGGER,
    function(PAIR, REPLACED) + TRIGGER,
    MADE + TRIGGER.replace("on t", "on other.t") + "drop trigger g on t;",
    MADE + TRIGGER.replace("trigger g", "trigger g2") + TRIGGER + "drop trigger g on t;",
    MADE + TRIGGER + "alter table t drop column c;",
    MADE + TRIGGER + "alter table t rename to u; drop trigger g on t;",
    MADE + TRIGGER + "drop function f(int); drop trigger other on t;",
])
def test_a_trigger_that_nothing_drops_is_told(desk, text):  # noqa: F811
    finding, = found(lint(desk, text))
    assert finding["severity"] == "note" and "nothing here drops it" in finding["what"]


@pytest.mark.parametrize("text", [
    MADE + TRIGGER + "drop trigger g on t;",
    MADE + TRIGGER + "drop trigger if exists g on t cascade;",
    MADE + TRIGGER + "drop function f() cascade;",
    MADE + TRIGGER + "drop function if exists f cascade;",
    MADE + TRIGGER + "drop table t;",
    MADE + TRIGGER + "alter table t drop column a;",
    MADE + TRIGGER + "alter table t rename to u; drop trigger g on u;",
    MADE + TRIGGER + function("new.c := 1;", REPLACED),
    MADE,
    TRIGGER,
    MADE + TRIGGER.replace("before", "after"),
    MADE + TRIGGER.replace("or update", ""),
    MADE + TRIGGER.replace("f()", "g()"),
    function("new.b := new.a;") + TRIGGER,
    function("new.b := new.a; new.c := new.b;") + TRIGGER,
    function("new.a := new.a + 1; new.b := new.b + 1;") + TRIGGER,
    function("new.total := new.net + new.tax; new.net := new.total - new.tax;") + TRIGGER,
    function("if new.a = new.b then return old; end if; if x and new.b = new.a then null; end if;") + TRIGGER,
    function("new.b := old.a; new.a := old.b;") + TRIGGER,
    function("new.b := md5(new::text); new.a := new.b;") + TRIGGER,
    function("-- new.b := new.a;\n/* new.a := new.b; */ perform 'new.a := new.b';") + TRIGGER,
    function(PAIR, "create function f(int) returns trigger language plpgsql") + TRIGGER,
    "create function f() returns trigger language c as 'new.a := new.b; new.b := new.a';" + TRIGGER,
])
def test_what_is_no_trigger_between_two_columns_or_goes_is_left(desk, text):  # noqa: F811
    assert found(lint(desk, text)) == []


def write(desk, texts):  # noqa: F811
    for number, text in enumerate(texts):
        (desk.migrations / f"2025010{number + 1}000000_a.sql").write_text(text)


def test_its_age_is_told_and_a_later_file_ends_it(desk):  # noqa: F811
    steps = [MADE + TRIGGER, "select 1;", "select 2;"]
    write(desk, steps)
    for command in (("lint", "--dialect", "postgres"), ("check",)):
        if command[0] == "check":
            desk.config({"pawl": {"dialect": "postgres"}})
        finding, = found(desk.run("--json", *command).json()["findings"])
        assert finding["what"] == "nothing drops it in 2 migrations since: g keeps b and a of t alike"
        assert finding["file"].endswith("20250101000000_a.sql") and finding["excerpt"] == TRIGGER.strip()
    write(desk, [*steps, "-- pawl: phase=contract\ndrop trigger g on t;\ndrop function f();"])
    assert found(desk.run("--json", "lint").json()["findings"]) == []
