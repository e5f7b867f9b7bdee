"""An MLServer runtime: answers each prompt with the prompt and a planted e-mail address, in one piece or,
streamed, some letters at a time. Every prompt that arrives is appended to the file named in SEEN, one JSON
string a line.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

PLANTED = "ottilie.fennimore@example.com"


class Words(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        return self._respond(payload, [self._answer(prompt) for prompt in _prompts(payload)])

    async def predict_stream(
        self, payloads: AsyncIterator[InferenceRequest]
    ) -> AsyncIterator[InferenceResponse]:
        async for payload in payloads:
            for prompt in _prompts(payload):
                answer = self._answer(prompt)
                for start in range(0, len(answer), 5):
                    yield self._respond(payload, [answer[start : start + 5]])

    def _answer(self, prompt: str) -> str:
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(json.dumps(prompt) + "\n")
        return f"You said {prompt} Ask {PLANTED} for more."

    def _respond(self, payload: InferenceRequest, texts: list[str]) -> InferenceResponse:
        return InferenceResponse(
            model_name=self.name, id=payload.id, outputs=[StringCodec.encode_output("predict", texts)]
        )


def _prompts(payload: InferenceRequest) -> list[str]:
    return [str(prompt) for prompt in StringCodec.decode_input(payload.inputs[0])]
