"""Settings: read once from the environment, ``.env`` and a TOML file, and frozen.

Every setting is a field here; ``docs/settings.md`` is printed from them. Durations are
seconds. A secret may also be given as a file's path, in the setting of the same name with
``_FILE`` behind it.
"""

import hashlib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from esim_graph.addresses import parse_base_url, parse_database_url

PREFIX = "ESIM_GRAPH_"
CONFIG_FILE = PREFIX + "CONFIG"
SANDBOX_PREFIX = PREFIX + "SANDBOX_"  # the sandbox's own business
_DELIMITER = "__"
_SQLITE_FILE = "esim-graph.sqlite3"  # in the working directory
_SHOWN = 60  # characters of a wrong value


class SettingError(Exception):
    """A setting is wrong; the message is one line that names it and says what is allowed."""


class _WrongMember(ValueError):
    """A group's members do not fit together, or with the files they name; *member* is the one to mend."""

    def __init__(self, member: str, allowed: str) -> None:
        super().__init__(allowed)
        self.member = member


def _check_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be printable ASCII without line breaks, since it goes into a header")
    return secret


def _read_database_url(given: str | SecretStr | None) -> str:
    text = given.get_secret_value() if isinstance(given, SecretStr) else given
    return parse_database_url(f"sqlite:///{_SQLITE_FILE}" if text is None else text)


BaseUrl = Annotated[str, AfterValidator(parse_base_url)]
Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_read_database_url)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Group(BaseModel):
    """Settings that belong together; a secret may come as ``<name>_file``."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _is_a_group(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            members = ", ".join(name.upper() for name in cls.model_fields)
            raise ValueError(f"has members, each set by itself: {members}")  # noqa: TRY004 - pydantic's way
        return data


class _Vendor(_Group):
    base_url: BaseUrl
    rate_limit: Annotated[int, Field(ge=0)]
    concurrency: Annotated[int, Field(ge=0)]

    pairs: ClassVar[tuple[tuple[str, str], ...]] = ()

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> "_Vendor":
        for one, other in self.pairs:
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                missing, given = (other, one) if getattr(self, one) else (one, other)
                raise _WrongMember(missing, f"must be set too, since {given} is")
        return self

    def _fingerprint(self, *credentials: SecretStr | None) -> str:
        parts = [self.base_url, *(secret.get_secret_value() if secret else "" for secret in credentials)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class DigiSettings(_Vendor):
    """Digi Remote Manager. An API key goes before user name and password when both are set."""

    base_url: BaseUrl = Field(default="https://remotemanager.digi.com", description="Paths start at `/ws/v1`.")
    api_key_id: Secret | None = Field(default=None, description="An API key's id, with its secret.")
    api_key_secret: Secret | None = Field(default=None, description="An API key's secret.")
    username: SecretStr | None = Field(default=None, description="Instead of a key: a user's name.")
    password: SecretStr | None = Field(default=None, description="Instead of a key: the user's password.")
    rate_limit: int = Field(
        default=240,
        ge=0,
        description="Calls a minute, a sixth of it in any 10 s as Digi counts; 0: no limit.",
    )
    concurrency: int = Field(default=4, ge=0, description="Calls at once, per credential; 0: no limit.")

    pairs = (("api_key_id", "api_key_secret"), ("username", "password"))

    @property
    def configured(self) -> bool:
        """Whether there are credentials."""
        return bool(self.api_key_id or self.username)

    @property
    def account(self) -> str:
        """Tells one Digi from another in what is kept for longer than its credentials last."""
        return hashlib.sha256(self.base_url.encode()).hexdigest()[:12]

    @property
    def fingerprint(self) -> str:
        """Tells credentials apart without telling them; part of every key of what is remembered."""
        return self._fingerprint(self.api_key_id or self.username, self.api_key_secret or self.password)


class EsimflySettings(_Vendor):
    """eSIMfly's business API."""

    base_url: BaseUrl = Field(default="https://esimfly.net", description="Paths start at `/api/v1/business`.")
    access_code: Secret | None = Field(default=None, description="The access code, with its secret key.")
    secret_key: SecretStr | None = Field(default=None, description="The key that signs each call.")
    rate_limit: int = Field(
        default=100,
        ge=0,
        description="Calls a minute; ten times that an hour, a hundred times a day; 0: no limit.",
    )
    concurrency: int = Field(default=8, ge=0, description="Calls at once, per credential; 0: no limit.")

    pairs = (("access_code", "secret_key"),)

    @property
    def configured(self) -> bool:
        """Whether there are credentials."""
        return bool(self.access_code)

    @property
    def fingerprint(self) -> str:
        """Tells credentials apart without telling them."""
        return self._fingerprint(self.access_code, self.secret_key)


