"""pawl run: the entry point of a container, which waits and then keeps the service's company."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from support.container import NAMESPACE, process_1, processes_inside, send_inside
from support.ledger import Journal, by_hand, table, version
from support.pawl import clean_environment, pawl_binary
from support.server import wait_until

ROOT = Path(__file__).resolve().parent.parent
ONE, TWO = f"{version(1)}_one", f"{version(2)}_two"
CONTRACT = "-- pawl: phase=contract\nDROP TABLE one;\n"

# What these tests start ends by itself should a test leave it behind.
LONG = "60"
# One second is promised; the limit leaves room for a busy machine and the sanitizers.
PROMPT_S = 5


@pytest.fixture
def ready(pawl):
    """A checkout whose migration is applied."""
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    return pawl


def shell(script, *arguments):
    return "--", "sh", "-c", script, "sh", *arguments


def stat(pid):
    """The process's state, and the pid of its parent; (None, None) when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None, None
    return fields[0], int(fields[1])


def children(pid):
    done = subprocess.run(["pgrep", "-P", str(pid)], text=True, capture_output=True)
    return [int(child) for child in done.stdout.split()]


def the_child(process):
    """The program that this pawl has started, or the pawl that this shell has."""
    return wait_until(lambda: children(process.pid), "it has started")[0]


# ---- before the program ----

