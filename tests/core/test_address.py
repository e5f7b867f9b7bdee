from __future__ import annotations

import pytest

from sentinel.core.address import checked, checked_tcp


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
