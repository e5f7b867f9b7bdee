"""The states of a unary exchange.

    request -> [inspecting input] -> forwarded -> [inspecting output] -> done
                       |                                  |
                       +------------> refused <-----------+

Each state is a method that takes the one event that may come next and returns the command. Invariants:
- a text reaches the model or the caller only through Forward or Answer, after every enforced rule was asked;
- output is screened first and pseudonyms are restored last, so records and decisions never see a restored
  value;
- the session keeps the screener that it began with;
- a state is kept as a plain function, not as a bound method: a session that holds itself would wait for the
  collector, with all the texts that it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sentinel.core.background import NO_BACKGROUND, Background
from sentinel.core.decision import Action, Decision
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.needs import Needs
from sentinel.core.quoting import quoted
from sentinel.core.record import Screened
from sentinel.core.redact import Redactor
from sentinel.guard.backgrounds import backgrounds
from sentinel.guard.commands import Answer, Command, Forward, Inspect, Refuse
from sentinel.guard.events import Event, Inspected, RequestRead, ResponseRead, Unreadable
from sentinel.guard.screener import Screener
from sentinel.policy.engine import Selection
from sentinel.policy.operators import edit
from sentinel.policy.vault import Vault


class StageFacts:
    """What is known about one stage so far: its texts, whether rules read them, and what they decided."""

    __slots__ = ("decision", "parts", "screened")

    def __init__(self) -> None:
        self.parts: list[TextPart] = []
        self.screened = Screened.NOT_REACHED
        self.decision: Decision | None = None


class Session:
    """One exchange. `receive` takes events in the order in which they happen and returns one command for
    each.
    """

    __slots__ = (
        "_schema",
        "_selection",
        "_state",
        "_vault",
        "context",
        "exchange_id",
        "input",
        "output",
        "redactor",
        "screener",
    )

    def __init__(
        self,
        screener: Screener,
        context: CallContext,
        exchange_id: str,
        redactor: Redactor,
        vault: Vault | None = None,
    ) -> None:
        self.screener = screener
        self.context = context
        self.exchange_id = exchange_id
        self.redactor = redactor
        self.input = StageFacts()
        self.output = StageFacts()
        self._vault = vault
        self._schema = ""
        self._selection: Selection
        self._state: State = Session._awaiting_request

    def receive(self, event: Event) -> Command:
        """Advance by one event. Raises TypeError on an event that the current state cannot have."""
        return self._state(self, event)

    @property
    def decision(self) -> Decision | None:
        """The strictest decision so far, the earlier one on a tie; None when no rule was asked."""
        given, made = self.input.decision, self.output.decision
        if given is None or made is None:
            return given or made
        return made if made.action > given.action else given

    @property
    def vault(self) -> Vault | None:
        """The pseudonyms of this exchange, where there are any."""
        return self._vault

    @property
    def versions(self) -> Mapping[str, str]:
        return self.screener.versions

    def decision_id(self, stage: Stage) -> str:
        return self.exchange_id + (".input" if stage is Stage.INPUT else ".output")

    def backgrounds(self, stage: Stage, needs: Needs) -> Sequence[Background]:
        """What stands around each text of a stage; empty where no detector minds."""
        if not self.screener.minds_background(needs):
            return ()
        parts = self.input.parts if stage is Stage.INPUT else self.output.parts
        return backgrounds(stage, self.input.parts, parts, self._schema)

    def answer_background(self, needs: Needs) -> Background:
        """The same for the answer as a whole, while it streams."""
        if not self.screener.minds_background(needs):
            return NO_BACKGROUND
        return backgrounds(Stage.OUTPUT, self.input.parts, [TextPart(Role.ANSWER, "", "")], self._schema)[0]

    def streams(self) -> Selection:
        """The answer comes as a stream, screened outside (guard.answer): its rules."""
        if self._state is not Session._awaiting_response:
            raise TypeError("an answer has to follow a request that was forwarded")
        self._state = Session._done
        return self.screener.policy.select(Stage.OUTPUT, self.context)

    def streamed(self, parts: list[TextPart], screened: Screened, decision: Decision | None) -> None:
        """What a streamed answer was, and what was decided about it."""
        self.output.parts, self.output.screened, self.output.decision = parts, screened, decision

    def _awaiting_request(self, event: Event) -> Command:
        if isinstance(event, Unreadable):
            return self._unreadable(event, self.input, Forward(), Session._awaiting_response)
        if not isinstance(event, RequestRead):
            raise _unexpected(event, "a request")
        self.input.parts, self._schema = event.parts, event.schema
        self.input.screened = Screened.PARTLY if event.partly else Screened.YES
        return self._screen(Stage.INPUT, self.input, Session._inspecting_input, self._forward)

    def _inspecting_input(self, event: Event) -> Command:
        return self._decide(event, self.input, self._forward)

    def _awaiting_response(self, event: Event) -> Command:
        if isinstance(event, Unreadable):
            return self._unreadable(event, self.output, Answer(), Session._done)
        if not isinstance(event, ResponseRead):
            raise _unexpected(event, "a response")
        self.output.parts = event.parts
        self.output.screened = Screened.PARTLY if event.partly else Screened.YES
        return self._screen(Stage.OUTPUT, self.output, Session._inspecting_output, self._answer)

    def _inspecting_output(self, event: Event) -> Command:
        return self._decide(event, self.output, self._answer)

    def _done(self, event: Event) -> Command:
        raise _unexpected(event, "nothing: the exchange has ended")

    def _screen(
        self,
        stage: Stage,
        facts: StageFacts,
        inspecting: State,
        release: Callable[[list[str] | None], Command],
    ) -> Command:
        self._selection = selection = self.screener.policy.select(stage, self.context)
        if selection.empty:
            facts.screened = Screened.NO_RULE
            return release(None)
        self._state = inspecting
        texts = [part.text for part in facts.parts]
        return Inspect(
            texts, selection.needs, selection.deadline_ms, self.backgrounds(stage, selection.needs)
        )

    def _decide(
        self, event: Event, facts: StageFacts, release: Callable[[list[str] | None], Command]
    ) -> Command:
        if not isinstance(event, Inspected):
            raise _unexpected(event, "the detectors' answer")
        stage = Stage.INPUT if facts is self.input else Stage.OUTPUT
        facts.decision = decision = self._selection.decide(
            self.decision_id(stage),
            facts.parts,
            event.inspections,
            self.context,
            self.screener.versions,
            event.elapsed_us,
        )
        if decision.action is Action.BLOCK:
            self._state = Session._done
            return Refuse(decision)
        if decision.action is Action.REDACT:
            if self._vault is None:
                self._vault = Vault()
            return release(edit(decision, self._selection, facts.parts, self._vault, self.redactor))
        return release(None)

    def _unreadable(self, event: Unreadable, facts: StageFacts, onward: Command, following: State) -> Command:
        facts.screened = event.screened
        self._state = following
        if event.screened is Screened.UNKNOWN_METHOD:
            return onward  # whether such a method passes is `unknown_methods` to say: rules are about prompts
        selection = self.screener.policy.select_unread(event.stage, self.context)
        if selection.empty:
            return onward
        facts.decision = decision = selection.decide_unscreenable(
            self.decision_id(event.stage), self.context, event.why
        )
        if decision.action is Action.BLOCK:
            self._state = Session._done
            return Refuse(decision)
        return onward

    def _forward(self, texts: list[str] | None) -> Command:
        self._state = Session._awaiting_response
        if texts is None and self._vault is not None and self._vault.always:
            before = [part.text for part in self.input.parts]
            escaped = list(map(self._vault.escape, before))
            texts = escaped if escaped != before else None
        return Forward(texts)

    def _answer(self, texts: list[str] | None) -> Command:
        self._state = Session._done
        vault = self._vault
        if vault is not None and not vault.empty:
            parts = self.output.parts
            texts = [
                vault.restore(text, quoted if part.quoted else None)
                for part, text in zip(parts, texts or [part.text for part in parts], strict=True)
            ]
        return Answer(texts)


State = Callable[[Session, Event], Command]


def _unexpected(event: Event, wanted: str) -> TypeError:
    return TypeError(f"got {type(event).__name__}, expected {wanted}")
