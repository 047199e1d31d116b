"""The commands and the database: what ``migrate`` says, and one line where a database cannot be used."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from esim_graph.cli import main
from esim_graph.config import PREFIX
from support.database import empty_database_url, fresh_database_url

SECRET = "sk_marked_secret"  # may stand in no message
UNREACHABLE = f"postgresql://me:{SECRET}@127.0.0.1:1/esims"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory, and no variable of ours."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def _use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", url)


def test_migrate_makes_the_file_and_then_finds_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a setting it is the one in the working directory."""
    assert _run(capsys, "migrate") == (0, "The database was empty and is now at 0001.\n", "")
    assert Path("esim-graph.sqlite3").is_file()
    assert _run(capsys, "migrate") == (
        0,
        "The database is at revision 0001, which is the newest; nothing was done.\n",
        "",
    )


def test_migrate_brings_any_database_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also PostgreSQL, when that is what the tests run with; the doctor agrees."""
    _use(monkeypatch, empty_database_url())

    assert _run(capsys, "migrate")[0] == 0
    assert "nothing was done" in _run(capsys, "migrate")[1]
    assert "\nok     database  " in _run(capsys, "doctor")[1]


@pytest.mark.parametrize("command", [["migrate"], ["serve", "--port", "0"]], ids=" ".join)
@pytest.mark.parametrize(
    ("url", "says"),
    [
        (UNREACHABLE, "refused"),
        ("sqlite:///letter", "letter"),
        ("sqlite:///nowhere/file", "nowhere/file"),
        ("sqlite:///folder", "folder"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str], url: str, says: str
) -> None:
    """Exit code 1; the line names the setting and the cause, and no password."""
    Path("letter").write_text("Dear reader, this is no database, although it is long enough for one. " * 20)
    Path("folder").mkdir()
    _use(monkeypatch, url)

    code, out, err = _run(capsys, *command)

    assert (code, out) == (1, "")
    assert err.startswith("esim-graph: ESIM_GRAPH_DATABASE_URL: ")
    assert says in err
    assert err.count("\n") == 1
    assert SECRET not in err


def test_serve_says_when_postgresql_is_not_migrated(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """And does not do it: who runs replicas chooses when. The doctor says so too."""
    if pytestconfig.getoption("database") == "sqlite":
        pytest.skip("only with --database=postgresql")
    _use(monkeypatch, empty_database_url())

    code, out, err = _run(capsys, "serve", "--port", "0")
    _, findings, _ = _run(capsys, "doctor")

    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "run esim-graph migrate" in err
    assert "\nwrong  database  it is not at this version's schema: run esim-graph migrate\n" in findings


def test_the_doctor_says_which_file_there_will_be(capsys: pytest.CaptureFixture[str]) -> None:
    """And makes none."""
    _, findings, _ = _run(capsys, "doctor")

    assert "\nok     database  the SQLite file esim-graph.sqlite3 will be made when the gateway starts\n" in findings
    assert not list(Path().iterdir())


def test_the_doctor_changes_no_file(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the kind of its journal, which SQLite keeps in it; another program's may be meant by mistake."""
    with closing(sqlite3.connect("other")) as other:
        other.execute("CREATE TABLE letters (text)")
    before = Path("other").read_bytes()
    _use(monkeypatch, "sqlite:///other")

    _, findings, _ = _run(capsys, "doctor")

    assert "\nok     database  " in findings
    assert Path("other").read_bytes() == before
    assert [path.name for path in Path().iterdir()] == ["other"]


def test_the_doctor_finds_a_database_in_order(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is."""
    _use(monkeypatch, fresh_database_url())

    assert "\nok     database  " in _run(capsys, "doctor")[1]


@pytest.mark.parametrize("url", [UNREACHABLE, "sqlite:///letter", "sqlite:///nowhere/file"])
def test_the_doctor_says_what_is_wrong_with_a_database(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """With the setting to look at, and without its value."""
    Path("letter").write_text("Dear reader, this is no database, although it is long enough for one. " * 20)
    _use(monkeypatch, url)

    code, findings, err = _run(capsys, "doctor")

    (wrong,) = [line for line in findings.splitlines() if line.startswith("wrong  database")]
    assert (code, err) == (1, "")
    assert "ESIM_GRAPH_DATABASE_URL" in wrong
    assert SECRET not in findings
