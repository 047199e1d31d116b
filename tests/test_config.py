"""Settings: the contract's defaults, where they may come from, and one clear line when one is wrong."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from esim_graph.cli import main
from esim_graph.config import PREFIX, SettingError, describe, load_settings, unknown_variables

SECRET = "sk_marked_secret"  # may stand in no message
# The contract's table; what later issues bring is not here yet.
DEFAULTS = {
    "DIGI__BASE_URL": "https://remotemanager.digi.com",
    "DIGI__API_KEY_ID": None,
    "DIGI__API_KEY_SECRET": None,
    "DIGI__USERNAME": None,
    "DIGI__PASSWORD": None,
    "DIGI__RATE_LIMIT": 240,
    "DIGI__CONCURRENCY": 4,
    "ESIMFLY__BASE_URL": "https://esimfly.net",
    "ESIMFLY__ACCESS_CODE": None,
    "ESIMFLY__SECRET_KEY": None,
    "ESIMFLY__RATE_LIMIT": 100,
    "ESIMFLY__CONCURRENCY": 8,
    "ESIMGO__BASE_URL": "https://api.esim-go.com/v2.4",
    "ESIMGO__API_KEY": None,
    "ESIMGO__RATE_LIMIT": 300,
    "ESIMGO__CONCURRENCY": 8,
    "LIVE_STATUS__TTL": 15,
    "BUNDLE_HISTORY__TTL": 60,
    "PROFILES__TTL": 5,
    "POLL__MIN_INTERVAL": 2,
    "POLL__MAX_INTERVAL": 30,
    "POLL__DEADLINE": 1200,
    "DATABASE_URL": SecretStr("sqlite+aiosqlite:///esim-graph.sqlite3"),
    "OPERATION_TIMEOUT": 20,
    "SIGNING_KEY": None,
    "AUTH__MODE": "none",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory and no variable of ours."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that is not free, so that a start with good settings ends there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.fixture
def complain(capsys: pytest.CaptureFixture[str], taken_port: int):
    """Start the gateway, which must refuse its settings; return the one line it says."""

    def start() -> str:
        with pytest.raises(SystemExit) as ended:
            main(["serve", "--port", str(taken_port)])
        said = capsys.readouterr()
        assert ended.value.code == 2, said.err
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert said.err.startswith("esim-graph: ")
        assert "Traceback" not in said.err
        assert SECRET not in said.err
        return said.err

    return start


def test_a_secret_file_of_the_environment_goes_before_the_files_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which source comes first is decided before what form the secret has."""
    Path("secret").write_text("from the environment")
    Path("settings.toml").write_text('[esimgo]\napi_key = "from the file"\n')

    _set(monkeypatch, CONFIG="settings.toml", ESIMGO__API_KEY_FILE="secret")

    key = load_settings().esimgo.api_key
    assert key is not None
    assert key.get_secret_value() == "from the environment"


