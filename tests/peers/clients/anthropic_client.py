"""Anthropic's client, run with the `anthropic` environment's Python; `hearing` says what it can be asked."""

from __future__ import annotations

import anthropic
import hearing


def client_at(address: str, http: object, strict: bool) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key="none",
        base_url=f"http://{address}",
        http_client=http,
        max_retries=0,
        _strict_response_validation=strict,
    )


if __name__ == "__main__":
    hearing.main(client_at)
