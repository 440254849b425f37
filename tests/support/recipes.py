"""The recipes of docs/releases.md as programs: each prints "serving", and ends when its input does."""

import re
import shutil
import subprocess
from pathlib import Path

from support.instances import CONTRACT, TABLE, configure, deploy, held
from support.ledger import version
from support.pawl import clean_environment, pawl_binary
from support.server import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
NODE_MODULES = (Path("/usr/share/nodejs"), Path(pawl_binary()).resolve().parents[2] / "clients/node_modules")
JDBC = Path("/usr/share/java/postgresql.jar")
GO_PATH = Path("/usr/share/gocode")

PYTHON_MAIN = """
import sys

url = os.environ["DATABASE_URL"]
start(url)
session = connect(url)
print("serving", flush=True)
sys.stdin.read()
session.close()
bye(url)
"""
NODE_MAIN = """
const { start, stop } = require('./shop');

start().then(() => {
    console.log('serving');
    process.stdin.on('end', stop).resume();
}).catch(error => {
    console.error(error.message);
    process.exit(1);
});
"""
JAVA_MAIN = """
class Main {
    public static void main(String[] arguments) throws Exception {
        try (var instance = new Instance(System.getenv("DATABASE_URL"))) {
            instance.start();
            try (var session = instance.connect()) {
                System.out.println("serving");
                System.in.readAllBytes();
            }
        }
    }
}
"""
GO_MAIN = """
package main

import (
	"fmt"
	"io"
	"os"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	db, err := open(os.Getenv("DATABASE_URL"))
	check(err)
	check(start(db))
	fmt.Println("serving")
	_, err = io.ReadAll(os.Stdin)
	check(err)
	check(bye(db))
}
"""


def recipe(name):
    text = (ROOT / "docs" / "releases.md").read_text()
    return re.search(rf"<!-- recipe: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)[1]


def needed(*programs):
    """Fails where one is missing: what is in a run is proven by it."""
    for program in programs:
        assert shutil.which(program), f"{program} is missing: scripts/setup.sh test clients"


def build(folder, *command, **environment):
    done = subprocess.run(list(map(str, command)), cwd=folder, env=clean_environment(**environment),
                          text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def make_python(folder, text):
    (folder / "shop.py").write_text(text + PYTHON_MAIN)
    return ["/usr/bin/python3", "shop.py"]


def make_node(folder, text):
    needed("node")
    modules = next((place for place in NODE_MODULES if (place / "pg").is_dir()), None)
    assert modules, "node-postgres is missing: scripts/clients.sh"
    (folder / "shop.js").write_text(text)
    (folder / "main.js").write_text(NODE_MAIN)
    return ["env", f"NODE_PATH={modules}", "node", "main.js"]


def make_java(folder, text):
    needed("javac", "java")
    assert JDBC.exists(), "the JDBC driver is missing: scripts/setup.sh clients"
    (folder / "Instance.java").write_text(text)
    (folder / "Main.java").write_text(JAVA_MAIN)
    build(folder, "javac", "Instance.java", "Main.java")
    return ["java", "-cp", f".:{JDBC}", "Main"]


def make_go(folder, text):
    needed("go")
    (folder / "shop.go").write_text(text)
    (folder / "main.go").write_text(GO_MAIN)
    build(folder, "go", "build", "-o", "shop", "shop.go", "main.go", GO111MODULE="off", GOPATH=GO_PATH,
          GOCACHE=folder / "cache")
    return ["./shop"]


MAKERS = {"python": make_python, "node": make_node, "java": make_java, "go": make_go}


class Program:
    """A recipe that runs. release: in the place of the one that the page names."""

    def __init__(self, folder, name, url, release="1.25"):
        folder.mkdir()
        text = recipe(name)
        assert text.count('"1.25"') + text.count("'1.25'") == 1
        argv = MAKERS[name](folder, re.sub(r"""(["'])1\.25\1""", rf"\g<1>{release}\g<1>", text))
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log,
                                          env=clean_environment(DATABASE_URL=url, PGSSLMODE="disable"))

    def wait_for_start(self):
        """True once it serves; False where it ended instead."""
        wait_until(lambda: "serving" in self.log.read_text() or self.popen.poll() is not None, "it starts")
        return "serving" in self.log.read_text()

    def stop(self):
        self.popen.stdin.close()
        assert self.popen.wait(30) == 0, self.log.read_text()

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


def url_for(name, database):
    cluster = database.cluster
    if name != "java":
        return cluster.url(database.name, tcp=True)
    return (f"jdbc:postgresql://127.0.0.1:{cluster.port}/{database.name}?user=postgres"
            f"&password={cluster.password.replace(' ', '%20')}")


def prove(name, pawl, database, folder):
    """Registered under its name, explained, signed off; an old one is told, and does not start."""
    configure(pawl, database.url)
    contract = f"{version(2)}_contract"
    pawl.write(f"{version(1)}_a", TABLE)
    pawl.run("deploy", "--release", "1.24", check=0)
    pawl.run("run", "--release", "1.24", "--", "true", check=0)  # makes what hello takes
    old = Program(folder / "old", name, url_for(name, database), release="1.24")
    new = Program(folder / "new", name, url_for(name, database))
    try:
        assert old.wait_for_start() and new.wait_for_start(), old.log.read_text() + new.log.read_text()
        report = pawl.run("release", "--json", check=0).json()
        assert sorted((one["release"], one["application"]) for one in report["instances"]) == [
            ("1.24", "shop-1.24"), ("1.25", "shop-1.25")]
        pawl.write(contract, CONTRACT)
        (item,) = deploy(pawl, "1.25").json()["held"]
        assert [(one["release"], one["how"]) for one in item["for"]] == [("1.24", "registered")]
        old.stop()
        assert held(deploy(pawl, "1.25")) == []
        new.stop()
        assert pawl.run("release", "--json", check=0).json()["instances"] == []
        late = Program(folder / "late", name, url_for(name, database), release="1.24")
        assert not late.wait_for_start() and late.popen.returncode != 0
        assert f"not started: blocked {contract}" in late.log.read_text()
    finally:
        old.close()
        new.close()
