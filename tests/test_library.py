"""libpawl as it is installed: what it shows, what it needs, and programs that are built against it."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.pawl import SANITIZER_EXIT, SANITIZER_REPORTS, clean_environment, pawl_binary
from support.server import wait_until

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = {"close", "deploy", "findings", "last_error", "open", "plan", "ready", "status",
             "version", "version_number"}
USERS = "CREATE TABLE users (id integer PRIMARY KEY);"
EMAIL = "ALTER TABLE users ADD COLUMN email text;"


def output_of(*command, **options):
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True, timeout=120,
                          **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Installed:
    """`meson install` of the build under test into a folder of its own."""

    def __init__(self, folder):
        self.build = Path(pawl_binary()).resolve().parents[1]
        options = json.loads(output_of("meson", "introspect", self.build, "--buildoptions"))
        self.options = {option["name"]: option["value"] for option in options}
        output_of("meson", "install", "-C", self.build, "--no-rebuild", "--destdir", folder)
        self.folder = folder
        self.prefix = folder / self.options["prefix"].lstrip("/")
        self.libraries = self.prefix / self.options["libdir"]
        self.pkg_config_environment = clean_environment(
            PKG_CONFIG_PATH=self.libraries / "pkgconfig", PKG_CONFIG_SYSROOT_DIR=folder)

    def pkg_config(self, *args):
        return output_of("pkg-config", *args, "pawl", env=self.pkg_config_environment).split()

    def compile(self, source, program, static):
        """Builds a program the way that the comment at its top says."""
        flags = self.pkg_config("--cflags", "--libs", *(["--static"] if static else []))
        if static:
            flags = ["-l:libpawl.a" if flag == "-lpawl" else flag for flag in flags]
        if self.options["b_sanitize"] != "none":
            flags.append(f"-fsanitize={self.options['b_sanitize']}")
        if self.options["b_coverage"]:
            flags.append("--coverage")
        output_of("cc", "-Wall", "-Wextra", "-Werror", "-o", program, source, *flags)
        return program


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("installed"))


class Programs:
    """The examples, compiled against the installed library."""

    def __init__(self, installed, folder, static):
        self.installed = installed
        self.static = static
        self.paths = {name: installed.compile(ROOT / "examples" / f"{name}.c", folder / name, static)
                      for name in ("service", "deploy")}

    def environment(self, **changes):
        changes.setdefault("LD_LIBRARY_PATH", None if self.static else self.installed.libraries)
        return clean_environment(**changes)

    def spawn(self, name, *args, env=None):
        return subprocess.Popen([self.paths[name], *map(str, args)], text=True,
                                env=self.environment(**(env or {})), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, name, *args, env=None):
        return finish(self.spawn(name, *args, env=env))


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode != SANITIZER_EXIT, err
    assert not any(mark in err for mark in SANITIZER_REPORTS), err
    return process.returncode, out, err


@pytest.fixture(scope="session", params=["shared", "static"])
def programs(request, installed, tmp_path_factory):
    return Programs(installed, tmp_path_factory.mktemp("programs"), request.param == "static")


@pytest.fixture
def checkout(pawl):
    pawl.write("20250101090000_users", USERS)
    pawl.write("20250102090000_email", EMAIL)
    return pawl


# ---- what is installed ----

def test_everything_is_installed(installed):
    for path in ("bin/pawl", "include/pawl.h", "share/doc/pawl/LICENSE",
                 "share/doc/pawl/library.md", "share/doc/pawl/examples/service.c"):
        assert (installed.prefix / path).is_file(), path
    for name in ("libpawl.so", "libpawl.so.0", "libpawl.a", "pkgconfig/pawl.pc"):
        assert (installed.libraries / name).is_file(), name


def test_there_is_one_version(installed):
    program = output_of(installed.prefix / "bin" / "pawl", "--version", env=clean_environment())
    assert program.split() == ["pawl", *installed.pkg_config("--modversion")]


def exported(library, *options):
    """Names and types of what a library defines for others."""
    lines = output_of("nm", "--defined-only", "--extern-only", *options, library).splitlines()
    words = [line.split() for line in lines if len(line.split()) == 3]
    return {name.split("@")[0]: kind for _, kind, name in words if kind != "A"}


@pytest.mark.parametrize("name, options", [("libpawl.so", ["--dynamic"]), ("libpawl.a", [])])
def test_only_the_functions_of_the_header_are_visible(installed, name, options):
    found = exported(installed.libraries / name, *options)
    assert found == {f"pawl_{function}": "T" for function in FUNCTIONS}


def test_the_header_names_what_is_exported(installed):
    header = (installed.prefix / "include" / "pawl.h").read_text()
    assert set(re.findall(r"^PAWL_API [^(]*?\*?\bpawl_(\w+)\(", header,
                          re.MULTILINE)) == FUNCTIONS


def test_database_libraries_are_not_linked(installed):
    dynamic = output_of("readelf", "--dynamic", "--wide", installed.libraries / "libpawl.so")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert "libc.so.6" in needed
    allowed = r"lib(c|crypto|jansson|m|dl|pthread|asan|ubsan|gcc_s)\.so|ld-linux"
    assert [name for name in needed if not re.match(allowed, name)] == []
    # What is left behind for the end of a thread must stay where it is.
    assert "NODELETE" in dynamic and "TEXTREL" not in dynamic


def test_only_the_library_of_the_engine_is_loaded(programs, checkout, engine):
    code, _, err = programs.run("service", engine.url, checkout.migrations,
                                env={"LD_DEBUG": "files", "ASAN_OPTIONS": "detect_leaks=0"})
    assert code == 4, err
    loaded = set(re.findall(r"calling init: \S*/(lib(?:pq|sqlite3)\.so)", err))
    assert loaded == {"libsqlite3.so" if engine.engine == "sqlite" else "libpq.so"}


# ---- the header ----

@pytest.mark.parametrize("compiler", [
    ["cc", "-x", "c", "-std=c99"],
    ["cc", "-x", "c", "-std=c11", "-Wconversion", "-Wcast-qual"],
    ["c++", "-x", "c++", "-std=c++11"],
    ["c++", "-x", "c++", "-std=c++20"],
])
def test_the_header_is_plain_c_and_good_for_cpp(installed, tmp_path, compiler):
    source = tmp_path / "uses_header.txt"
    source.write_text("""
        #include <pawl.h>
        #include <pawl.h>
        int use(const char *url);
        int use(const char *url)
        {
            struct pawl_options options = PAWL_OPTIONS_INIT;
            const struct pawl_ready_result *answer = NULL;
            struct pawl *pawl = NULL;
            enum pawl_code code;
            options.url = url;
            code = pawl_open(&options, &pawl);
            if (code == PAWL_OK)
                code = pawl_ready(pawl, 0, &answer);
            pawl_close(pawl);
            return (int)code;
        }
        """)
    flags = ["-pedantic", "-Wall", "-Wextra", "-Wundef", "-Werror", "-fsyntax-only"]
    output_of(*compiler, *flags, *installed.pkg_config("--cflags"), source)


def test_a_result_that_is_not_looked_at_is_a_warning(installed, tmp_path):
    source = tmp_path / "careless.c"
    source.write_text("#include <pawl.h>\nvoid f(struct pawl *p) { pawl_deploy(p, 0, NULL); }\n")
    done = subprocess.run(["cc", "-Wall", "-c", "-o", tmp_path / "careless.o", source,
                           *installed.pkg_config("--cflags")], text=True, capture_output=True)
    assert "unused-result" in done.stderr


def test_the_code_in_the_docs_compiles(installed, tmp_path):
    text = (ROOT / "docs" / "library.md").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    for number, block in enumerate(blocks):
        source = tmp_path / f"block{number}.c"
        source.write_text(block)
        output_of("cc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                  *installed.pkg_config("--cflags"), source)


def test_the_docs_name_every_function(installed):
    text = (ROOT / "docs" / "library.md").read_text()
    assert [name for name in FUNCTIONS if f"pawl_{name}(" not in text] == []


# ---- examples/service.c ----

def test_a_service_starts_when_its_schema_is_there(programs, checkout, engine):
    code, out, err = programs.run("service", engine.url, checkout.migrations)
    assert (code, out) == (4, "")
    assert "not starting: the target has no ledger" in err and "next: Deploy" in err
    checkout.run("deploy", check=0)
    code, out, err = programs.run("service", engine.url, checkout.migrations)
    assert (code, err) == (0, "") and out.startswith("serving")
    # With pawl.sum alone, the address from the environment.
    checkout.run("sum", check=0)
    for path in checkout.migrations.glob("*.sql"):
        path.unlink()
    assert programs.run("service", "env:DATABASE_URL", checkout.migrations,
                        env={"DATABASE_URL": engine.url})[0] == 0


def test_a_service_waits_for_the_deploy(programs, checkout, engine):
    service = programs.spawn("service", engine.url, checkout.migrations, 30)
    time.sleep(0.5)
    assert service.poll() is None
    checkout.run("deploy", check=0)
    code, out, err = finish(service)
    assert code == 0 and out.startswith("serving"), err


def test_older_code_does_not_start(programs, checkout, engine):
    drop = checkout.write("20250103090000_drop", "-- pawl: phase=contract\nDROP TABLE users;")
    checkout.run("deploy", check=0)
    drop.unlink()
    code, _, err = programs.run("service", engine.url, checkout.migrations, 30)
    assert code == 6
    assert "20250103090000_drop" in err and "next: Start newer code" in err


def test_no_database(programs, tmp_path):
    (tmp_path / "migrations").mkdir()
    url = f"host={tmp_path} dbname=none password=s3cret"
    started = time.monotonic()
    code, _, err = programs.run("service", url, tmp_path / "migrations", 1)
    assert code == 9 and "not starting: cannot connect" in err and "s3cret" not in err
    assert 1 <= time.monotonic() - started < 20


@pytest.mark.parametrize("answer", [1, 2], ids=["connecting", "asking"])
def test_a_server_that_hangs_is_not_waited_for_ever(make_pawl, proxy, answer):
    """By the program, whose time limit can be set; the library's function is the same."""
    checkout = make_pawl(proxy.url)
    checkout.write("20250101090000_users", USERS)
    proxy.at("silence", sender="server", type="Z", nth=answer)
    started = time.monotonic()
    result = checkout.run("ready", env={"PAWL_CONNECT_TIMEOUT": "1s"}, check=9)
    assert "in time" in result.err or "time limit" in result.err, str(result)
    assert time.monotonic() - started < 10