def test_it_waits_for_the_deploy_and_then_starts(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    process = pawl.spawn("run", "--wait", "60s", *shell("echo started; exit 7"))
    process.wait_for("waiting for")
    assert "nothing was deployed yet" in process.err and "pawl deploy" in process.err
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ, .* of 1m: ", process.err), process.err
    pawl.run("deploy", check=0)
    assert process.finish(check=7).out == "started\n"


def test_a_log_gets_a_line_that_stays_the_same_once(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    result = pawl.run("run", "--wait", "3s", *shell("echo started"), check=4)
    assert result.err.count("waiting for") == 1 and result.out == "", str(result)
    assert "not ready: " in result.err and "--wait" in result.err


def test_it_says_when_it_waits_for_something_else(ready):
    ready.write(TWO, "CREATE TABLE two (id int);")
    process = ready.spawn("run", "--wait", "60s", *shell("echo started"))
    process.wait_for(f'1 migration is not applied yet: "{TWO}"')
    ready.run("deploy", check=0)
    assert process.finish(check=0).out == "started\n"


def test_quiet_says_nothing_of_the_wait(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    result = pawl.run("run", "-q", "--wait", "1s", *shell("echo started"), check=4)
    assert "waiting" not in result.err and "not ready: " in result.err


def test_without_wait_one_look(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    result = pawl.run("run", "--wait", "0", *shell("echo started"), check=4)
    assert "waiting" not in result.err and result.out == ""


def test_the_setting_is_the_default_of_wait(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    result = pawl.run("run", *shell("echo started"), check=4, env={"PAWL_WAIT": "1s"})
    assert "of 1s: " in result.err, str(result)


def test_never_is_said_at_once(ready):
    contract = ready.write(TWO, CONTRACT)
    ready.run("deploy", check=0)
    contract.unlink()
    for more in ([], ["--deploy"]):
        result = ready.run("run", "--wait", "10m", *more, *shell("echo started"), check=6)
        assert "newer code" in result.err and "started" not in result.out, str(result)


def test_a_server_that_does_not_answer_in_time(make_pawl, proxy):
    pawl = make_pawl(proxy.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    proxy.refuse()
    for more in ([], ["--deploy"]):
        result = pawl.run("run", "--wait", "1s", *more, *shell("echo started"), check=9)
        assert result.err.count("waiting for") == 1 and result.out == "", str(result)


@pytest.mark.parametrize("more", [[], ["--deploy"]], ids=["waits", "deploys"])
def test_a_server_that_comes_up_later(make_pawl, pg, proxy, more):
    pawl, direct = make_pawl(proxy.url), make_pawl(pg.url, name="direct")
    for each in (pawl, direct):
        each.write(ONE, "CREATE TABLE one (id int);")
    if not more:
        direct.run("deploy", check=0)
    proxy.refuse()
    process = pawl.spawn("run", "--wait", "60s", *more, *shell("echo started"))
    process.wait_for("as soon as the database answers")
    proxy.accept()
    assert process.finish(check=0).out == "started\n"
    assert pg.tables() == ["one"]


def test_a_server_that_goes_and_comes_back_while_it_waits(make_pawl, make_cluster):
    with make_cluster() as cluster:
        database = cluster.create_database()
        pawl = make_pawl(database.url)
        pawl.write(ONE, "CREATE TABLE one (id int);")
        process = pawl.spawn("run", "--wait", "60s", *shell("echo started"))
        process.wait_for("nothing was deployed yet")
        cluster.restart(signal.SIGQUIT)
        pawl.run("deploy", check=0)
        assert process.finish(check=0).out == "started\n"


STOPS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP]


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_while_it_waits(pawl, number):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    process = pawl.spawn("run", "--wait", "10m", *shell("echo started"))
    process.wait_for("waiting for")
    sent = time.monotonic()
    process.signal(number)
    assert process.finish(check=128 + number).out == ""
    assert time.monotonic() - sent < PROMPT_S


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_while_it_waits_as_process_1(pawl, number):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    outer = pawl.spawn("run", "--wait", "10m", *shell("echo started"), under=NAMESPACE)
    outer.wait_for("waiting for")
    send_inside(outer, number)
    assert outer.finish(check=128 + number).out == ""


def test_nohup_keeps_its_promise_while_it_waits(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    process = pawl.spawn("run", "--wait", "10m", *shell("echo started"),
                         under=("env", "--ignore-signal=HUP"))
    process.wait_for("waiting for")
    process.signal(signal.SIGHUP)
    pawl.run("deploy", check=0)
    assert process.finish(check=0).out == "started\n"


def test_a_stop_at_any_moment_is_heard(ready):
    """Before the handlers, while it asks, between the last look and the start, while the program is
    not there yet, and when it is."""
    seen = set()
    for moment in range(40):
        process = ready.spawn("run", "--wait", "10m", *shell(f"echo started; exec sleep {LONG}"))
        time.sleep(moment * 0.005)
        process.signal(signal.SIGTERM)
        result = process.finish(timeout=20)
        assert result.code in (128 + signal.SIGTERM, -signal.SIGTERM), str(result)
        seen.add((result.code, result.out))
    assert (128 + signal.SIGTERM, "started\n") in seen or (128 + signal.SIGTERM, "") in seen, seen


# ---- the command line ----

@pytest.mark.parametrize("words", [[], ["--"], ["echo"], ["echo", "--"], ["echo", "--", "started"]])
def test_the_program_stands_behind_dashes(ready, words):
    result = ready.run("run", *words, check=2)
    assert result.out == "" and ("behind --" in result.err or "PROGRAM" in result.err), str(result)


def test_arguments_arrive_as_they_were_given(ready):
    odd = ["a b", "", "--", "--json", "-h", "$HOME", "'\"`\\", "*", "\n", "\xfc", "--wait=1"]
    result = ready.run("run", "--", "printf", "[%s]", *odd, check=0)
    assert result.out == "".join(f"[{word}]" for word in odd)


def test_the_program_has_standard_input(ready):
    (ready.folder / "input").write_text("one\ntwo\n")
    process = ready.spawn("run", "--", "cat", under=("sh", "-c", '"$@" < input', "sh"))
    assert process.finish(check=0).out == "one\ntwo\n"


def test_the_environment_is_the_programs_too(ready):
    result = ready.run("run", "--", "printenv", "PAWL_WAIT", "ODD", check=0,
                       env={"PAWL_WAIT": "5s", "ODD": "a b"})
    assert result.out == "5s\na b\n"


@pytest.mark.parametrize("program, words", [
    ("no-such-program", 'there is no program "no-such-program" in PATH'),
    ("./no-such-program", 'there is no program "./no-such-program"'),
    ("", 'there is no program ""'),
    ("./migrations", "Permission denied"),
    ("./pawl.conf", "Permission denied"),
])
def test_a_program_that_is_not_there_is_said_before_anything_is_done(pawl, engine, program, words):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    for more in ([], ["--deploy"]):
        result = pawl.run("run", "--wait", "10m", *more, "--", program, check=125)
        assert words in result.err and "waiting" not in result.err, str(result)
    assert engine.tables() == []


def test_a_program_whose_interpreter_is_not_there(ready):
    script = ready.folder / "server"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    result = ready.run("run", "--", "./server", check=125)
    assert "cannot start" in result.err and "first line" in result.err, str(result)


def test_a_script_without_a_first_line_runs_as_from_a_shell(ready):
    script = ready.folder / "server"
    script.write_text("echo started\n")
    script.chmod(0o755)
    assert ready.run("run", "--", "./server", check=0).out == "started\n"


def test_json_speaks_only_of_what_came_before(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    report = pawl.run("run", "--json", "--wait", "0", *shell("echo started"), check=4).json()
    assert report["command"] == "run" and report["verdict"] == "not ready" and report["exit"] == 4
    report = pawl.run("run", "--json", "--", "no-such-program", check=125).json()
    assert report["error"]["code"] == "not_started" and report["exit"] == 125
    result = pawl.run("run", "--json", "--deploy", *shell("echo started; exit 3"), check=3)
    assert result.out == "started\n"


# ---- --deploy ----

def test_deploy_first(pawl, engine):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    result = pawl.run("run", "--deploy", *shell("echo started; exit 5"), check=5,
                      env={"PAWL_RELEASE": "1.25"})
    assert result.out == "started\n", "stdout is the program's alone"
    assert f"applied  {ONE}" in result.err
    journal = Journal(engine).verify()
    assert journal.applied() == [ONE] and journal.of("begin")[0].facts["release"] == "1.25"
    assert pawl.run("run", "--deploy", *shell("echo again"), check=0).out == "again\n"


def test_a_deploy_that_fails_starts_nothing(pawl, engine):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.write(TWO, "no sql;")
    result = pawl.run("run", "--deploy", *shell("echo started"), check=1)
    assert result.out == "" and TWO in result.err
    assert pawl.run("run", "--deploy", "--json", *shell("echo started"), check=1).json()["pending"] == [TWO]
    (pawl.migrations / f"{TWO}.sql").unlink()
    pawl.write("2025_two", "CREATE TABLE two (id int);")
    assert pawl.run("run", "--deploy", *shell("echo started"), check=3).out == ""


def test_a_broken_chain_starts_nothing(ready, engine):
    by_hand(engine, f"UPDATE {table(engine, 'journal')} SET detail = '{{}}' WHERE seq = 2")
    assert ready.run("run", "--deploy", *shell("echo started"), check=8).out == ""


def test_of_many_containers_one_deploys_and_all_start(pawl, engine):
    names = [f"{version(number)}_m" for number in range(1, 6)]
    for number, name in enumerate(names):
        pawl.write(name, f"CREATE TABLE t{number} (id int);")
    containers = [pawl.spawn("run", "--deploy", "--wait", "60s", *shell("echo started"))
                  for _ in range(4)]
    for container in containers:
        assert container.finish(check=0).out == "started\n"
    assert Journal(engine).verify().applied() == names


def test_it_waits_for_another_deploy(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    with pg.connect() as other:
        other.execute("SELECT pg_advisory_lock(9174880829889271197)")
        result = pawl.run("run", "--deploy", "--wait", "1s", *shell("echo started"), check=5)
        assert result.out == "" and "another deploy" in result.err
    assert pawl.run("run", "--deploy", *shell("echo started"), check=0).out == "started\n"


# ---- how the program ends ----

@pytest.mark.parametrize("code", [0, 1, 2, 9, 125, 127, 128, 255])
def test_its_exit_code_is_kept(ready, code):
    result = ready.run("run", *shell(f"exit {code}"), check=code)
    assert result.out == "" and "pawl" not in result.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGPIPE,
                                    signal.SIGUSR1, signal.SIGRTMIN + 1])
def test_a_signal_that_ends_it(ready, number):
    ready.run("run", *shell(f"kill -{int(number)} $$"), check=128 + number)


# ---- signals ----

FORWARDED = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CONT", "ALRM", "RTMIN"]
CATCHER = ("for name in " + " ".join(FORWARDED) + "; do trap \"echo got $name\" $name; done; echo started;"
           " until [ -e end ]; do sleep 0.02; done; exit 42")


def number_of(name):
    return getattr(signal, f"SIG{name}")


@pytest.mark.parametrize("under", [(), NAMESPACE], ids=["", "process 1"])
def test_signals_are_passed_on(ready, under):
    process = ready.spawn("run", "--", "bash", "-c", CATCHER, under=under)
    process.wait_for("started")
    for name in FORWARDED:
        if under:
            send_inside(process, number_of(name))
        else:
            process.signal(number_of(name))
        process.wait_for(f"got {name}\n")
    (ready.folder / "end").touch()
    result = process.finish(check=42)
    assert result.out.splitlines() == ["started", *(f"got {name}" for name in FORWARDED)]


# Says each delivery of a signal, also two of the same one: a shell or a handler of Python would take
# them for one. On USR2 it sends USR1 to its own group.
COUNTER = """
import os, signal
ours = {getattr(signal, "SIG" + name): name for name in ("INT", "HUP", "TERM", "USR1", "USR2", "QUIT")}
come, came = os.pipe()
os.set_blocking(came, False)
signal.set_wakeup_fd(came)
for number in ours:
    signal.signal(number, lambda *_: None)
print("up", flush=True)
while True:
    name = ours[os.read(come, 1)[0]]
    print("got", name, flush=True)
    if name == "USR2":
        os.kill(0, signal.SIGUSR1)
    if name == "QUIT":
        os._exit(7)
"""


@pytest.fixture
def counter(ready):
    """The command line of the counter."""
    path = ready.folder / "counter.py"
    path.write_text(COUNTER)
    return [sys.executable, str(path)]


def test_a_signal_to_the_whole_group_arrives_once(ready, counter):
    """Job runners end a process group; the program is in one of its own, as from an init."""
    process = ready.spawn("run", "--", *counter, under=("setsid",))
    process.wait_for("up\n")
    os.killpg(process.pid, signal.SIGTERM)
    process.wait_for("got TERM\n")
    process.signal(signal.SIGQUIT)
    assert process.finish(check=7).out.split() == ["up", "got", "TERM", "got", "QUIT"]


def test_what_the_program_sends_to_its_group_does_not_come_back(ready, counter):
    process = ready.spawn("run", "--", *counter, under=("setsid",))
    process.wait_for("up\n")
    process.signal(signal.SIGUSR2)
    process.wait_for("got USR1\n")
    process.signal(signal.SIGQUIT)
    assert process.finish(check=7).out.split()[1:] == ["got", "USR2", "got", "USR1", "got", "QUIT"]


def test_stop_and_continue_are_passed_on(ready):
    process = ready.spawn("run", "--", "sleep", LONG)
    child = the_child(process)
    for number, state in ((signal.SIGTSTP, "T"), (signal.SIGCONT, "S")) * 2:
        process.signal(number)
        wait_until(lambda s=state: stat(child)[0] == s, f"the program is in state {state}")
        assert stat(process.pid)[0] != "T"  # without a shell above it is there to continue it
    process.signal(signal.SIGTERM)
    process.finish(check=143)


def test_a_program_that_ignores_a_stop_is_kept_company(ready):
    process = ready.spawn("run", *shell("trap 'echo no' TERM; echo started;"
                                        " until [ -e end ]; do sleep 0.02; done; exit 5"))
    process.wait_for("started")
    for count in (1, 2, 3):
        process.signal(signal.SIGTERM)
        wait_until(lambda c=count: process.out.count("no") == c, "the program has it")
        assert process.running
    (ready.folder / "end").touch()
    process.finish(check=5)


@pytest.mark.parametrize("under", [
    ("env",),
    ("env", "--ignore-signal=HUP,PIPE,CHLD,INT,TSTP"),
    ("env", "--block-signal=USR1,HUP,CHLD"),
])
def test_signals_are_to_the_program_what_they_were_to_pawl(ready, under):
    wanted = subprocess.run([*under, "grep", "^Sig", "/proc/self/status"], text=True, check=True,
                            capture_output=True, cwd=ready.folder).stdout
    for more in ([], ["--deploy"]):
        process = ready.spawn("run", *more, "--", "grep", "^Sig", "/proc/self/status", under=under)
        result = process.finish(check=0)

        def words(text):
            return {line.split()[0]: line.split()[1] for line in text.splitlines()
                    if line.split()[0] in ("SigBlk:", "SigIgn:", "SigCgt:", "SigPnd:")}

        assert words(result.out) == words(wanted) and len(words(wanted)) == 4


# ---- what is left to the program ----

def test_it_gets_no_descriptor_of_pawls(ready):
    for more in ([], ["--deploy"]):
        result = ready.run("run", *more, "--", "ls", "/proc/self/fd", check=0)
        assert result.out.split() == ["0", "1", "2", "3"], str(result)  # 3 is the folder that ls reads


def test_it_gets_the_descriptors_that_pawl_was_given(ready):
    process = ready.spawn("run", "--", "cat", "/proc/self/fd/7",
                          under=("sh", "-c", '"$@" 7< pawl.conf', "sh"))
    assert process.finish(check=0).out == (ready.folder / "pawl.conf").read_text()


def test_what_was_closed_stays_closed(ready):
    process = ready.spawn("run", *shell("ls -l /proc/$$/fd"), under=("sh", "-c", '"$@" <&-', "sh"))
    assert not re.search(r" 0 -> ", process.finish(check=0).out)


@pytest.mark.parametrize("more", [[], ["--deploy"]], ids=["waits", "deploys"])
def test_no_connection_is_held_while_the_program_runs(pg, make_pawl, more):
    pawl = make_pawl(pg.url)
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    process = pawl.spawn("run", *more, *shell(f"echo started; exec sleep {LONG}"))
    process.wait_for("started")
    wait_until(lambda: pg.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'pawl'"
                                " AND datname = current_database()") == [], "no backend is left")
    sockets = [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{process.pid}/fd")]
    assert not [name for name in sockets if name.startswith("socket:")], sockets
    assert process.running
    process.signal(signal.SIGTERM)
    process.finish(check=143)


# ---- as process 1 ----

def test_children_of_others_are_reaped_as_process_1(ready):
    """Twenty orphans end; they would stay as zombies, which pgrep counts."""
    script = ("i=0; while [ $i -lt 20 ]; do ( ( exec sleep 0.01 ) & ); i=$((i+1)); done;"
              " echo started; until [ -e end ]; do :; done")
    outer = ready.spawn("run", *shell(script), under=NAMESPACE)
    outer.wait_for("started")
    first = process_1(outer)

    def left():
        return sorted(pid for pid in processes_inside(outer) if stat(pid)[1] == first)

    wait_until(lambda: len(left()) == 1, "the orphans are gone, the program is there")
    assert not [pid for pid in processes_inside(outer) if stat(pid)[0] == "Z"]
    (ready.folder / "end").touch()
    outer.finish(check=0)


def test_children_that_it_was_given_are_reaped(ready):
    """Without a namespace too: a shell has started one before it became pawl."""
    process = ready.spawn("run", *shell("echo started; until [ -e end ]; do :; done"),
                          under=("sh", "-c", 'sleep 0.01 & exec "$@"', "sh"))
    process.wait_for("started")
    wait_until(lambda: len(children(process.pid)) == 1, "only the program is left")
    (ready.folder / "end").touch()
    process.finish(check=0)


def test_a_stop_as_process_1_ends_everything(ready):
    script = f"( ( trap '' TERM; sleep {LONG} ) & ); echo started; exec sleep {LONG}"
    outer = ready.spawn("run", *shell(script), under=NAMESPACE)
    outer.wait_for("started")
    inside = wait_until(lambda: [pids for pids in [processes_inside(outer)] if len(pids) >= 3],
                        "all of them are there")[0]
    sent = time.monotonic()
    send_inside(outer, signal.SIGTERM)
    outer.finish(check=143)
    assert time.monotonic() - sent < PROMPT_S
    wait_until(lambda: not [pid for pid in inside if stat(pid)[0] is not None], "nothing is left", PROMPT_S)


def test_a_program_as_the_only_child_of_process_1_that_is_killed(ready):
    outer = ready.spawn("run", "--", "sleep", LONG, under=NAMESPACE)
    child = wait_until(lambda: [pid for pid in processes_inside(outer) if stat(pid)[1] == process_1(outer)],
                       "the program has started")[0]
    wait_until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", "it is the program")
    os.kill(child, signal.SIGKILL)
    outer.finish(check=137)


# ---- docs/containers.md ----

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "containers.md").read_text(),
                    re.DOTALL | re.MULTILINE)


def strings_of(value):
    """(words of a command, or a text) of everything in a YAML document."""
    if isinstance(value, dict):
        for item in value.values():
            yield from strings_of(item)
    elif isinstance(value, list):
        yield value
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, str):
        yield value


def lines_of_pawl(language, text):
    """The words of each command of pawl in a Dockerfile or a YAML document."""
    if language == "dockerfile":
        found = [json.loads(line.split(None, 1)[1]) for line in text.splitlines()
                 if line.startswith("ENTRYPOINT")]
        return found + [shlex.split(line.split("||")[1]) for line in text.splitlines() if "||" in line]
    assert text.startswith("# "), "its first line names the file"
    found = list(strings_of(yaml.safe_load(text)))
    return ([words for words in found if isinstance(words, list) and words[:1] == ["pawl"]]
            + [shlex.split(line.split("||")[1]) for line in found if isinstance(line, str) and "||" in line])


def test_containers_are_told_what_pawl_takes(ready):
    """Each command stands in its document as words, and pawl understands it. The examples of consoles
    are run with those of all other pages."""
    assert {language for language, _ in BLOCKS} == {"console", "dockerfile", "yaml"}
    found = [words for language, text in BLOCKS if language != "console"
             for words in lines_of_pawl(language, text)]
    assert [words[1] for words in found] == ["run", "ready", "run", "run", "run", "ready"]
    for program, *words in found:
        assert program == "pawl"
        end = words.index("--") if "--" in words else len(words)
        assert ready.run(*words[:end], "--help", check=0).out.startswith(f"pawl {words[0]}: ")
        if words[0] == "run":
            program = words[end + 1:] or ["true"]
            ready.run(*words[:end], "--wait", "10s", "--", *program, check=0)
        else:
            ready.run(*words, check=4)


# ---- on a terminal ----

class Terminal:
    """A command as the leader of a session whose terminal is in our hand."""

    def __init__(self, argv, folder):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(argv[0], argv, clean_environment(TERM="dumb", PS1="$ "))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, timeout=30):
        """Reads on until the pattern has come; what follows is looked at by the next call."""
        def seen():
            self.read(0.02)
            return re.search(pattern, self.text)

        try:
            match = wait_until(seen, pattern, timeout)
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} in {self.text!r}") from None
        self.text = self.text[match.end():]
        return match

    def hang_up(self):
        os.close(self.fd)
        self.fd = -1

    def read(self, seconds):
        """Takes what is there, or comes within that time."""
        if self.fd >= 0 and select.select([self.fd], [], [], seconds)[0]:
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                time.sleep(seconds)  # nobody has it open on the other side

    def finish(self):
        """The exit code, -N when signal N ended it."""
        def ended():
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (os.waitstatus_to_exitcode(status),) if pid != 0 else None

        code, = wait_until(ended, "it ends")
        self.pid = 0
        return code

    def close(self):
        if self.pid != 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)


