"""Digi's bulk list of profiles: CSV, cut at 20,000 rows.

Source: Digi, v1/esim_profiles (page 001); upstreams.md §1.4.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from esim_graph.domain.profile import Profile
from esim_graph.errors import BadUserInput
from esim_graph.upstreams.digi import query
from esim_graph.upstreams.digi.wire import read_profile
from esim_graph.upstreams.messages import MEBIBYTE, Answer, Request, build_path, build_query
from esim_graph.upstreams.refusals import is_success, refusal, unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileBulk:
    """Profiles; ``truncated`` when there are more, which only a narrower selection will bring."""

    profiles: tuple[Profile, ...]
    skipped: int  #: rows without an ICCID
    truncated: bool


def get_bulk(*, where: str | None, orderby: str | None, fields: Sequence[str] | None, size: int | None) -> Request:
    """Ask for many profiles; *fields* are ours, and the ICCID is always among them."""
    names = None
    if fields is not None:
        if unknown := [name for name in fields if name not in query.PROFILE]:
            raise BadUserInput(f"Digi knows no field {unknown[0]!r} here.", argument="fields")
        names = ",".join(query.PROFILE[name] for name in dict.fromkeys(("iccid", *fields)))
    return Request(
        method="GET",
        endpoint="profiles_bulk",
        path=build_path("ws", "v1", "esim_profiles", "bulk"),
        query=build_query(fields=names, size=size, orderby=orderby, query=where),
        idempotent=True,
        max_bytes=32 * MEBIBYTE,
        heavy=True,  # 20,000 rows take a good fraction of a second
    )


def read_bulk(answer: Answer) -> ProfileBulk:
    """Read the table; columns that were not asked for are None in the profiles.

    An empty body is an empty table. The value of ``Truncated`` is documented nowhere, so its
    presence counts.

    Raises:
        UpstreamBadResponse: it is no CSV, or has no column of ICCIDs.
    """
    if not is_success(answer):
        raise refusal(answer, "digi")
    profiles = []
    skipped = 0
    try:
        rows = csv.reader(io.StringIO(answer.body.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip().casefold() for name in next(rows, ["iccid"])]
        if "iccid" not in header:
            raise unreadable("digi", "is no table of profiles")
        for cells in rows:
            profile = read_profile({name: cell or None for name, cell in zip(header, cells, strict=False)})
            if profile is not None:
                profiles.append(profile)
            elif cells:
                skipped += 1
    except (UnicodeDecodeError, csv.Error):
        raise unreadable("digi", "is not CSV") from None
    return ProfileBulk(profiles=tuple(profiles), skipped=skipped, truncated="Truncated" in answer.headers)
