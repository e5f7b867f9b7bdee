"""A streamed answer, screened while it passes: elements in, elements out.

    feed ─▶ decoder ─▶ elements ─▶ queue ────────────────▶ Send
                          │ texts       ▲ how far each text is decided, and its edits
                          ▼             │
                       channels ─▶ inspectors ─▶ rules ──▶ Keep, Cut
                                     │    ▲
                              Ask ◀──┘    └── answered

- Elements leave in the order in which they came, each once all of its text is decided; a long one may send
  its decided part ahead.
- Each channel is a text of its own, and what is decided about it is what would be decided about the whole.
- Findings that edit text are told (Keep) before the edited text is sent.
- The model plane is asked about sentences while the answer goes on (`asking`); what comes meanwhile is read,
  and waits behind the sentence.
- Held-back text is bounded in characters and milliseconds; at a bound the rule that holds says what follows.
- The screen keeps the rules that the exchange began with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from sentinel.adapters.base import AnswerStream, Element, Slot
from sentinel.core.decision import Action, Decision
from sentinel.core.exchange import Channel, Stage, TextPart
from sentinel.core.finding import Finding, Inspection
from sentinel.core.needs import Needs
from sentinel.core.record import Screened
from sentinel.detectors.stream import BySentence, Reader
from sentinel.guard.asking import Asks
from sentinel.guard.channel import ChannelText
from sentinel.guard.commands import Cut, Inspect, Keep, Send, StreamCommand
from sentinel.guard.gates import Bound, Gates
from sentinel.guard.outcome import Outcome
from sentinel.guard.pending import Pending, Stretch
from sentinel.guard.recording import finding_rows
from sentinel.guard.session import Session
from sentinel.policy.engine import Selection
from sentinel.policy.operators import Replacement, replacements

_WITHHELD = "<REDACTED>"
_NOTHING = Inspection()
_TAIL = 512  # characters of a text that ended, which one that goes on with it is read behind


def open_answer(session: Session, stream: AnswerStream) -> AnswerScreen | None:
    """The screen of a session's streamed answer; None where nothing is to be read or put back."""
    selection = session.streams()
    if selection.empty and (session.vault is None or session.vault.empty):
        session.streamed([], Screened.NO_RULE, None)
        return None
    return AnswerScreen(session, session.screener.gates(selection), stream)