def _set(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(PREFIX + name, value)


def _value(variable: str) -> Any:
    value: Any = load_settings()
    for part in variable.lower().split("__"):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(("variable", "default"), DEFAULTS.items())
def test_a_default_is_the_contracts(variable: str, default: object) -> None:
    """What the page says and what the program does are one."""
    assert _value(variable) == default


def test_every_setting_of_the_contract_is_there() -> None:
    """And each has a description, from which its documentation is made."""
    settings = dict(describe())

    assert {PREFIX + name for name in DEFAULTS} <= set(settings)
    assert all(field.description for field in settings.values())


@pytest.mark.parametrize(
    ("variables", "names", "allows"),
    [
        ({"DIGI__RATE_LIMIT": "lots"}, "DIGI__RATE_LIMIT='lots'", "integer"),
        ({"DIGI__RATE_LIMIT": "-1"}, "DIGI__RATE_LIMIT", "greater than or equal to 0"),
        ({"DIGI__RATE_LIMIT": "1.5"}, "DIGI__RATE_LIMIT", "integer"),
        ({"ESIMFLY__CONCURRENCY": "many"}, "ESIMFLY__CONCURRENCY", "integer"),
        ({"LIVE_STATUS__TTL": "-1"}, "LIVE_STATUS__TTL", "greater than or equal to 0"),
        ({"PROFILES__TTL": "inf"}, "PROFILES__TTL", "finite"),
        ({"OPERATION_TIMEOUT": "0"}, "OPERATION_TIMEOUT", "greater than 0"),
        ({"OPERATION_TIMEOUT": "nan"}, "OPERATION_TIMEOUT", "finite"),
        ({"OPERATION_TIMEOUT": "1e999"}, "OPERATION_TIMEOUT", "finite"),
        ({"OPERATION_TIMEOUT": "20s"}, "OPERATION_TIMEOUT", "number"),
        ({"POLL__DEADLINE": "0"}, "POLL__DEADLINE", "greater than 0"),
        ({"POLL__MIN_INTERVAL": "40"}, "POLL__MAX_INTERVAL", "at least min_interval"),
        ({"AUTH__MODE": "nobody"}, "AUTH__MODE", "'none'"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL", "'warning'"),
        ({"DIGI__BASE_URL": "ftp://digi.example"}, "DIGI__BASE_URL='ftp://digi.example'", "http:// or https://"),
        ({"DIGI__BASE_URL": f"https://me:{SECRET}@digi.example"}, "DIGI__BASE_URL", "credentials"),
        ({"DIGI__BASE_URL": "https://digi.example:99999"}, "DIGI__BASE_URL", "http:// or https://"),
        ({"DIGI__BASE_URL": "https://digi.example?key=x"}, "DIGI__BASE_URL", "without query"),
        ({"ESIMGO__BASE_URL": "http://[::1"}, "ESIMGO__BASE_URL", "http:// or https://"),
        ({"ESIMGO__BASE_URL": "http://exa mple"}, "ESIMGO__BASE_URL", "http:// or https://"),
        ({"ESIMGO__BASE_URL": "esim-go.com"}, "ESIMGO__BASE_URL", "http:// or https://"),
        ({"DIGI__API_KEY_ID": SECRET}, "DIGI__API_KEY_SECRET", "must be set too"),
        ({"DIGI__API_KEY_SECRET": SECRET}, "DIGI__API_KEY_ID", "must be set too"),
        ({"DIGI__PASSWORD": SECRET}, "DIGI__USERNAME", "must be set too"),
        ({"ESIMFLY__SECRET_KEY": SECRET}, "ESIMFLY__ACCESS_CODE", "must be set too"),
        ({"ESIMFLY__ACCESS_CODE": SECRET, "ESIMFLY__SECRET_KEY": ""}, "ESIMFLY__SECRET_KEY", "must be set too"),
        ({"ESIMGO__API_KEY_FILE": f"/nowhere/{SECRET}"}, "ESIMGO__API_KEY_FILE", "a file that can be read"),
        ({"SIGNING_KEY_FILE": f"/nowhere/{SECRET}"}, "SIGNING_KEY_FILE", "a file that can be read"),
        ({"SIGNING_KEY_FILE": "."}, "SIGNING_KEY_FILE", "a file that can be read"),
        ({"ESIMGO__API_KEY": f"{SECRET}\nx: y"}, "ESIMGO__API_KEY", "without line breaks"),
        ({"SIGNING_KEY_FILE": "/dev/null"}, "SIGNING_KEY_FILE", "a file that is not empty"),
        ({"DATABASE_URL": f"mysql://me:{SECRET}@host/db"}, "DATABASE_URL", "sqlite:///<file>, or postgresql"),
        ({"DATABASE_URL": f"postgresql://me:{SECRET}@host"}, "DATABASE_URL", "postgresql+asyncpg://<user>"),
        ({"DATABASE_URL": f"postgresql://me:{SECRET}@host:x/db"}, "DATABASE_URL", "postgresql+asyncpg://<user>"),
        ({"DATABASE_URL": f"postgresql://host/db?password={SECRET}"}, "DATABASE_URL", "no parameter but"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL", "sqlite:///<file>"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL", "sqlite:///<file>"),
        ({"DATABASE_URL": "esim-graph.sqlite3"}, "DATABASE_URL", "sqlite:///<file>"),
        ({"DATABASE_URL_FILE": f"/nowhere/{SECRET}"}, "DATABASE_URL_FILE", "a file that can be read"),
        ({"DIGI": "{"}, "DIGI", "each set by itself"),
        ({"DIGI": f'{{"api_key_id": "{SECRET}"}}'}, "DIGI", "each set by itself"),
        ({"LIVE_STATUS": "15"}, "LIVE_STATUS", "TTL"),
        ({"CONFIG": "/nowhere/settings.toml"}, "CONFIG", "cannot be read"),
        ({"CONFIG": "."}, "CONFIG", "cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)
def test_a_wrong_setting_is_one_line(
    complain, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], names: str, allows: str
) -> None:
    """Exit code 2; the line names the variable and what is allowed, and never a value that may be secret."""
    _set(monkeypatch, **variables)

    line = complain()

    assert re.match(rf"esim-graph: {PREFIX}{names}[:=]", line)
    assert allows in line


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("x = ", "not valid TOML"),
        ("[digi", "not valid TOML"),
        (f'[digi]\napi_key_id = "{SECRET}"\napi_key_id = "{SECRET}"', "not valid TOML"),
        (f'[digi]\nrate_limitt = "{SECRET}"', "digi.rate_limitt"),
        (f'operation_timeoutt = "{SECRET}"', "operation_timeoutt"),
        (f'[digy]\napi_key_id = "{SECRET}"', "digy"),
        (f'[digi.more]\napi_key_id = "{SECRET}"', "digi.more"),
        ('[digi]\nrate_limit = "lots"', "DIGI__RATE_LIMIT='lots'"),
        ("digi = 5", "ESIM_GRAPH_DIGI"),
        ("[digi]\napi_key_id = 5", "DIGI__API_KEY_ID"),
        ("[poll]\nmin_interval = 40", "POLL__MAX_INTERVAL"),
        ('[esimgo]\napi_key_file = "/nowhere"', "ESIMGO__API_KEY_FILE"),
    ],
)
def test_a_wrong_file_is_one_line(complain, monkeypatch: pytest.MonkeyPatch, toml: str, says: str) -> None:
    """A typing error in it is no silence: a file, unlike the environment, holds nothing but settings."""
    Path("settings.toml").write_text(toml)
    _set(monkeypatch, CONFIG="settings.toml")

    assert says in complain()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"ESIM_GRAPH_OPERATION_TIMEOUT=0"])
def test_a_wrong_dotenv_is_one_line(complain, content: bytes) -> None:
    """Whether a value or the file itself is wrong."""
    Path(".env").write_bytes(content)

    assert re.search(r"\.env|OPERATION_TIMEOUT", complain())


def test_what_comes_first_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment over ``.env`` over TOML, member by member."""
    Path("settings.toml").write_text("[poll]\nmin_interval = 3\nmax_interval = 33\ndeadline = 333\n")
    Path(".env").write_text("ESIM_GRAPH_POLL__MIN_INTERVAL=4\nESIM_GRAPH_POLL__MAX_INTERVAL=44\n")
    _set(monkeypatch, CONFIG="settings.toml", POLL__MIN_INTERVAL="5.5")

    poll = load_settings().poll

    assert (poll.min_interval, poll.max_interval, poll.deadline) == (5.5, 44, 333)


def test_a_file_sets_what_the_environment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings' own names; an empty table sets nothing."""
    Path("key").write_text(f"{SECRET}\n")
    Path("settings.toml").write_text(
        'operation_timeout = 7.5\n[digi]\napi_key_id = "id"\napi_key_secret_file = "key"\nrate_limit = 0\n[esimgo]\n'
    )
    _set(monkeypatch, CONFIG="settings.toml")

    settings = load_settings()

    assert settings.operation_timeout == 7.5
    assert settings.digi.configured
    assert settings.digi.api_key_secret == SecretStr(SECRET)
    assert settings.digi.rate_limit == 0
    assert not settings.esimgo.configured


@pytest.mark.parametrize(
    "variable",
    ["DIGI__API_KEY_SECRET", "DIGI__PASSWORD", "ESIMFLY__SECRET_KEY", "ESIMGO__API_KEY", "SIGNING_KEY"],
)
def test_a_secret_may_be_a_file(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Its last line break is not part of it."""
    Path("secret").write_text(f"{SECRET}\n")
    pairs = {"DIGI__API_KEY_SECRET": "DIGI__API_KEY_ID", "DIGI__PASSWORD": "DIGI__USERNAME"}
    pairs |= {"ESIMFLY__SECRET_KEY": "ESIMFLY__ACCESS_CODE"}
    if variable in pairs:
        _set(monkeypatch, **{pairs[variable]: "x"})

    _set(monkeypatch, **{f"{variable}_FILE": "secret"})

    assert _value(variable) == SecretStr(SECRET)


def test_a_secret_that_is_set_goes_before_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like everything in the environment."""
    Path("secret").write_text("from the file")
    _set(monkeypatch, ESIMGO__API_KEY="set", ESIMGO__API_KEY_FILE="secret")

    assert _value("ESIMGO__API_KEY") == SecretStr("set")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As container files write what they leave out."""
    _set(monkeypatch, **dict.fromkeys(DEFAULTS, ""), SIGNING_KEY_FILE="", ESIMGO__API_KEY_FILE="")

    settings = load_settings()

    assert settings.poll.min_interval == 2
    assert not any((settings.digi.configured, settings.esimfly.configured, settings.esimgo.configured))


def test_an_empty_secret_in_a_file_configures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise."""
    Path("settings.toml").write_text('[esimgo]\napi_key = ""\n')
    _set(monkeypatch, CONFIG="settings.toml")

    assert not load_settings().esimgo.configured


def test_a_base_url_ends_without_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    """However it was written."""
    _set(monkeypatch, ESIMGO__BASE_URL="https://api.esim-go.com/v2.4/")

    assert _value("ESIMGO__BASE_URL") == "https://api.esim-go.com/v2.4"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///data/esims.db", "sqlite+aiosqlite:///data/esims.db"),
        ("sqlite:////var/lib/esims.db", "sqlite+aiosqlite:////var/lib/esims.db"),
        ("sqlite+aiosqlite:///esims.db", "sqlite+aiosqlite:///esims.db"),
        ("postgres://me:p%40ss@host:5433/db", "postgresql+asyncpg://me:p%40ss@host:5433/db"),
        ("postgresql://host/db?sslmode=require", "postgresql+asyncpg://host/db?ssl=require"),
        ("postgresql+asyncpg://me@/db?host=/run/postgresql", "postgresql+asyncpg://me@/db?host=%2Frun%2Fpostgresql"),
    ],
)
def test_a_databases_address_may_be_written_as_others_write_it(
    monkeypatch: pytest.MonkeyPatch, given: str, used: str
) -> None:
    """As a variable, and in a file."""
    _set(monkeypatch, DATABASE_URL=given)
    assert _value("DATABASE_URL") == SecretStr(used)

    Path("secret").write_text(f"{given}\n")
    _set(monkeypatch, DATABASE_URL="", DATABASE_URL_FILE="secret")
    assert _value("DATABASE_URL") == SecretStr(used)