@contextmanager
def terminal(pawl, *argv):
    made = Terminal(argv, pawl.folder)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def desk(ready):
    """A shell with job control on a terminal, as at a desk or in `docker exec -it`."""
    with terminal(ready, "bash", "--norc", "--noprofile", "-i") as made:
        made.expect(r"\$ ")
        made.pawl = shlex.quote(pawl_binary())
        yield made


def test_an_interrupt_typed_at_the_terminal_arrives_once(desk, counter):
    desk.type(f"{desk.pawl} run -- {shlex.join(counter)}; echo code $?\n")
    desk.expect(r"up\r\n")
    desk.type("\x03")
    desk.expect(r"got INT\r\n")
    for _ in range(20):  # two at nearly the same time may be taken for one
        desk.type("\x03")
        desk.expect(r"^\^Cgot INT\r\n")
    desk.type("\x1c")
    desk.expect(r"^\^\\got QUIT\r\ncode 7")


def test_job_control_of_a_shell(desk):
    desk.type(f"{desk.pawl} run -- cat; echo code $?\n")
    time.sleep(0.3)
    desk.type("hello\n")
    desk.expect(r"hello\r\nhello\r\n")  # the echo, and cat's own: it reads from the terminal
    for word in ("one", "two"):
        desk.type("\x1a")
        desk.expect(r"(?s)Stopped.*\$ $")
        desk.type(f"echo still ${{word:-a}} shell; fg\n")
        desk.expect(r"still a shell\r\n(?s:.*)run -- cat\r\n")  # which fg says
        desk.type(f"{word}\n")
        desk.expect(rf"{word}\r\n{word}\r\n")
    desk.type("\x04")
    desk.type("jobs; echo end $?\n")
    desk.expect(r"end 0\r\n")
    assert "Stopped" not in desk.text and "Running" not in desk.text


