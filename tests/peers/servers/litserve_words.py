"""LitServe with its OpenAI protocol: answers with the last message's text and a planted e-mail address, some
letters at a time, and fails in the middle where the prompt says so. Every prompt that arrives is appended to
--seen, one JSON string a line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

import litserve

PLANTED = "ottilie.fennimore@example.com"


class Words(litserve.LitAPI):
    def __init__(self, seen: str) -> None:
        super().__init__(spec=litserve.OpenAISpec())
        self._seen = seen

    def setup(self, device: str) -> None:
        pass

    def predict(self, request: Any) -> Iterator[str]:
        prompt = request.messages[-1].content
        with open(self._seen, "a") as seen:
            seen.write(json.dumps(prompt) + "\n")
        answer = f"You said {prompt} Ask {PLANTED} for more."
        for start in range(0, len(answer), 5):
            if "stumble" in prompt and start > len(answer) // 2:
                raise ValueError(answer)
            yield answer[start : start + 5]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seen", required=True)
    chosen = parser.parse_args()
    server = litserve.LitServer(Words(chosen.seen), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=chosen.port, generate_client_file=False)


if __name__ == "__main__":
    main()
