"""Answers of /v1/chat/completions and /v1/completions, whole and streamed.

https://platform.openai.com/docs/api-reference/chat/object and .../chat-streaming; what vLLM, Azure, DeepSeek
and OpenRouter add is known too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sentinel.adapters._json import Node
from sentinel.adapters._json_message import (
    ERROR_WORDS,
    JsonRequest,
    count,
    identifier,
)
from sentinel.adapters._json_stream import EventWalker, JsonStream, sse
from sentinel.adapters._json_walk import (
    Flow,
    Key,
    Walker,
    arguments,
    member,
    opaque,
    path_kind,
    strings,
    structure,
)
from sentinel.adapters._templates import Templates
from sentinel.core.errors import WireError

_STRUCTURE = frozenset(
    (
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
        "provider",
    )
)
# Tokens and their numbers: they tell the texts in another way.
_DESCRIPTIONS = frozenset(("logprobs", "prompt_logprobs", "token_ids", "prompt_token_ids", "obfuscation"))
_FILTERS = frozenset(("content_filter_results", "content_filter_result", "prompt_filter_results"))
_FILTER_WORDS = frozenset(("severity", "code", "type"))
_ITEM_WORDS = frozenset(("type", "id", "format"))
# Two names for the same; a server that fills both says it twice.
_REASONING = {"reasoning_content": 0, "reasoning": 1}
_FUNCTION_CALL = -1  # the index of the call in the old field, which has none
_FILTERED = "content_filter"


def walk_answer(root: Node, walk: Walker) -> None:
    """A completion or a chunk of one."""
    for name, node in root.members.items():
        if name == "choices" and type(node.value) is list:
            for number, choice in enumerate(node.value):
                _choice(choice, walk, f"choices[{number}]", number)
        elif name == "usage":
            walk.told_last(node)
            strings(walk, node, name, Key(0, name))
        elif name == "error":
            walk_error(node, walk)
        else:
            _beside(name, node, walk, "", 0)


def walk_error(node: Node, walk: Walker) -> None:
    """What an upstream says of its failure."""
    strings(walk, node, "error", Key(0, "error"), known=ERROR_WORDS)


def _beside(name: str, node: Node, walk: Walker, path: str, choice: int, flow: Flow = Flow.ONCE) -> None:
    """A member that is not the answer's text: structure, what describes the text, or what no one knows."""
    here = f"{path}.{name}" if path else name
    if name in _STRUCTURE:
        structure(walk, node, here, Key(choice))
    elif name == "obfuscation":
        walk.describes(node)
        structure(walk, node, here, Key(choice))
    elif name in _DESCRIPTIONS and type(node.value) is not str:
        walk.describes(node)
    elif name in _FILTERS:
        strings(walk, node, here, Key(choice, name), known=_FILTER_WORDS)
    elif node.value is not None:
        key = Key(choice, path_kind(path) or "answer")
        member(walk, name, node, path, key, flow, known=_ITEM_WORDS if flow is Flow.GOES_ON else frozenset())


def _choice(choice: Node, walk: Walker, path: str, number: int) -> None:
    if type(choice.value) is not dict:
        strings(walk, choice, path, Key(number, "choices"))
        return
    index = choice_index(choice, number)
    for name, node in choice.members.items():
        here = f"{path}.{name}"
        if name in ("delta", "message") and type(node.value) is dict:
            _message(node, walk, here, index)
        elif name == "text" and type(node.value) is str:
            walk.text(node, here, Key(index), Flow.GOES_ON)
        elif name in ("finish_reason", "stop_reason", "native_finish_reason"):
            walk.told_last(node)
            structure(walk, node, here, Key(index))
        elif name == "logprobs" and not _tells(node, choice):
            walk.misleads(node)
        elif name == "token_ids" and not _texts(choice):
            walk.misleads(node)
        else:
            _beside(name, node, walk, path, index)
    logprobs = choice.get("logprobs")
    if logprobs is not None and logprobs.value:
        _probable(logprobs, walk, Key(index))


