"""scripts/compare_history.py, the contributors' tool that holds pawl against psql."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.pawl import pawl_binary

SCRIPT = Path(__file__).resolve().parent.parent / "scripts/compare_history.py"
GOOSE = "-- +goose Up\n{up}\n-- +goose Down\nDROP TABLE t;\n"


def compare(folder, *options):
    return subprocess.run([sys.executable, SCRIPT, folder, "--pawl", pawl_binary(), *options],
                          text=True, capture_output=True)


@pytest.fixture
def history(tmp_path):
    """Three files in an order that a comparison of texts gets wrong; one fits no transaction."""
    (tmp_path / "2_t.sql").write_text(GOOSE.format(up="CREATE TABLE t (id integer);"))
    (tmp_path / "10_i.sql").write_text("CREATE INDEX CONCURRENTLY i ON t (id);")
    (tmp_path / "11_v.sql").write_text("BEGIN; CREATE VIEW v AS SELECT id FROM t; COMMIT;")
    return tmp_path


def test_equal_schemas(history):
    result = compare(history, "--naming", "sequence")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "client  3 of 3 applied" in result.stdout and "pawl    3 of 3 applied" in result.stdout
    assert "the schemas are equal" in result.stdout


def test_a_difference_is_shown(history):
    (history / "12_b.sql").write_text("DO $$ BEGIN IF (SELECT count(*) FROM pg_namespace "
                                      "WHERE nspname = 'pawl') > 0 THEN CREATE TABLE only_pawl (); "
                                      "END IF; END $$;")
    result = compare(history, "--naming", "sequence")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "+CREATE TABLE public.only_pawl" in result.stdout


def test_a_file_that_fails_is_named(history):
    (history / "12_b.sql").write_text("SELECT missing;")
    result = compare(history, "--naming", "sequence", "--dialect", "sqlite")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "client stopped: 10_i: " in result.stdout and "1 of 4 applied" in result.stdout