class EsimgoSettings(_Vendor):
    """eSIM Go's API v2.4."""

    base_url: BaseUrl = Field(default="https://api.esim-go.com/v2.4", description="Paths start at `/esims`.")
    api_key: Secret | None = Field(default=None, description="The API key.")
    rate_limit: int = Field(
        default=300, ge=0, description="Calls a minute; ours, since eSIM Go publishes none; 0: no limit."
    )
    concurrency: int = Field(default=8, ge=0, description="Calls at once, per credential; 0: no limit.")

    @property
    def configured(self) -> bool:
        """Whether there are credentials."""
        return bool(self.api_key)

    @property
    def fingerprint(self) -> str:
        """Tells credentials apart without telling them."""
        return self._fingerprint(self.api_key)


class LiveStatusSettings(_Group):
    """What is remembered of live status."""

    ttl: Seconds = Field(default=15, description="How long a live status is remembered; 0: not at all.")


class BundleHistorySettings(_Group):
    """What is remembered of bundle history."""

    ttl: Seconds = Field(default=60, description="How long a bundle history is remembered; 0: not at all.")


class ProfilesSettings(_Group):
    """What is remembered of profiles."""

    ttl: Seconds = Field(default=5, description="How long a profile is remembered by its ICCID; 0: not at all.")


class PollSettings(_Group):
    """How transactions and operations are followed."""

    min_interval: PositiveSeconds = Field(default=2, description="Between two looks, right after a change.")
    max_interval: PositiveSeconds = Field(default=30, description="Between two looks, when nothing changes.")
    deadline: PositiveSeconds = Field(default=1200, description="After this a stream ends with `UPSTREAM_TIMEOUT`.")

    @model_validator(mode="after")
    def _in_order(self) -> "PollSettings":
        if self.max_interval < self.min_interval:
            raise _WrongMember("max_interval", f"must be at least min_interval, which is {self.min_interval:g}")
        return self


class AuthSettings(_Group):
    """Who may call."""

    mode: Literal["none"] = Field(
        default="none",
        description="`none`: everybody who reaches the address, so `serve` binds loopback only.",
    )


class Settings(BaseSettings):
    """All of them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=_DELIMITER,
        enable_decoding=False,  # a group is set member by member, never as JSON
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    digi: DigiSettings = Field(default_factory=DigiSettings)
    esimfly: EsimflySettings = Field(default_factory=EsimflySettings)
    esimgo: EsimgoSettings = Field(default_factory=EsimgoSettings)
    live_status: LiveStatusSettings = Field(default_factory=LiveStatusSettings)
    bundle_history: BundleHistorySettings = Field(default_factory=BundleHistorySettings)
    profiles: ProfilesSettings = Field(default_factory=ProfilesSettings)
    poll: PollSettings = Field(default_factory=PollSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    database_url: DatabaseUrl = Field(
        default=None,
        validate_default=True,
        description="`sqlite:///<file>` or `postgresql+asyncpg://<user>:<password>@<host>/<database>`. "
        f"Unset: the SQLite file `{_SQLITE_FILE}` in the working directory.",
    )
    database_url_file: Path | None = Field(default=None, description="A file that holds the database's address.")
    operation_timeout: PositiveSeconds = Field(
        default=20, description="One GraphQL operation, end to end. Each vendor call ends sooner."
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description="Signs cursors. Unset: one is made once and kept in the database, so that replicas share it.",
    )
    signing_key_file: Path | None = Field(default=None, description="A file that holds the signing key.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="What is logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments go before the environment, that before ``.env``, that before the TOML file."""
        sources = [init_settings, env_settings, dotenv_settings]
        if path := os.environ.get(CONFIG_FILE):
            sources.append(TomlConfigSettingsSource(settings_cls, Path(path)))
        return tuple(_SecretFiles(source) for source in sources)