# ---- examples/deploy.c ----

def test_a_program_deploys(programs, checkout, engine, tmp_path):
    code, out, err = programs.run("deploy", engine.url, checkout.migrations,
                                  env={"XDG_STATE_HOME": tmp_path / "state"})
    assert (code, err) == (0, "") and not (tmp_path / "state").exists()
    assert re.findall(r"^applied (\S+) in", out, re.MULTILINE) == [
        "20250101090000_users", "20250102090000_email"]
    assert re.search(r"^2 applied, 0 pending, ledger at \d+:[0-9a-f]{64}$", out, re.MULTILINE)
    before = engine.dump()
    assert checkout.run("status", "--exit-code", check=0)
    code, out, _ = programs.run("deploy", engine.url, checkout.migrations)
    assert code == 0 and out.startswith("0 applied, 0 pending") and engine.dump() == before


def test_what_waits_for_a_live_release_is_held(programs, checkout, engine):
    checkout.run("deploy", check=0)
    checkout.run("run", "--release", "1", "--", "true", check=0)
    table = "pawl.instance" if engine.engine == "postgres" else "pawl_instance"
    engine.query(f"UPDATE {table} SET left_at = NULL")
    checkout.write("20250103090000_drop", "-- pawl: phase=contract\nALTER TABLE users DROP COLUMN email;")
    before = engine.dump()
    code, out, err = programs.run("deploy", engine.url, checkout.migrations)
    assert (code, err) == (0, "") and engine.dump() == before
    assert re.search(r'^held 20250103090000_drop: waits for release "1" \(1 instance, last seen', out,
                     re.MULTILINE)
    assert "0 applied, 0 pending" in out
    engine.query(f"UPDATE {table} SET seen_at = seen_at, left_at = seen_at")
    checkout.run("release", "retire", "1", "--reason", "gone", check=0)
    code, out, _ = programs.run("deploy", engine.url, checkout.migrations)
    assert code == 0 and out.startswith("applied 20250103090000_drop") and "held" not in out


