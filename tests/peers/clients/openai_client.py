"""OpenAI's client, run with the `openai` environment's Python; `hearing` says what it can be asked."""

from __future__ import annotations

import hearing
import openai


def client_at(address: str, http: object, strict: bool) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="none",
        base_url=f"http://{address}/v1",
        http_client=http,
        max_retries=0,
        _strict_response_validation=strict,
    )


if __name__ == "__main__":
    hearing.main(client_at)