class _SecretFiles(PydanticBaseSettingsSource):
    """A source with the files that it names read at once, so that they go before a later source's values."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._source = source

    def __call__(self) -> dict[str, Any]:
        """The source's values."""
        return {
            name: _with_secret_files(value, f"{name}{_DELIMITER}") if isinstance(value, dict) else value
            for name, value in _with_secret_files(self._source(), "").items()
        }

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One value, which pydantic-settings asks for in no case of ours."""
        return self._source.get_field_value(field, field_name)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SettingError: one is wrong.
    """
    if path := os.environ.get(CONFIG_FILE):
        _check_config_file(Path(path))
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingError(_explain(error)) from None
    except (OSError, UnicodeDecodeError):
        raise SettingError(".env: the file cannot be read; it must be text in UTF-8") from None


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Variables with our prefix that are no setting of this version: likely typing errors."""
    known = _known_variables() | {CONFIG_FILE}
    return sorted(
        name
        for name in names
        if name.upper().startswith(PREFIX) and not name.upper().startswith(SANDBOX_PREFIX) and name.upper() not in known
    )


def describe() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as (variable, pydantic field)."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, _Group):
            for inner, leaf in group.model_fields.items():
                yield f"{PREFIX}{name}{_DELIMITER}{inner}".upper(), leaf
        elif not name.endswith("_file"):
            yield f"{PREFIX}{name}".upper(), field


def _known_variables() -> set[str]:
    fields = dict(describe())
    return set(fields) | {f"{name}_FILE" for name, field in fields.items() if _is_secret(field)}


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def _with_secret_files(data: Mapping[str, Any], group: str) -> dict[str, Any]:
    resolved = dict(data)
    for key, path in data.items():
        if not key.endswith("_file") or not path:
            continue
        try:
            text = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError):
            variable = f"{PREFIX}{group}{key}".upper()
            raise SettingError(f"{variable}=***: must name a file that can be read") from None
        if not text:
            variable = f"{PREFIX}{group}{key}".upper()
            raise SettingError(f"{variable}=***: must name a file that is not empty")
        resolved.setdefault(key.removesuffix("_file"), text)
    return resolved


def _check_config_file(path: Path) -> None:
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError):
        raise SettingError(f"{CONFIG_FILE}={path}: the file cannot be read") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{CONFIG_FILE}={path}: not valid TOML: {error}") from None
    known = {variable.removeprefix(PREFIX).lower() for variable in _known_variables()}
    groups = {name.split(_DELIMITER)[0] for name in known if _DELIMITER in name}
    for name, value in tables.items():
        in_group = isinstance(value, dict) and name in groups
        for key in [f"{name}{_DELIMITER}{key}" for key in value] if in_group else [name]:
            if key not in known | groups:
                where = key.replace(_DELIMITER, ".")
                raise SettingError(f"{where} in {path} is no setting of this version")


def _explain(error: ValidationError) -> str:
    """One line: the variable, its value unless that is a secret or may hold one, and what is allowed."""
    first = error.errors(include_url=False)[0]
    where, cause = [str(part) for part in first["loc"]], first.get("ctx", {}).get("error")
    if isinstance(cause, _WrongMember):
        where.append(cause.member)
    variable = PREFIX + _DELIMITER.join(where).upper()
    allowed = first["msg"].removeprefix("Value error, ")
    return f"{variable}{_shown(variable, first['input'])}: {allowed[0].lower()}{allowed[1:]}"


def _shown(variable: str, value: object) -> str:
    if not isinstance(value, str | int | float):
        return ""  # a group, whose members did not fit together
    text = str(value)
    field = dict(describe()).get(variable)
    if field is None or _is_secret(field) or "@" in text:
        return "=***"
    return f"={text[:_SHOWN]!r}"