def test_a_refusal_gives_its_reasons(programs, checkout, engine):
    checkout.run("deploy", check=0)
    checkout.write("20250101090000_users", "CREATE TABLE people (id integer);")
    before = engine.dump()
    code, _, err = programs.run("deploy", engine.url, checkout.migrations)
    assert code == 3 and 'edited: "20250101090000_users" was edited' in err
    assert "state: Nothing was changed." in err and engine.dump() == before


def test_a_failing_statement_is_located(programs, checkout, engine):
    checkout.write("20250103090000_bad", "SELECT 1;\n\nALTER TABLE nowhere ADD COLUMN x text;")
    code, out, err = programs.run("deploy", engine.url, checkout.migrations)
    assert code == 1 and "nowhere" in err and "20250103090000_bad.sql:3:" in err
    assert "2 applied, 1 pending" in out


def test_a_signal_ends_the_statement_on_the_server(programs, make_pawl, pg):
    checkout = make_pawl(pg.url)
    checkout.write("20250101090000_users", USERS + "\nSELECT pg_sleep(600);")
    deploy = programs.spawn("deploy", pg.url, checkout.migrations)
    sleeping = ("SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s"
                " AND state = 'active' AND pid <> pg_backend_pid()")
    wait_until(lambda: pg.query(sleeping, "%pg_sleep(600)%")[0][0] == 1, "the statement to run")
    deploy.send_signal(signal.SIGTERM)
    started = time.monotonic()
    code, out, err = finish(deploy)
    assert code == 128 and "rolled back" in err and "0 applied, 1 pending" in out
    assert time.monotonic() - started < 5
    assert pg.query(sleeping, "%pg_sleep(600)%")[0][0] == 0 and pg.tables() == []


