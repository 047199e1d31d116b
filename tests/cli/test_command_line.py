"""The command line: what each word does, and one line where a word is wrong."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from esim_graph import __version__
from esim_graph.cli import main
from esim_graph.config import PREFIX

SCHEMA = Path(__file__).parents[2] / "schema.graphql"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory, and no variable of ours."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["nonsense"], "nonsense"),
        (["serv"], "serv"),
        (["serve", "--nope"], "--nope"),
        (["serve", "--nope", "x"], "--nope"),
        (["serve", "extra"], "extra"),
        (["schema", "extra"], "extra"),
        (["doctor", "--fix"], "--fix"),
        (["serve", "--port"], "--port"),
        (["serve", "--port", "http"], "--port"),
        (["serve", "--port", "-1"], "--port"),
        (["serve", "--port", "65536"], "--port"),
        (["demo", "--port", "70000"], "--port"),
        (["demo", "--sandbox-port", "70000"], "--sandbox-port"),
        (["demo", "--speed", "fast"], "--speed"),
        (["demo", "--speed", "0"], "SPEED"),
        (["demo", "--speed", "nan"], "SPEED"),
        (["sandbox", "--port", "70000"], "--port"),
        (["sandbox", "--seed", "x"], "--seed"),
        (["serve", "--host", "0.0.0.0"], "0.0.0.0"),
        (["serve", "--host", "::"], "::"),
        (["serve", "--host", "192.0.2.1"], "192.0.2.1"),
        (["serve", "--host", "gateway.example"], "gateway.example"),
        (["serve", "--host", ""], "--host"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_wrong_word_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], names: str) -> None:
    """Exit code 2; the line names the word."""
    code, out, err = _run(capsys, *arguments)

    assert code == 2
    assert out == ""
    assert err.startswith("esim-graph: ")
    assert err.count("\n") == 1
    assert names in err


def test_an_open_bind_says_what_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    """While nobody is asked who they are, only this machine may call."""
    _, _, err = _run(capsys, "serve", "--host", "0.0.0.0")

    assert "ESIM_GRAPH_AUTH__MODE" in err
    assert "127.0.0.1" in err


@pytest.mark.parametrize(
    "command",
    [["serve", "--port"], ["sandbox", "--port"], ["demo", "--port", "0", "--sandbox-port"]],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_taken_port_is_one_line(capsys: pytest.CaptureFixture[str], command: list[str], taken_port: int) -> None:
    """Exit code 1: the command was right."""
    code, out, err = _run(capsys, *command, str(taken_port))

    assert (code, out) == (1, "")
    assert err == f"esim-graph: cannot listen on 127.0.0.1:{taken_port}: Address already in use\n"


def test_the_gateways_port_is_named_when_that_is_taken(capsys: pytest.CaptureFixture[str], taken_port: int) -> None:
    """And not the sandbox's beside it."""
    code, _, err = _run(capsys, "demo", "--sandbox-port", "0", "--port", str(taken_port))

    assert code == 1
    assert f":{taken_port}: " in err


@pytest.mark.parametrize(
    "arguments",
    [["--help"], [], ["serve", "--help"], ["demo", "--help"]],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Nor is a bare name, which gets it too."""
    code, out, err = _run(capsys, *arguments)

    assert (code, err) == (0, "")
    assert "Usage: esim-graph" in out


@pytest.mark.parametrize("command", ["demo", "serve", "sandbox", "schema", "doctor"])
def test_help_names_every_command(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Those that this version has."""
    _, out, _ = _run(capsys, "--help")

    assert command in out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """One number, one line."""
    assert _run(capsys, "--version") == (0, f"{__version__}\n", "")


def test_the_schema_is_the_committed_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte."""
    code, out, _ = _run(capsys, "schema")

    assert code == 0
    assert out.encode() == SCHEMA.read_bytes()


@pytest.mark.parametrize("command", ["sandbox", "demo"])
def test_the_sandboxs_variables_count_where_an_option_is_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A wrong value shows that it is read."""
    monkeypatch.setenv("ESIM_GRAPH_SANDBOX_SPEED", "0")

    with pytest.raises(SystemExit) as ended:
        main([command])

    assert ended.value.code == 2
    assert "ESIM_GRAPH_SANDBOX_SPEED" in capsys.readouterr().err
