"""Triton with two small models, run with the `triton` environment's Python:

    words     unary: answers with the prompt and a planted e-mail address
    letters   decoupled: the same answer, some letters at a time

Every prompt that arrives is appended to --seen, one JSON string a line.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

PLANTED = "ottilie.fennimore@example.com"


def answer(prompt: str) -> str:
    return f"You said {prompt} Ask {PLANTED} for more."


def bytes_array(text: str) -> np.ndarray:
    return np.array([text.encode()], dtype=object)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--seen", required=True)
    parser.add_argument("--workspace", required=True)
    chosen = parser.parse_args()

    def prompt_of(request) -> str:
        prompt = request.data["text_input"][0].decode()
        with open(chosen.seen, "a") as seen:
            seen.write(json.dumps(prompt) + "\n")
        return prompt

    def words(requests):
        return [{"text_output": bytes_array(answer(prompt_of(request)))} for request in requests]

    def letters(requests):
        for request in requests:
            said = answer(prompt_of(request))
            for start in range(0, len(said), 5):
                time.sleep(0.005)
                yield [{"text_output": bytes_array(said[start : start + 5])}]

    config = TritonConfig(
        grpc_address="127.0.0.1",
        grpc_port=chosen.grpc_port,
        http_address="127.0.0.1",
        http_port=chosen.http_port,
        allow_metrics=False,
    )
    text_input = Tensor(name="text_input", dtype=bytes, shape=(1,))
    text_output = Tensor(name="text_output", dtype=bytes, shape=(1,))
    with Triton(config=config, workspace=chosen.workspace) as triton:
        for name, function, decoupled in (("words", words, False), ("letters", letters, True)):
            triton.bind(
                model_name=name,
                infer_func=function,
                inputs=[text_input],
                outputs=[text_output],
                config=ModelConfig(batching=False, decoupled=decoupled),
            )
        triton.serve()


if __name__ == "__main__":
    main()
