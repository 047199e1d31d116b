"""Opening a sandbox: options, addresses, the program and its exit codes."""

import asyncio
import os
import signal
import sys

import pytest

from esim_graph.sandbox import Options, OptionsError, printed_lines, read_options, run, serving
from esim_graph.sandbox.__main__ import main


async def test_the_base_urls_are_what_the_gateways_settings_need(sandbox):
    settings = sandbox.settings()

    assert settings["ESIM_GRAPH_DIGI__BASE_URL"] == f"{sandbox.url}/digi"
    assert settings["ESIM_GRAPH_ESIMFLY__BASE_URL"] == f"{sandbox.url}/esimfly"
    assert settings["ESIM_GRAPH_ESIMGO__BASE_URL"] == f"{sandbox.url}/esimgo/v2.4"


async def test_what_is_printed_can_be_copied(sandbox):
    lines = printed_lines(sandbox)

    assert sandbox.url in lines[0]
    assert set(lines) >= {f"{name}={value}" for name, value in sandbox.settings().items()}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
async def test_it_listens_on_loopback_only(host):
    with pytest.raises(ValueError, match="loopback"):
        async with serving(host=host):
            pass


async def test_two_sandboxes_share_nothing():
    options = Options(devices=0)
    async with serving(options) as first, serving(options) as second:
        first.switches.digi.single_get = "wrapped"
        first.world.profiles.clear()

        assert first.url != second.url
        assert second.switches.digi.single_get == "bare"
        assert second.world.profiles


def test_the_environment_sets_options(monkeypatch):
    for name, value in {"PORT": "9001", "SPEED": "60", "SEED": "7", "SWITCHES__DIGI__SINGLE_GET": "wrapped"}.items():
        monkeypatch.setenv(f"ESIM_GRAPH_SANDBOX_{name}", value)

    options = read_options()

    assert (options.port, options.speed, options.seed) == (9001, 60, 7)
    assert options.switches.digi.single_get == "wrapped"


def test_the_command_line_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("ESIM_GRAPH_SANDBOX_SPEED", "60")

    assert read_options(speed="2", port=None).speed == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("SPEED", "0"), ("SPEED", "fast"), ("PORT", "70000"), ("SWITCHES__DIGI__SINGLE_GET", "x"), ("SWITCHES", "{")],
)
def test_a_wrong_value_is_one_line_naming_the_setting(monkeypatch, name, value):
    monkeypatch.setenv(f"ESIM_GRAPH_SANDBOX_{name}", value)

    with pytest.raises(OptionsError) as refused:
        read_options()

    assert str(refused.value).startswith(f"ESIM_GRAPH_SANDBOX_{name}: ")
    assert "\n" not in str(refused.value)


def test_a_wrong_argument_is_exit_code_2(capsys):
    assert main(["--speed", "fast"]) == 2
    assert capsys.readouterr().err.startswith("ESIM_GRAPH_SANDBOX_SPEED: ")


async def test_a_taken_port_is_an_error(sandbox):
    taken = int(sandbox.url.rpartition(":")[2])

    with pytest.raises(OSError, match="address"):
        await run(Options(port=taken, devices=0))


async def test_it_serves_until_cancelled():
    announced = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run(Options(port=0, devices=0), announce=announced.set_result))

    lines = await asyncio.wait_for(announced, 5)
    running.cancel()

    assert lines[0].startswith("sandbox vendors on http://127.0.0.1:")
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_program_stops_on_sigterm():
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "esim_graph.sandbox",
        "--port",
        "0",
        "--devices",
        "0",
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    assert program.stdout is not None
    first = await program.stdout.readline()

    program.send_signal(signal.SIGTERM)
    await program.communicate()

    assert first.startswith(b"sandbox vendors on http://127.0.0.1:")
    assert program.returncode == 0
