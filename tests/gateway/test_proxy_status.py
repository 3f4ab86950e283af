"""`Proxy-Status`: RFC 9209."""

from __future__ import annotations

import pytest

from gateway.proxy.records.proxy_status import proxy_status


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, "http_request_denied"), (429, "http_request_denied"), (500, "proxy_internal_error"),
     (502, "destination_unavailable"), (503, "destination_unavailable"),
     (504, "http_response_timeout")],
)  # fmt: skip
def test_an_error_has_the_type_that_fits_its_status(status: int, error: str) -> None:
    """Section 2.3."""
    value = proxy_status(status, "some-reason")

    assert value == f'quintet-gateway; error={error}; details="some-reason"'.encode()


def test_a_better_word_wins_and_what_the_service_said_is_told() -> None:
    """Sections 2.1.1 and 2.1.4."""
    value = proxy_status(502, "bad-answer", "http_protocol_error", received=200)

    said = b'quintet-gateway; error=http_protocol_error; received-status=200; details="bad-answer"'
    assert value == said


def test_an_error_of_the_client_says_which_status_we_made() -> None:
    """Section 2.3.16."""
    value = proxy_status(404, "not-found")

    said = b'quintet-gateway; error=http_request_error; status-code=404; details="not-found"'
    assert value == said


def test_details_are_a_string_whatever_stands_in_them() -> None:
    """Section 2.1.5, and RFC 9651, section 3.3.3: printable ASCII, quotes and backslashes escaped."""
    assert proxy_status(500, 'a"b\\c\né').endswith(b'details="a\\"b\\\\c??"')
