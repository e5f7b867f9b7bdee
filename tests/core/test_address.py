from __future__ import annotations

import pytest

from sentinel.core.address import checked, checked_tcp, checked_url


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:8081", "triton:65535", "unix:/run/model.sock"])
def test_right_ones_stay_as_they_are(address: str) -> None:
    assert checked(address) == address


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("8081", "HOST:PORT"),
        (":8081", "HOST:PORT"),
        ("triton", "HOST:PORT"),
        ("triton:grpc", "HOST:PORT"),
        ("triton:", "HOST:PORT"),
        ("triton:99999", "0 to 65535"),
        ("unix:", "path is missing"),
    ],
)
def test_wrong_ones_say_what_to_write(address: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checked(address)


def test_a_socket_is_no_host_and_port() -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        checked_tcp("unix:/run/model.sock")


@pytest.mark.parametrize(
    "url", ["http://localhost", "https://models.svc:8443", "http://[::1]:8000/api/v2", "http://127.0.0.1:1"]
)
def test_urls(url: str) -> None:
    assert checked_url(url) == checked_url(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://localhost",
        "http://",
        "http://a b",
        "http://u:p@host",
        "http://h/?q",
        "http://h/#f",
    ]
    + ["http://h:0", "http://h:65536", "http://h:x", "unix:/s"],
)
def test_what_is_no_url_of_a_server(url: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        checked_url(url)