class AnswerScreen:
    """The answer of one exchange. Time is given, in seconds of any steady clock.

    `feed`, `tick`, `answered`, `ending` and `close` return what to do, in order; after a Cut nothing more
    comes. `length` is how many characters have come, `elapsed_us` the time spent on the answer, which the
    driver adds up.
    """

    def __init__(self, session: Session, gates: Gates, stream: AnswerStream) -> None:
        self._session = session
        self._gates = gates
        self._stream = stream
        self._background = session.answer_background(gates.every.needs)
        self._channels: dict[Channel, ChannelText] = {}
        self._texts: list[ChannelText] = []
        self._queue: deque[Pending] = deque()
        self._out: list[StreamCommand] = []
        self._outcome = Outcome()
        self._asks = Asks(gates.every.deadline_ms)
        self._blocked: Decision | None = None
        self._closing = False
        self._ended = False
        self._known: Sequence[Inspection] = ()
        self.length = 0
        self.elapsed_us = 0

    @property
    def classified(self) -> bool:
        """Whether more than patterns read the answer."""
        return self._session.screener.classifies(self._gates.every.needs)

    @property
    def released(self) -> int:
        """Characters of the answer, as the model wrote them, that may have left, edited or not."""
        return sum(min(text.edited.settled, text.length) for text in self._texts)

    @property
    def deadline(self) -> float | None:
        """When `tick` has to be called; None while nothing waits for a rule."""
        bound = self._gates.milliseconds
        if bound is None or not self._queue or self._ended:
            return None
        return self._queue[0].arrived + bound.limit / 1000

    def feed(self, data: bytes, now: float) -> list[StreamCommand]:
        """Bytes of the answer. Raises WireError on what cannot be read."""
        return self.take(self._stream.feed(data), now)

    def take(self, elements: Iterable[Element], now: float) -> list[StreamCommand]:
        """Elements of the answer that were decoded elsewhere."""
        for element in elements:
            self._take(element, now)
        return self._go_on(now)

    def tick(self, now: float) -> list[StreamCommand]:
        """Time has passed."""
        return self._go_on(now)

    def answered(
        self, number: int, answers: Sequence[Sequence[Inspection]], now: float
    ) -> list[StreamCommand]:
        """What the model plane says; `answers[i]` belong to question i of the Ask of this number."""
        for text in self._asks.answered(number, answers):
            self._advance(text, final=text.closed)
        return self._go_on(now)

    @property
    def waiting(self) -> bool:
        """Whether the course of the answer depends on what the model plane was asked."""
        return not self._ended and self._asks.waiting

    def ending(self, now: float) -> list[StreamCommand]:
        """The model has finished. Raises WireError when it stopped in the middle of an element. `close`
        follows, when nothing is `waiting` any more and `asks` is answered."""
        for element in self._stream.close():
            self._take(element, now)
        for text in self._texts:
            self._end(text)
        self._closing = True
        return self._go_on(now)

    def asks(self) -> Inspect | None:
        """What is to be inspected with the model plane's help when the answer is complete."""
        gates, session = self._gates, self._session
        needs = gates.rest.needs | (self._holding.needs if gates.whole.rules else frozenset())
        if self._blocked is not None or self._ended or not session.screener.asks_models(needs):
            return None
        session.output.parts = parts = [text.part for text in self._texts]
        around = session.backgrounds(Stage.OUTPUT, needs)
        return Inspect([part.text for part in parts], needs, gates.every.deadline_ms, around)

    def close(self, now: float, known: Sequence[Inspection] = ()) -> list[StreamCommand]:
        """The model has finished; `known`: what is found in the complete texts, as `asks` asked. Raises
        WireError when the model stopped in the middle of an element."""
        commands = [] if self._closing else self.ending(now)
        self._known = known
        if self._gates.whole.rules:
            self._decide_whole()
        commands += self._go_on(now)
        if not self._ended:
            self._finish()
        return commands

    def abandon(self) -> None:
        """Nothing more comes: the session gets the decision about what was seen, held back or not. A second
        call does nothing."""
        if self._ended:
            return
        gates, screener = self._gates, self._session.screener
        unread = self._asks.unread | gates.whole.detectors
        if not self._known:
            unread |= screener.asked(gates.rest.needs)
        for text in self._texts:
            if text.inspector is not None and text.decided < text.length:
                text.findings += text.inspector.untold().findings
        self._finish(unread if self._texts else ())

    def remark(self, text: str) -> str:
        """A text beside the answer, such as the model server's word for an error, as it may be told. It is
        screened and recorded like a text of the answer; behind the answer's end it is withheld."""
        gates = self._gates
        if not text or not (gates.token.rules or gates.whole.rules):
            return text
        if self._ended or gates.whole.rules:
            return _WITHHELD
        before = self._blocked
        said = self._open(Slot(Channel(kind="error"), text))
        said.push(text)
        self._end(said)
        if self._blocked is not before or said.edited.settled < len(text):
            return _WITHHELD
        return said.released(0, len(text), text)

    def unreadable(self, why: str) -> Cut | None:
        """Something came that cannot be read. None where no rule minds that; what came may then pass."""
        gates = self._gates
        if self._ended or not (gates.token.rules or gates.whole.rules or gates.cut.rules):
            return None
        session = self._session
        decision = gates.every.decide_unscreenable(session.decision_id(Stage.OUTPUT), session.context, why)
        if decision.action is not Action.BLOCK:
            return None
        self._ended = True
        session.streamed([text.part for text in self._texts], Screened.MALFORMED, decision)
        return Cut(decision, self._stream.cut(decision.message, decision.decision_id))

    # What comes in

    def _take(self, element: Element, now: float) -> None:
        stretches = [self._stretch(slot) for slot in element.slots]
        for channel in element.ends:
            if channel in self._channels:
                self._end(self._channels[channel])
        self._queue.append(Pending(element, stretches, now))

    def _stretch(self, slot: Slot) -> Stretch:
        text = self._channels.get(slot.channel)
        if slot.whole:
            # What claims to repeat a channel and does not is a text of its own.
            if text is None or not slot.text.startswith(text.text):
                text = self._open(slot)
            new, start = slot.text[text.length :], 0
        else:
            # So is what goes on after its end: that text is decided.
            if text is None or text.closed:
                text = self._open(slot)
            new, start = slot.text, text.length
        if slot.tokens:
            text.tokens += [(start + begin, start + end, logprob) for begin, end, logprob in slot.tokens]
        if new:
            text.push(new)
            self.length += len(new)
            if text.closed:
                text.closed = False
            self._advance(text)
        return Stretch(slot, text, start, start + len(slot.text))

    def _open(self, slot: Slot) -> ChannelText:
        gates = self._gates
        asks = gates.token.rules and not gates.whole.rules
        screener, around = self._session.screener, self._background
        held = screener.sentence_inspector(gates.token, around) if asks else None
        cutter = screener.sentence_inspector(gates.cut, around) if gates.cut.rules else None
        text = ChannelText(
            len(self._texts),
            slot.channel,
            screener.inspector(gates.token, held) if asks else None,
            cutter,
            self._session.vault,
            in_json=slot.quoted,
        )
        self._asks.mind(text, held)
        self._asks.mind(text, cutter)
        before = slot.channel.resumes
        if before is not None and before in self._channels and text.inspector is not None:
            text.resume(self._channels[before].text[-_TAIL:])
        self._texts.append(text)
        self._channels[slot.channel] = text
        return text

    # What is decided

    def _end(self, text: ChannelText) -> None:
        if not text.closed:
            text.closed = True
            self._advance(text, final=True)

    def _advance(self, text: ChannelText, *, final: bool = False) -> None:
        """Decide what can be decided of a text that has grown, or has ended."""
        if self._blocked is not None:
            return
        if text.cutter is not None:
            self._mind_sentences(text, text.cutter, final=final)
        if self._gates.whole.rules:
            if text.withheld:
                text.decide(text.length, [Replacement(text.decided, text.length, "")])
            return
        if text.inspector is None:
            text.decide(text.length, [], final=final)
            return
        progress = text.inspector.advance(final=final)
        edits: list[Replacement] = []
        if progress.dropped > text.decided:
            edits.append(Replacement(text.decided, progress.dropped, ""))
        to = progress.settled
        found = progress.inspection
        if found.findings or found.failed or found.scores:
            to, more = self._judge(text, found, to)
            edits += more
        if to > text.decided or final:
            text.decide(to, edits, final=final and to == text.length)

    def _mind_sentences(self, text: ChannelText, cutter: BySentence, *, final: bool) -> None:
        """Rules that let sentences go and cut the answer when one fires."""
        inspection = cutter.advance(final=final).inspection
        if not (inspection.findings or inspection.failed or inspection.scores):
            return
        decision = self._decision(self._gates.cut, {text.number: inspection})
        text.findings += decision.findings
        self._outcome.note(inspection)
        if any(hit.enforced and hit.action >= Action.REDACT for hit in decision.hits):
            self._blocked = decision

    def _judge(self, text: ChannelText, inspection: Inspection, to: int) -> tuple[int, list[Replacement]]:
        """Up to where the text may leave, and with which edits."""
        rules, session = self._gates.token, self._session
        if text.resumed:  # what lies in the text before was dealt with there
            new = tuple(finding for finding in inspection.findings if finding.end > text.resumed)
            inspection = msgspec.structs.replace(inspection, findings=new)
        decision = self._decision(rules, {text.number: inspection})
        text.findings += decision.findings
        self._outcome.note(inspection)
        begin = min((finding.start for finding in decision.findings), default=to)
        stretch = text.slice(begin, max((finding.end for finding in decision.findings), default=begin))
        edits = replacements(decision, rules, text.number, stretch, begin, session.redactor)
        if decision.action is Action.BLOCK:
            self._blocked = decision
            to = _block_start(decision, text.decided)
            # What another rule edits and the block cuts through leaves neither as it is nor edited.
            to = min((edit.start for edit in edits if edit.start < to < edit.end), default=to)
            edits = [edit for edit in edits if edit.end <= to]
        if edits:
            self._keep(decision, text, stretch, begin)
        return to, [_from(text.resumed, edit) for edit in edits]

    def _decide_whole(self) -> None:
        """All rules that hold, over the complete texts."""
        if self._blocked is not None:
            return
        session, holding = self._session, self._holding
        parts = [text.part for text in self._texts]
        inspections = self._inspect(parts, holding.needs)
        decision = holding.decide(
            session.decision_id(Stage.OUTPUT), parts, inspections, session.context, session.versions, 0
        )
        self._outcome.note(*inspections)
        for finding in decision.findings:
            self._texts[finding.part].findings.append(finding)
        if decision.action is Action.BLOCK:
            self._blocked = decision
            return
        edited = False
        for text in self._texts:
            if text.withheld:
                continue
            edits = replacements(decision, holding, text.number, text.text, 0, session.redactor)
            edited = edited or bool(edits)
            text.decide(text.length, edits, final=True)
        if edited:
            rows = finding_rows(decision, session.redactor, lambda f: (parts[f.part], parts[f.part].text, 0))
            self._out.append(Keep(tuple(rows)))

    @property
    def _holding(self) -> Selection:
        """The rules that hold text back."""
        return self._gates.every.narrowed([*self._gates.token.rules, *self._gates.whole.rules])

    def _inspect(self, parts: list[TextPart], needs: Needs) -> list[Inspection]:
        """What is found in complete texts."""
        if self._known:
            return list(self._known)
        session = self._session
        session.output.parts = parts
        around = session.backgrounds(Stage.OUTPUT, needs)
        return session.screener.inspect([part.text for part in parts], needs, backgrounds=around)

    def _decision(self, rules: Selection, inspections: Mapping[int, Inspection]) -> Decision:
        """What `rules` say of findings alone."""
        session = self._session
        return rules.decide(
            session.decision_id(Stage.OUTPUT),
            [text.place for text in self._texts],
            [inspections.get(text.number, _NOTHING) for text in self._texts],
            session.context,
            session.versions,
            0,
        )

    def _keep(self, decision: Decision, text: ChannelText, stretch: str, origin: int) -> None:
        rows = finding_rows(decision, self._session.redactor, lambda _: (text.place, stretch, origin))
        self._out.append(Keep(tuple(rows)))

    # What leaves

    def _go_on(self, now: float) -> list[StreamCommand]:
        if self._ended:
            return []
        self._drain()
        if self._blocked is None:
            self._mind_bounds(now)
        out, self._out = self._out, []
        if self._blocked is not None:
            decision = self._finish()
            out.append(Cut(decision, self._stream.cut(decision.message, decision.decision_id)))
        elif self._asks.askers and (ask := self._asks.next()) is not None:
            out.insert(0, ask)  # before anything that waits for a slow reader
        return out

    def _drain(self) -> None:
        """Send what is decided, in order."""
        queue = self._queue
        while queue:
            pending = queue[0]
            if not pending.decided:
                head = pending.head()
                if head:
                    self._out.append(Send(head))
                return
            queue.popleft()
            self._out.append(Send(pending.encode()))

    def _mind_bounds(self, now: float) -> None:
        """Held-back text is bounded; what follows at the bound is for the rule to say."""
        gates = self._gates
        while self._queue and self._blocked is None:
            waiting = self._queue[0]
            text = waiting.undecided
            held = text.length - text.edited.settled
            if gates.chars is not None and held > gates.chars.limit:
                self._stall(text, gates.chars, f"{held} characters were held back (max_holdback_chars)")
            elif gates.milliseconds is not None and now >= waiting.arrived + gates.milliseconds.limit / 1000:
                self._stall(
                    text, gates.milliseconds, f"{held} characters were held back too long (max_hold_ms)"
                )
            else:
                return
            self._drain()

    def _stall(self, text: ChannelText, bound: Bound, why: str) -> None:
        action = self._outcome.stall(bound, why)
        if action is Action.BLOCK:
            self._blocked = self._outcome.told(self._decision(self._gates.token, {}), blocked=False)
            return
        begin, label = text.decided, _WITHHELD
        if text.inspector is not None:
            if action is Action.REDACT:
                label = self._label(text, text.inspector)
            text.inspector.drop(follow=action is Action.REDACT)
        if self._blocked is not None:
            return
        text.withheld = action is Action.REDACT
        edits = [Replacement(begin, text.length, label)] if text.withheld and begin < text.length else []
        text.decide(text.length, edits, final=True)

    def _label(self, text: ChannelText, inspector: Reader) -> str:
        """What stands for held-back text: what its rule would put there where all of it is one finding
        already, so that an endless value is edited as it would be in one piece."""
        _, edits = self._judge(text, inspector.provisional(), text.decided)
        first = edits[0] if edits else None
        whole = first is not None and (first.start, first.end) == (text.decided, text.length)
        return first.text if first is not None and whole else _WITHHELD

    # How it ends

    def _finish(self, unread: Collection[str] = ()) -> Decision:
        """The decision about the whole answer, which the session and the record get. `unread`: detectors that
        did not come to read all of it."""
        self._ended = True
        session, gates = self._session, self._gates
        parts = [text.part for text in self._texts]
        found = [list(text.findings) for text in self._texts]
        if gates.rest.detectors and self._blocked is None:
            for number, more in enumerate(self._inspect(parts, gates.rest.needs)):
                self._outcome.note(more)
                known = set(map(_at, found[number]))
                found[number] += [finding for finding in more.findings if _at(finding) not in known]
        decision = gates.every.decide(
            session.decision_id(Stage.OUTPUT),
            parts,
            self._outcome.inspections(found),
            session.context,
            session.versions,
            self.elapsed_us,
        )
        blocked = self._blocked is not None
        decision = self._outcome.told(decision, blocked=blocked, unread=unread)
        screened = Screened.PARTLY if self._stream.unread else Screened.YES
        session.streamed(parts, Screened.NO_RULE if gates.every.empty else screened, decision)
        return decision


def _block_start(decision: Decision, begin: int) -> int:
    """Where the text ends that may leave: before the first finding that blocks; at once for another cause."""
    blocking = [hit for hit in decision.hits if hit.enforced and hit.action is Action.BLOCK]
    starts = [decision.findings[index].start for hit in blocking for index in hit.findings]
    return min(starts) if all(hit.findings for hit in blocking) else begin


def _from(start: int, edit: Replacement) -> Replacement:
    """An edit of what has not left."""
    return edit if edit.start >= start else Replacement(start, edit.end, edit.text)


def _at(finding: Finding) -> tuple[str, str, int, int]:
    return finding.detector, finding.type, finding.start, finding.end
