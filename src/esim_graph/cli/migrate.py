"""``esim-graph migrate``: brings the database to the schema that this version needs."""

from collections.abc import Callable

from esim_graph.config import Settings
from esim_graph.database.migrate import NEWEST, migrate


async def run_migrate(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Migrate, and say what was done.

    Raises:
        CannotOpenDatabase: it cannot be used, or is of a newer version.
    """
    found = await migrate(settings.database_url.get_secret_value())
    if found == NEWEST:
        say(f"The database is at revision {NEWEST}, which is the newest; nothing was done.")
    else:
        say(f"The database was {'empty' if found is None else f'at revision {found}'} and is now at {NEWEST}.")