# ---- threads ----

def test_threads_with_handles_of_their_own(installed, checkout, engine, tmp_path):
    """Each migration once, however many threads deploy; one descriptor stops them all."""
    program = installed.compile(ROOT / "tests/support/threads.c", tmp_path / "threads", static=False)
    checkout.write("20250103090000_index", "CREATE INDEX CONCURRENTLY i ON users (email);"
                          if engine.engine == "postgres" else "CREATE INDEX i ON users (email);")
    checkout.write("20250104090000_long", "SELECT pg_sleep(600);" if engine.engine == "postgres" else
                   "CREATE TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                   " SELECT max(i) FROM n;")
    environment = clean_environment(LD_LIBRARY_PATH=installed.libraries)
    process = subprocess.Popen([program, engine.url, checkout.migrations, "20250103090000_index"],
                               text=True, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    code, out, err = finish(process)
    assert (code, out) == (0, "3 applied, 18 of 18 asked, 6 of 6 stopped\n"), out + err
    assert len(engine.tables()) == 1


# ---- memory ----

@pytest.mark.parametrize("programs", ["static"], indirect=True)  # the code is the same in both
def test_memory_that_is_out_is_an_error(programs, checkout, engine):
    """One allocation failing: no crash, no leak, an error, and the next run goes on."""
    failed = 0
    for number in range(1, 40):
        env = {"PAWL_FAULT_ALLOC": number}
        for name in ("deploy", "service"):
            code, _, err = programs.run(name, engine.url, checkout.migrations, env=env)
            assert code in (0, 1, 4), f"{number}: {err}"
            assert code != 1 or "out of memory" in err, f"{number}: {err}"
            failed += code == 1
    assert failed > 10
    assert programs.run("deploy", engine.url, checkout.migrations)[0] == 0
    assert programs.run("service", engine.url, checkout.migrations)[0] == 0
