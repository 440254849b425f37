"""Programs that `pawl run` starts and that hold a real session, and instances that say hello in SQL."""

from support.server import wait_until

SETTINGS = {"preflight": "off"}
SERVE = ("import psycopg, signal, sys; session = psycopg.connect(sys.argv[1], autocommit=True);"
         " session.execute('SELECT 1 AS serving'); signal.pause()")
TABLE = "CREATE TABLE a (id int, old int);"
CONTRACT = "-- pawl: phase=contract\nALTER TABLE a DROP COLUMN old;\n"


def configure(pawl, url, **releases):
    pawl.config({"deploy": SETTINGS, "releases": {"settle": "50ms", "soak": "0", **releases},
                 "target.main": {"url": url}})


def sessions(database, name):
    return database.query("SELECT pid FROM pg_stat_activity WHERE application_name = %s"
                          " AND datname = current_database()", name)


def start(pawl, database, release, url=None, named=None, env=None):
    """`pawl run` of a program with a session, once that session is there under the name."""
    process = pawl.spawn("run", "--release", release, "--", "/usr/bin/python3", "-c", SERVE,
                         url or database.url, env=env)
    serving = ("SELECT pid FROM pg_stat_activity WHERE application_name = %s"
               " AND query = 'SELECT 1 AS serving' AND datname = current_database()")
    wait_until(lambda: database.query(serving, named or f"pawl run {release}"), "the program's session")
    return process


def deploy(pawl, release=None, **options):
    return pawl.run("deploy", "--json", *(["--release", release] if release else []), check=0, **options)


def held(result):
    return [item["id"] for item in result.json()["held"]]
