"""What an exchange over HTTP needs of the model's side, whoever carries it there: our own client or Envoy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from sentinel.proxy.http_headers import Headers


class ModelAnswer(Protocol):
    """A model server's answer: its head has arrived, its body comes by pieces. Names of fields are in lower
    case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises HttpError when the model server breaks it off."""
        ...

    def close(self) -> None:
        """Nothing more of it is wanted."""
        ...


class Model(Protocol):
    """The model server. `address` is what records name it, `base` what its own redirections begin with."""

    @property
    def address(self) -> str: ...

    @property
    def base(self) -> str: ...

    async def ask(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] | None = None,
        length: int | None = None,
    ) -> ModelAnswer:
        """Its answer, with the body still to be read. `length` is that of a body in pieces, where it is
        known. Raises HttpError (502) where it cannot be asked."""
        ...