def test_names_are_not_case_sensitive(monkeypatch: pytest.MonkeyPatch) -> None:
    """As environments differ."""
    monkeypatch.setenv("esim_graph_operation_timeout", "7")

    assert load_settings().operation_timeout == 7
    assert unknown_variables(os.environ) == []


def test_settings_of_other_versions_do_not_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named, and that is all."""
    _set(
        monkeypatch,
        LIVE_STATUS__STALE_TTL="300",
        BUNDLE_HISTORY__STALE_TTL="3600",
        REDIS_URL=f"redis://:{SECRET}@redis",
        OPERATION_TIMOUT="5",
        SANDBOX_SPEED="60",
        CONFIG="",
        ESIMGO__API_KEY_FILE="",
    )

    load_settings()

    assert unknown_variables(os.environ) == [
        PREFIX + name
        for name in (
            "BUNDLE_HISTORY__STALE_TTL",
            "LIVE_STATUS__STALE_TTL",
            "OPERATION_TIMOUT",
            "REDIS_URL",
        )
    ]


def test_nothing_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings that are printed nor fingerprints that are logged."""
    _set(monkeypatch, ESIMGO__API_KEY=SECRET, ESIMFLY__ACCESS_CODE="x", ESIMFLY__SECRET_KEY=SECRET, SIGNING_KEY=SECRET)
    _set(monkeypatch, DATABASE_URL=f"postgresql://me:{SECRET}@host/db")

    settings = load_settings()

    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()
    assert SECRET not in settings.esimgo.fingerprint


def test_a_fingerprint_tells_credentials_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address counts too."""
    keys = [{"api_key": "a"}, {"api_key": "b"}, {"api_key": "a", "base_url": "https://x.example"}, {}]

    assert len({load_settings(esimgo=key).esimgo.fingerprint for key in keys}) == 4


def test_settings_are_frozen() -> None:
    """Nobody changes them behind another's back."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().operation_timeout = 1


def test_a_wrong_override_is_a_setting_error() -> None:
    """Tests and the demo pass settings in."""
    with pytest.raises(SettingError, match="ESIM_GRAPH_OPERATION_TIMEOUT"):
        load_settings(operation_timeout=-1)
