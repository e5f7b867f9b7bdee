"""One text of a streamed answer: what came, what is decided, and what stands in the place of parts of it."""

from __future__ import annotations

from sentinel.core.exchange import Channel, Role, TextPart, TokenProbability
from sentinel.core.finding import Finding
from sentinel.core.quoting import quoted
from sentinel.detectors.stream import BySentence, Reader
from sentinel.guard.edited import Edited, Restoring
from sentinel.policy.operators import Replacement
from sentinel.policy.vault import Vault


def plain(value: str) -> str:
    return value


class ChannelText:
    """`number` is the text's place among the parts of the decision.

    `decided` is how far the rules have decided, `edited.settled` how far the text may leave: where values are
    put back, a pseudonym that has begun lies between the two.
    """

    __slots__ = (
        "_pieces",
        "_restoring",
        "closed",
        "cutter",
        "decided",
        "edited",
        "findings",
        "inspector",
        "length",
        "number",
        "path",
        "quote",
        "resumed",
        "tokens",
        "withheld",
    )

    def __init__(
        self,
        number: int,
        channel: Channel,
        inspector: Reader | None,
        cutter: BySentence | None,
        vault: Vault | None,
        *,
        in_json: bool = False,
    ) -> None:
        self.number = number
        self.path = _path(channel)
        self.inspector = inspector
        self.cutter = cutter
        self.quote = quoted if in_json else plain
        self.length = 0
        self.decided = 0
        self.closed = False
        self.withheld = False
        self.resumed = 0
        self.edited = Edited()
        self.findings: list[Finding] = []
        self.tokens: list[TokenProbability] = []
        self._pieces: list[str] = []
        self._restoring = Restoring(vault, self.quote) if vault is not None and not vault.empty else None

    def resume(self, tail: str) -> None:
        """This text goes on with one that ended, and of which so much has left: what began there and is
        completed here is found, and edited from here on."""
        self.push(tail)
        self.resumed = self.decided = len(tail)
        self.edited.settle(len(tail), [])
        if self._restoring is not None:
            self._restoring.advance(tail, [], final=True)

    def push(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)
        if self.inspector is not None:
            self.inspector.push(text)
        if self.cutter is not None:
            self.cutter.push(text)

    @property
    def text(self) -> str:
        """All that came."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def part(self) -> TextPart:
        return TextPart(Role.ANSWER, self.text, self.path, self.quote is quoted, tuple(self.tokens))

    @property
    def place(self) -> TextPart:
        """The part without its text, for decisions about findings alone."""
        return TextPart(Role.ANSWER, "", self.path)

    def slice(self, start: int, end: int) -> str:
        """A stretch of what is not settled, or lies shortly before."""
        if self.inspector is not None:
            return self.inspector.slice(start, end)
        return self.text[start:end]

    def decide(self, to: int, edits: list[Replacement], *, final: bool = False) -> None:
        """The rules have decided everything before `to`; `edits` are theirs, written as plain values."""
        if self.quote is quoted:
            edits = [Replacement(edit.start, edit.end, quoted(edit.text)) for edit in edits]
        start, self.decided = self.decided, to
        if self._restoring is not None:
            to, edits = self._restoring.advance(self.slice(start, to), edits, final=final)
        self.edited.settle(to, edits)

    def released(self, start: int, end: int, text: str) -> str:
        return self.edited.apply(text, start, end)


def _path(channel: Channel) -> str:
    place = f"{channel.kind}[{channel.index}]" if channel.index else channel.kind
    return f"choices[{channel.choice}].{place}"