def test_a_job_in_the_background_leaves_the_terminal_to_the_shell(desk, counter):
    desk.type(f"{desk.pawl} run -- {shlex.join(counter)} &\n")
    desk.expect(r"up\r\n")
    desk.type("echo still a she''ll\n")
    desk.expect(r"still a shell\r\n")
    desk.type("kill -HUP $!; sleep 0.3; kill -QUIT $!; wait %1; echo code $?\n")
    desk.expect(r"got HUP\r\n")
    desk.expect(r"code 7\r\n")


def test_a_pipeline_at_a_desk(desk):
    """The other side may use the terminal too: they are one job. It ignores the interrupt, which may come
    before it has ended: a shell runs nothing more of a line whose last program an interrupt ended. And
    exec, as dash loses an interrupt that comes while it forks."""
    desk.type(f"{desk.pawl} run -- sh -c 'echo up; exec sleep {LONG}' |"
              " sh -c 'trap \"\" INT; read a; echo got $a; read b < /dev/tty; echo right $b';"
              " echo code ${PIPESTATUS[0]}\n")
    desk.expect(r"got up\r\n")
    desk.type("hello\n")
    desk.expect(r"right hello\r\n")
    desk.type("\x03")
    desk.expect(r"code 130\r\n")


def test_on_a_terminal_too_nothing_comes_back(desk, counter):
    desk.type(f"{desk.pawl} run -- {shlex.join(counter)} & wait; echo code $?\n")
    desk.expect(r"up\r\n")
    os.kill(the_child(desk), signal.SIGUSR2)
    desk.expect(r"got USR2\r\ngot USR1\r\n")
    os.kill(the_child(desk), signal.SIGQUIT)
    desk.expect(r"^got QUIT\r\n")


