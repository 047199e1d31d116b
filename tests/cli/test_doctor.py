"""The doctor: everything right is 0; anything wrong is 1, with what to do about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from esim_graph.cli.doctor import run_doctor
from esim_graph.config import Settings
from esim_graph.sandbox import Options, serving
from support.clock import ManualClock
from support.gateway import settings_for

NOTHING = Settings()


@pytest.fixture(autouse=True)
def somewhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a folder without a database."""
    monkeypatch.chdir(tmp_path)


async def _examine(settings: Settings, *unknown: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    return await run_doctor(settings, unknown, say=lines.append), lines


async def test_all_is_well() -> None:
    """A line for each vendor; no call reached a device or changed anything."""
    async with serving(Options(devices=1)) as sandbox:
        code, lines = await _examine(settings_for(sandbox))

        assert code == 0
        assert [line.split()[:2] for line in lines] == [
            ["ok", name] for name in ("settings", "database", "digi", "esimfly", "esimgo")
        ]
        assert {call.endpoint for call in sandbox.calls} <= {"summary", "status", "list"}
        assert sandbox.calls.count() == 3


@pytest.mark.parametrize(
    ("vendor", "credentials", "names"),
    [
        ("digi", {"api_key_secret": "sk_wrong"}, "DIGI__API_KEY_ID"),
        ("esimfly", {"secret_key": "sk_wrong"}, "ESIMFLY__ACCESS_CODE"),
        ("esimfly", {"access_code": "sk_wrong"}, "ESIMFLY__ACCESS_CODE"),
        ("esimgo", {"api_key": "sk_wrong"}, "ESIMGO__API_KEY"),
    ],
)
async def test_wrong_credentials_are_told_with_their_settings(
    vendor: str, credentials: dict[str, str], names: str
) -> None:
    """And never with their values; the other vendors are examined all the same."""
    async with serving(Options(devices=1)) as sandbox:
        code, lines = await _examine(settings_for(sandbox, **{vendor: credentials}))

    (wrong,) = [line for line in lines if line.startswith("wrong")]
    assert code == 1
    assert vendor in wrong
    assert names in wrong
    assert "sk_wrong" not in "".join(lines)
    assert len([line for line in lines if line.startswith("ok")]) == 4


async def test_a_vendor_that_cannot_be_reached_is_told_with_its_address() -> None:
    """The setting to look at, and the network."""
    async with serving(Options(devices=1)) as sandbox:
        settings = settings_for(sandbox, esimgo={"base_url": "http://127.0.0.1:1"})
        code, lines = await _examine(settings)

    (wrong,) = [line for line in lines if line.startswith("wrong")]
    assert code == 1
    assert "ESIM_GRAPH_ESIMGO__BASE_URL" in wrong


@pytest.mark.parametrize("status", [500, 503])
async def test_a_vendor_that_is_down_is_told(status: int) -> None:
    """Whatever its way to say so."""
    async with serving(Options(devices=1)) as sandbox:
        sandbox.faults.script("status", "digi", status=status)
        code, lines = await _examine(settings_for(sandbox))

    assert code == 1
    assert [line.split()[1] for line in lines if line.startswith("wrong")] == ["digi"]


async def test_no_vendor_at_all_is_wrong() -> None:
    """It could answer nothing."""
    code, lines = await _examine(NOTHING)

    assert code == 1
    assert [line for line in lines if line.startswith("wrong")] == [
        "wrong  vendors   none is configured; set the credentials of one at least"
    ]


async def test_one_vendor_is_enough() -> None:
    """The others are noted, with the settings they would take."""
    async with serving(Options(devices=1)) as sandbox:
        settings = settings_for(sandbox).model_copy(update={"digi": NOTHING.digi, "esimfly": NOTHING.esimfly})
        code, lines = await _examine(settings)

    assert code == 0
    notes = [line for line in lines if line.startswith("note")]
    assert len(notes) == 2
    assert "ESIM_GRAPH_DIGI__API_KEY_ID" in notes[0]


async def test_unknown_settings_are_noted() -> None:
    """They are no failure."""
    async with serving(Options(devices=1)) as sandbox:
        code, lines = await _examine(settings_for(sandbox), "ESIM_GRAPH_TYPO")

    assert code == 0
    assert any("ESIM_GRAPH_TYPO" in line for line in lines)


@pytest.mark.parametrize("seconds", [120, -120, 3_600])
async def test_a_clock_that_is_wrong_is_told(seconds: int) -> None:
    """Before eSIMfly refuses every call for it, and also when it does."""
    ours = ManualClock(datetime.now(UTC) + timedelta(seconds=seconds))
    lines: list[str] = []
    async with serving(Options(devices=1)) as sandbox:
        code = await run_doctor(settings_for(sandbox), [], say=lines.append, clock=ours)

    assert code == 1
    assert any(line.startswith("wrong  clock") and "NTP" in line for line in lines), lines
