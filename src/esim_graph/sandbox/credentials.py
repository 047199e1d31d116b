"""The credentials the sandbox accepts. They open nothing but the sandbox, so they are printed freely."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client of each simulated vendor presents."""

    digi_api_key_id: str = "sandbox-key"
    digi_api_key_secret: str = "sandbox-key-secret"  # noqa: S105  # opens the sandbox only
    digi_second_api_key_id: str = "sandbox-second-key"
    digi_second_api_key_secret: str = "sandbox-second-key-secret"  # noqa: S105  # opens the sandbox only
    digi_username: str = "sandbox"
    digi_password: str = "sandbox-password"  # noqa: S105  # opens the sandbox only
    esimfly_access_code: str = "esf_sandbox"
    esimfly_secret_key: str = "sk_sandbox"  # noqa: S105  # opens the sandbox only
    esimgo_api_key: str = "sandbox-esimgo-key"
    digi_keys: dict[str, str] = field(init=False, repr=False)  #: both key pairs of Digi's one account.

    def __post_init__(self) -> None:
        pairs = {
            self.digi_api_key_id: self.digi_api_key_secret,
            self.digi_second_api_key_id: self.digi_second_api_key_secret,
        }
        object.__setattr__(self, "digi_keys", pairs)