def _probable(logprobs: Node, walk: Walker, key: Key) -> None:
    """The tokens' own probabilities, as chats or completions tell them."""
    listed, told = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if listed is not None and told is not None:
        walk.probable(key, [str(item.value) for item in listed.items], told.items)
    content = logprobs.get("content")
    if content is not None and content.value:
        tell_tokens(content, walk, key)


def tell_tokens(content: Node, walk: Walker, key: Key) -> None:
    """A list of tokens with their log-probabilities."""
    numbers = [number for item in content.items if (number := item.get("logprob")) is not None]
    walk.probable(key, [item.text("token") for item in content.items], numbers)


def choice_index(choice: Node, number: int) -> int:
    """Which alternative a choice belongs to. Raises WireError where it is no number: texts would mix."""
    node = choice.get("index")
    if node is None:
        return number
    if type(node.value) is not int or node.value < 0:
        raise WireError("choices[].index is no number")
    return node.value


def _message(message: Node, walk: Walker, path: str, choice: int) -> None:
    """A message or a part of one. What no one knows in here may be text that goes on in the next chunk."""
    for name, node in message.members.items():
        here = f"{path}.{name}"
        if name == "role":
            walk.told_once(node)
            structure(walk, node, here, Key(choice))
        elif name in ("content", "refusal") and type(node.value) is str:
            walk.text(node, here, Key(choice, name), Flow.GOES_ON)
        elif name in _REASONING and type(node.value) is str:
            walk.text(node, here, Key(choice, "reasoning", _REASONING[name]), Flow.GOES_ON)
        elif name == "tool_calls" and type(node.value) is list:
            for number, call in enumerate(node.value):
                tool_call(call, walk, f"{here}[{number}]", Key(choice, "arguments", number))
        elif name == "function_call" and type(node.value) is dict:
            function(node, walk, here, Key(choice, "arguments", _FUNCTION_CALL))
        elif name == "audio" and type(node.value) is dict:
            _audio(node, walk, here, choice)
        elif name == "annotations":
            strings(walk, node, here, Key(choice, name), known=_ITEM_WORDS)
        else:
            _beside(name, node, walk, path, choice, Flow.GOES_ON)


def tool_call(call: Node, walk: Walker, path: str, key: Key) -> None:
    key = key._replace(number=call.number("index", key.number))
    for name, node in call.members.items():
        here = f"{path}.{name}"
        if name in ("id", "type"):
            if name == "id":
                walk.told_once(node)
            structure(walk, node, here, key)
        elif name in ("function", "custom") and type(node.value) is dict:
            function(node, walk, here, key)
        else:
            member(walk, name, node, path, key._replace(kind=path_kind(path)), Flow.GOES_ON)
    if not call.members:
        strings(walk, call, path, key._replace(kind=path_kind(path)))


def function(call: Node, walk: Walker, path: str, key: Key) -> None:
    for name, node in call.members.items():
        here = f"{path}.{name}"
        if name == "name":
            walk.told_once(node)
            structure(walk, node, here, key)
        elif name == "arguments":
            flow = Flow.GOES_ON if type(node.value) is str else Flow.ONCE
            arguments(walk, node, here, key, flow)
        elif name == "input" and type(node.value) is str:
            walk.text(node, here, key._replace(kind="input"), Flow.GOES_ON)
        else:
            member(walk, name, node, path, key._replace(kind=path_kind(path)), Flow.GOES_ON)


def _audio(audio: Node, walk: Walker, path: str, choice: int) -> None:
    for name, node in audio.members.items():
        here = f"{path}.{name}"
        if name == "id":
            structure(walk, node, here, Key(choice))
        elif name == "data":
            opaque(walk, node, here, Key(choice, "audio.data"))
        else:
            member(walk, name, node, path, Key(choice, "audio"), Flow.GOES_ON)


def _texts(choice: Node) -> set[str]:
    message = choice.get("delta") or choice.get("message") or choice
    names = ("text", "content", "refusal", *_REASONING)
    return {text for name in names if (text := message.text(name))}