@pytest.mark.parametrize("under", [(), NAMESPACE], ids=["leader", "process 1"])
def test_the_terminal_of_a_container(ready, counter, under):
    """As `docker run -it`: pawl leads the session. Typed stops do nothing there, as nobody could
    continue it."""
    with terminal(ready, *under, pawl_binary(), "run", "--", *counter) as made:
        made.expect(r"up\r\n")
        made.type("\x1a")
        made.type("\x03")
        made.expect(r"got INT\r\n")
        os.kill(process_1(made) if under else made.pid, signal.SIGQUIT)
        made.expect(r"^got QUIT\r\n")
        assert made.finish() == 7


def test_a_terminal_that_hangs_up(ready):
    """The kernel tells the leader of the session alone."""
    log = ready.folder / "log"
    with terminal(ready, pawl_binary(), "run", "--", "sh", "-c",
                  f"trap 'echo hup > log; exit 4' HUP; echo up; while :; do sleep 0.02; done") as made:
        made.expect(r"up")
        made.hang_up()
        assert made.finish() == 4
    assert log.read_text() == "hup\n"


def test_a_wait_on_a_terminal_is_one_line_that_changes(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    with terminal(pawl, pawl_binary(), "run", "--wait", "60s", "--", "echo", "started") as made:
        made.expect(r"waiting for .*\r\x1b\[Kwaiting for ")
        pawl.run("deploy", check=0)
        made.expect(r"\r\x1b\[Kstarted\r\n")
        assert made.finish() == 0
