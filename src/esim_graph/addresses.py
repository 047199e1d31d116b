"""Addresses as people write them: of vendors, and of the database."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def parse_base_url(text: str) -> str:
    """A vendor's address without its last slash.

    Raises:
        ValueError: it is none; the message says what is allowed.
    """
    try:
        parts = urlsplit(text)
        host = parts.port != 0 and parts.hostname  # a port that is none is a ValueError
    except ValueError:
        host = None
    blanks = any(letter.isspace() for letter in text)
    if not host or blanks or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise ValueError("must be an http:// or https:// address without query")
    if parts.username or parts.password:
        raise ValueError("must not contain credentials; they have settings of their own")
    return text.rstrip("/")


def parse_database_url(text: str) -> str:
    """A database's address as SQLAlchemy takes it.

    Raises:
        ValueError: it is none; the message says what is allowed, and not what was given.
    """
    scheme, _, rest = text.partition("://")
    if scheme in ("sqlite", "sqlite+aiosqlite"):
        path = rest.removeprefix("/")
        if rest != path and path and not path.startswith(":") and "?" not in path:
            return f"sqlite+aiosqlite:///{path}"
    elif scheme in ("postgresql", "postgresql+asyncpg", "postgres") and (url := _postgresql_url(rest)):
        return url
    raise ValueError(
        "must be sqlite:///<file>, or postgresql+asyncpg://<user>:<password>@<host>/<database> "
        "with no parameter but host, port and sslmode"
    )


def _postgresql_url(rest: str) -> str | None:
    try:
        parts = urlsplit(f"//{rest}")
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        host = parts.port != 0 and (parts.hostname or parameters.get("host"))
    except ValueError:
        return None
    known = parameters.keys() <= {"host", "port", "ssl", "sslmode"}
    if not host or not parts.path.strip("/") or parts.fragment or not known:
        return None
    if "sslmode" in parameters:
        parameters["ssl"] = parameters.pop("sslmode")  # asyncpg's name for it
    return urlunsplit(("postgresql+asyncpg", parts.netloc, parts.path, urlencode(parameters), ""))