def _tells(logprobs: Node, choice: Node) -> bool:
    """Whether log-probabilities are those of this chunk's text. Servers that hold text back, for a stop
    string or half a character, send tokens ahead of it."""
    if logprobs.value is None:
        return True
    texts = _texts(choice)
    told: list[str] = []
    tokens = logprobs.get("tokens")
    if tokens is not None:
        told.append("".join(item.value for item in tokens.items if type(item.value) is str))
    for name in ("content", "refusal"):
        listed = logprobs.get(name)
        if listed is not None and listed.value:
            told.append("".join(item.text("token") for item in listed.items))
    return all(text in texts for text in told if text)


def tokens_of(root: Node) -> tuple[int, int]:
    """Tokens of the prompt and of the answer, 0 where they are not told."""
    usage = root.get("usage")
    return count(usage, "prompt_tokens"), count(usage, "completion_tokens")


class CompletionStream(JsonStream):
    """A streamed completion, of a chat or of a prompt."""

    def __init__(
        self, request: JsonRequest, templates: Templates, max_event_bytes: int, *, chat: bool
    ) -> None:
        super().__init__(templates, max_event_bytes)
        self._chat = chat
        self._open = set(range(request.choices))
        self._seen = set(self._open)
        self._created = 0

    def walk(self, root: Node, walk: EventWalker) -> None:
        walk_answer(root, walk)
        if not self.response_id:
            self.response_id = identifier(root, "id")
            self.model = identifier(root, "model")
            self._created = root.number("created")
        if root.get("usage") is not None:
            told, said = tokens_of(root)
            self.input_tokens, self.output_tokens = told or self.input_tokens, said or self.output_tokens
        choices = root.get("choices")
        seen = {
            choice_index(choice, number): choice.text("finish_reason")
            for number, choice in enumerate(choices.items if choices is not None else [])
        }
        finished = {index for index, reason in seen.items() if reason}
        if finished:
            walk.end(lambda key: key.choice in finished)
            walk.plan.effect = finished
        self._open.update(seen.keys() - self._seen)
        self._seen.update(seen)

    def left(self, effect: object) -> None:
        assert isinstance(effect, set)
        self._open -= effect

    def cut(self, message: str, decision_id: str) -> bytes:
        choices = [
            {"index": index, **self._last(message), "logprobs": None, "finish_reason": _FILTERED}
            for index in sorted(self._open)
        ]
        chunk = {
            **head(self.response_id, self.model, self._created, self._chat, streamed=True),
            "choices": choices,
            "sentinel": {"decision_id": decision_id},
        }
        return (sse(chunk) if choices else b"") + b"data: [DONE]\n\n"

    def _last(self, message: str) -> dict[str, Any]:
        return {"delta": {"refusal": message}} if self._chat else {"text": ""}


def head(answer_id: str, model: str, created: int, chat: bool, *, streamed: bool) -> dict[str, Any]:
    """The members of an answer beside its choices."""
    kind = "text_completion" if not chat else "chat.completion.chunk" if streamed else "chat.completion"
    return {"id": answer_id or "sentinel", "object": kind, "created": created, "model": model}


def refusal(request: JsonRequest, text: str, *, chat: bool) -> bytes:
    """An answer that says `text` for every alternative asked for, whole or as a stream."""
    streamed = request.streaming
    answer = head("", request.model, 0, chat, streamed=streamed)
    said = _said(text, chat, streamed)
    choices = [
        {"index": index, **said, "logprobs": None, "finish_reason": _FILTERED}
        for index in range(request.choices)
    ]
    if streamed:
        return sse({**answer, "choices": choices}) + b"data: [DONE]\n\n"
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return msgspec.json.encode({**answer, "choices": choices, "usage": usage})


def _said(text: str, chat: bool, streamed: bool) -> dict[str, Any]:
    if not chat:
        return {"text": text}
    message = {"role": "assistant", "content": text}
    return {"delta": message} if streamed else {"message": {**message, "refusal": None}}
