"""Which pages may call, and under which names of this machine."""

import pytest
from starlette.datastructures import Headers

from esim_graph.server.origin import is_loopback, is_own_page


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_what_can_only_mean_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", "127.0.0.1.nip.io"])
def test_what_may_mean_another_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:8000"},
        {"host": "[::1]:8000"},
        {"host": "192.0.2.1"},
        {"host": "gateway"},
        {"host": "a.localhost:8000"},
        {"host": "localhost", "origin": "http://127.0.0.1:5173"},
        {"host": "gateway:8000", "origin": "https://gateway"},
    ],
)
def test_programs_and_pages_of_this_machine_may_call(headers: dict[str, str]) -> None:
    assert is_own_page(Headers(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example.", "origin": "http://evil.example."},
        {"host": "localhost", "origin": "https://evil.example"},
        {"host": "localhost", "origin": "null"},
        {"host": "localhost", "origin": "http://["},
        {"host": "gateway", "origin": "https://other"},
    ],
)
def test_pages_of_other_sites_may_not(headers: dict[str, str]) -> None:
    """Nor those whose own name was made to point here."""
    assert not is_own_page(Headers(headers))
