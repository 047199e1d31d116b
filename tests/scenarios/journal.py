"""The gateway's journal as a caller reads it, and what must be true of it."""

from typing import Any

import aiohttp

from scenarios.caller import data

PAGE = """query ($after: String) { statusChanges(first: 200, after: $after) {
    nodes { id iccid from to at source actor message messageCode isError unexpected transaction { vendorId } }
    pageInfo { endCursor hasNextPage }
} }"""

Row = dict[str, Any]


class Reader:
    """Reads the journal now and then, and remembers every row that it was ever shown."""

    def __init__(self, http: aiohttp.ClientSession, graphql: str) -> None:
        self._http = http
        self._graphql = graphql
        self.shown: dict[str, Row] = {}
        self.wrong: list[str] = []

    async def read(self, *, whole: bool = False) -> dict[str, Row]:
        """Page from the newest row on: through all of it, or to the first page that has nothing new.

        Raises:
            Lost: the gateway went meanwhile; what came before counts.
        """
        found: dict[str, Row] = {}
        after = None
        while True:
            page = (await data(self._http, self._graphql, PAGE, {"after": after}))["statusChanges"]
            fresh = False
            for row in page["nodes"]:
                fresh |= row["id"] not in self.shown
                if row["id"] in found:
                    self.wrong.append(f"twice on the pages: {row}")
                if self.shown.setdefault(row["id"], row) != row:
                    self.wrong.append(f"changed: {self.shown[row['id']]} to {row}")
                found[row["id"]] = row
            if not page["pageInfo"]["hasNextPage"] or not (whole or fresh):
                return found
            after = page["pageInfo"]["endCursor"]


def lost(shown: dict[str, Row], found: dict[str, Row]) -> list[str]:
    """The rows that were shown once and are not there any more."""
    return [f"lost: {row}" for identifier, row in shown.items() if identifier not in found]


def doubled(rows: dict[str, Row]) -> list[str]:
    """The changes that have more than one row."""
    seen: dict[tuple[Any, ...], Row] = {}
    wrong = []
    for row in rows.values():
        if row["transaction"] is None:
            continue
        change = (row["transaction"]["vendorId"], row["iccid"], row["to"], row["isError"])
        if change in seen:
            wrong.append(f"doubled: {seen[change]} and {row}")
        seen[change] = row
    return wrong
