"""`ModelStreamInfer`: the answers to the requests of one call, as elements.

- Each element of a BYTES output is a channel, unless the output only describes the text beside it (`side`).
- A text that stands complete in its message (a parameter, an error) is a channel of its own, which its
  element ends; the same text again in a later message is the same channel.
- Once an answer was edited its side data are dropped, for they may repeat what the edit removed. So are
  numbers that come without the text they describe, for they run ahead of what is decided.
- The request that a message answers is found by its id (`_router`), its dialect message by message
  (`_infer_dialects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.adapters._characters import Cuts
from sentinel.adapters._infer_dialects import FINAL, Dialect, MessageReader, StreamMessage
from sentinel.adapters._infer_shape import Shape, shape_of
from sentinel.adapters._parameters import Spot, read_parameters, write_parameters
from sentinel.adapters._router import Router
from sentinel.adapters._tensors import Naming, Place, Reading, places_of, remove, tensor_of, write
from sentinel.adapters.base import Element, Routed, Slot
from sentinel.core.errors import WireError
from sentinel.core.exchange import Channel, Role

if TYPE_CHECKING:
    from sentinel.adapters.base import DecodedRequest
    from sentinel.pb.open_inference_pb2 import ModelInferResponse

_ASK_KEY = b"triton_enable_empty_final_response"
# The parameter set to true, as an entry of field 4 of a request.
_ASK_ENTRY = b"\x0a" + bytes([len(_ASK_KEY)]) + _ASK_KEY + b"\x12\x02\x08\x01"
_ASK_FINAL = b"\x22" + bytes([len(_ASK_ENTRY)]) + _ASK_ENTRY
_MOST_CHANNELS = 4096

# Where a slot's text lies: an element of a tensor, a parameter, or field 1 of the message.
_Where = tuple[Place | None, Spot | None]
_FIELD_1: _Where = (None, None)


class StreamRules(msgspec.Struct, frozen=True):
    """What the settings say about streams. `answers` are the answer outputs' names in lower case, `is_side`
    tells names of side data, `counts` reads (input, output) tokens."""

    read: MessageReader
    naming: Naming
    answers: frozenset[str]
    is_side: Callable[[str], bool]
    counts: Callable[[ModelInferResponse], tuple[int, int]]
    dialect: Dialect | None
    cumulative: bool


class InferCall:
    """One call: its requests and their answers. `dialect` is None until a message has told it."""

    def __init__(self, rules: StreamRules, metadata: Mapping[str, str]) -> None:
        self.rules = rules
        self.dialect = rules.dialect
        # Triton's way to ask for errors as a status, which ends the call.
        self.errors_in_band = metadata.get("triton_grpc_error", "").lower() != "true"
        self._router: Router[InferAnswer] = Router()
        self._shaped: tuple[Shape, InferElement] | None = (
            None  # how the last message was made, and what it was
        )

    def open(self, request: DecodedRequest, payload: bytes) -> tuple[InferAnswer, bytes]:
        """Triton leaves out a last message that would be empty, and then nobody knows that a request is done
        before the call ends. So that message is asked for, and kept from a caller who did not ask for it."""
        answer = InferAnswer(self, request)
        self._shaped = None
        self._router.open(answer, request.request_id, request.model)
        if self.dialect is Dialect.MLSERVER or _ASK_ENTRY in payload:
            answer.asked_final = True
            return answer, payload
        return answer, payload + _ASK_FINAL  # protobuf merges what is appended

    @property
    def apart(self) -> bool | None:
        """MLServer gives a call's requests to the model as one stream, and every answer the first one's id
        (mlserver/handlers/dataplane.py, `infer_stream`): neither id nor order tells whose it is, nor does any
        message say that it is the last."""
        return None if self.dialect is None else self.dialect is Dialect.TRITON

    def clashes(self, request: DecodedRequest) -> bool:
        return self._router.clashes(request.request_id, request.model)

    def feed(self, data: bytes) -> Routed:
        if self._shaped is not None:
            shape, before = self._shaped
            text = shape.text(data)
            if text is not None:
                return Routed(before.answer, [before.like(data, text)])
        return self._feed(data)

    def _feed(self, data: bytes) -> Routed:
        message = self.read(data)
        response = message.response
        strangers = message.dialect is Dialect.MLSERVER
        answer = self._router.find(response.id, response.model_name, strangers=strangers)
        if answer is None:
            raise WireError("an answer to no open request")
        last = message.last
        element = answer.take(message, data, last=last)
        shape = shape_of(data, element.slots[0].text) if element.plain and not last else None
        self._shaped = None if shape is None else (shape, element)
        if last:
            self._router.close(answer)
        silent = last and not answer.asked_final and not (element.slots or response.outputs)
        return Routed(answer, [element], last, silent)

    def read(self, data: bytes) -> StreamMessage:
        message = self.rules.read(data, self.dialect)
        self.dialect = message.dialect
        return message

    def close(self) -> list[InferAnswer]:
        """The call has ended: the answers whose last message did not come, closed."""
        left = self._router.items
        for answer in left:
            self._router.close(answer)
        return left


class InferAnswer:
    """The streamed answer to one request. `unread` names the outputs that held no text, at most 16."""

    def __init__(self, call: InferCall, request: DecodedRequest) -> None:
        self.model = request.model
        self.response_id = ""
        self.input_tokens = 0
        self.output_tokens = 0
        self.unread: tuple[str, ...] = ()
        self.edited = False
        self.asked_final = False
        self.rules = call.rules
        self._call = call
        self._asked_model = request.model
        self._request_id = request.request_id
        self._cuts = Cuts(repeats=call.rules.cumulative)
        self._channels: dict[str, Channel] = {}
        self._open: dict[Channel, None] = {}
        self._content = ""  # the output that is the channel `content`: the first of an answer's name
        self._complete_texts: dict[Spot, tuple[str, Channel]] = {}
        self._once = 0

    def feed(self, data: bytes) -> list[Element]:
        message = self._call.read(data)
        return [self.take(message, data, last=message.last)]

    def close(self) -> list[Element]:
        self._cuts.end()
        return []

    def cut(self, message: str, decision_id: str) -> bytes:
        from sentinel.pb import open_inference_pb2 as pb

        call = self._call
        if call.dialect is not Dialect.TRITON or not call.errors_in_band:
            return b""
        named = pb.ModelInferResponse(model_name=self._asked_model, id=self._request_id)
        named.parameters[FINAL].bool_param = True
        named.parameters["sentinel_decision_id"].string_param = decision_id
        return pb.ModelStreamInferResponse(error_message=message, infer_response=named).SerializeToString()

    def take(self, message: StreamMessage, data: bytes, *, last: bool) -> InferElement:
        """The element of a message that belongs to this answer. Raises WireError on texts that cannot be
        read."""
        response, rules = message.response, self.rules
        reading, data = self._read(message, data, last)
        outputs = response.outputs[:]  # a list, in a quarter of the time that the sequence takes
        described = any([rules.is_side(output.name) for output in outputs])
        side = self._side(reading, rules) if described else ()
        slots: list[Slot] = []
        places: list[_Where] = []
        once: list[Channel] = []
        if message.said and (message.dialect is Dialect.TRITON or message.said != self._asked_model):
            kind = "model_name" if message.dialect is Dialect.MLSERVER else "error"
            slots.append(self._complete((-2, kind), kind, message.said, once))
            places.append(_FIELD_1)
        for part, place in zip(reading.parts, reading.places, strict=True):
            if side and place[:2] in side:
                continue
            slots.append(Slot(self._goes_on(part.path), part.text, rules.cumulative))
            places.append((place, None))
        if len(slots) > 1 and len({slot.channel for slot in slots}) < len(slots):
            raise WireError("outputs of one name, or one both typed and raw: nobody knows which is read")
        if message.parametrised or any([output.parameters for output in outputs]):
            parts, spots = read_parameters(response, outputs, Role.ANSWER)
            for part, spot in zip(parts, spots, strict=True):
                slots.append(self._complete(spot, part.path, part.text, once))
                places.append((None, spot))
        if last:
            once += self._open
            self._open = {}
        self._note(response, reading, len(outputs))
        element = InferElement(self, message, data, slots, places, once, described)
        element.ahead = described and self._runs_ahead(reading, rules)
        # One text that goes on and nothing that counts or describes: the next message may be made alike.
        alone = len(outputs) == len(slots) == 1 and not (once or described or reading.unread)
        element.plain = alone and not (rules.cumulative or self._cuts.waiting)
        return element

    def _read(self, message: StreamMessage, data: bytes, last: bool) -> tuple[Reading, bytes]:
        """The message's texts, and its bytes where characters cut by their message's end have moved."""
        response, naming, cuts = message.response, self.rules.naming, self._cuts
        if not cuts.waiting:
            try:
                reading = Reading(naming, response.outputs, response.raw_output_contents)
                if not reading.unread:
                    return reading, data
            except WireError:
                pass  # perhaps for a character that goes on in the next message
        if cuts.mend(response, naming, last=last):
            data = message.whole.SerializeToString()
        return Reading(naming, response.outputs, response.raw_output_contents), data

    def _side(self, reading: Reading, rules: StreamRules) -> set[tuple[bool, int]]:
        """Places of BYTES outputs that describe the text of another. Where no other has text, they are what
        there is to read: servers hold text back whose tokens they tell already."""
        described = [rules.is_side(_name(part.path)) for part in reading.parts]
        if not any(described):
            return set()
        pairs = list(zip(described, reading.parts, reading.places, strict=True))
        if not any(part.text for is_side, part, _ in pairs if not is_side):
            return set()
        return {place[:2] for is_side, _, place in pairs if is_side}

    def _runs_ahead(self, reading: Reading, rules: StreamRules) -> bool:
        """Whether the message has no text of an answer that has some. One of numbers alone describes none."""
        texts = [part.text for part in reading.parts if not rules.is_side(_name(part.path))]
        return not any(texts) and bool(texts or self._content)

    def _goes_on(self, path: str) -> Channel:
        channel = self._channels.get(path)
        if channel is None:
            if len(self._channels) == _MOST_CHANNELS:
                raise WireError(f"an answer of more than {_MOST_CHANNELS} texts")
            output, _, number = path.rpartition("[")
            name = _name(path)
            if not self._content and name in self.rules.answers:
                self._content = name
            kind = "content" if name == self._content else output.lower()
            channel = self._channels[path] = Channel(int(number[:-1]), kind)
        self._open[channel] = None
        return channel

    def _complete(self, spot: Spot, kind: str, text: str, ends: list[Channel]) -> Slot:
        """A text that is complete in its message. Servers repeat such texts (a content type, say) with every
        message: one that does not change is one channel, which is screened once."""
        before = self._complete_texts.get(spot)
        if before is None or before[0] != text:
            if self._once == self.rules.naming.max_texts:
                raise WireError(f"an answer of more than {self._once} parameters or errors")
            self._once += 1
            before = self._complete_texts[spot] = text, Channel(0, kind, self._once)
        ends.append(before[1])
        return Slot(before[1], text, whole=True)

    def _note(self, response: ModelInferResponse, reading: Reading, outputs: int) -> None:
        self.model = response.model_name or self.model
        self.response_id = response.id or self.response_id
        if reading.unread and not self.unread:
            self.unread = reading.unread
        if outputs > 1:  # an answer and a count
            asked, made = self.rules.counts(response)
            self.input_tokens = asked or self.input_tokens
            self.output_tokens += made  # each message counts its own


class InferElement:
    """One message. It tells side data with its texts as they came, never with others."""

    __slots__ = (
        "ahead",
        "answer",
        "ends",
        "plain",
        "slots",
        "_data",
        "_described",
        "_message",
        "_places",
        "_told",
    )

    def __init__(
        self,
        answer: InferAnswer,
        message: StreamMessage,
        data: bytes,
        slots: list[Slot],
        places: list[_Where],
        ends: list[Channel],
        described: bool,
    ) -> None:
        self.slots: Sequence[Slot] = slots
        self.ends: Sequence[Channel] = ends
        self.answer = answer
        self.plain = self.ahead = False
        self._data = data
        self._described = described
        self._message = message
        self._places = places
        self._told: list[str] | None = None
        """What heads have told so far of each slot."""

    def like(self, data: bytes, text: str) -> InferElement:
        """The element of a message that is made like this one, with another text."""
        slots = [Slot(self.slots[0].channel, text)]
        return InferElement(self.answer, self._message, data, slots, self._places, [], False)

    def encode(self, texts: Sequence[str] | None = None) -> bytes:
        slots, told = self.slots, self._told
        if texts is None and told is None and not self._described:
            return self._data
        if texts is None:
            texts, same = [slot.text for slot in slots], True
        elif len(texts) != len(slots):
            raise ValueError("one text for each slot is needed")
        elif told is None:
            same = all([slot.text == text for slot, text in zip(slots, texts, strict=True)])
        else:
            same = all([slot.text == a + b for slot, a, b in zip(slots, told, texts, strict=True)])
        if not same:
            self.answer.edited = True
        drop = self._described and (self.ahead or self.answer.edited)
        if same and told is None and not drop:
            return self._data
        whole, response = self._fresh()
        self._write(whole, response, texts)
        if drop:
            self._drop(response)
        return bytes(whole.SerializeToString())

    def head(self, texts: Sequence[str]) -> bytes:
        slots = self.slots
        if len(texts) != len(slots):
            raise ValueError("one text for each slot is needed")
        whole, response = self._fresh()
        told = self._told or [""] * len(slots)
        # What is complete in its message is told once, by `encode`.
        early = [text if place else "" for text, (place, _) in zip(texts, self._places, strict=True)]
        self._write(whole, response, early)
        spoken, outputs, raw = self._spoken(response), response.outputs, response.raw_output_contents
        texts_at = {place for place, _ in self._places}
        others = [at for index in spoken for at in places_of(outputs, raw, index) if at not in texts_at]
        write(outputs, raw, [(place, b"") for place in others])
        remove(outputs, raw, [index for index in range(len(outputs)) if index not in spoken])
        final = FINAL in response.parameters
        response.parameters.clear()
        for output in response.outputs:
            output.parameters.clear()
        if final:
            response.parameters[FINAL].bool_param = False
        self._told = [
            before if slot.whole else before + text
            for slot, before, text in zip(slots, told, texts, strict=True)
        ]
        return bytes(whole.SerializeToString())

    def _fresh(self) -> tuple[Any, ModelInferResponse]:
        whole: Any = type(self._message.whole).FromString(self._data)
        bare = self._message.response is self._message.whole
        return whole, whole if bare else whole.infer_response

    def _write(self, whole: Any, response: ModelInferResponse, texts: Sequence[str]) -> None:
        edits: list[tuple[Place, bytes]] = []
        parameters: list[tuple[Spot, str]] = []
        for slot, (place, spot), text in zip(self.slots, self._places, texts, strict=True):
            if text == slot.text:
                continue
            if place is not None:
                edits.append((place, text.encode()))
            elif spot is not None:
                parameters.append((spot, text))
            elif whole is response:
                whole.model_name = text
            else:
                whole.error_message = text
        write(response.outputs, response.raw_output_contents, edits)
        write_parameters(response, response.outputs, parameters)

    def _drop(self, response: ModelInferResponse) -> None:
        spoken, is_side = self._spoken(response), self.answer.rules.is_side
        gone = [at for at, output in enumerate(response.outputs) if at not in spoken and is_side(output.name)]
        remove(response.outputs, response.raw_output_contents, gone)

    def _spoken(self, response: ModelInferResponse) -> set[int]:
        """The outputs that hold slots."""
        outputs, raw = response.outputs, response.raw_output_contents
        return {tensor_of(outputs, raw, place) for place, _ in self._places if place}


def _name(path: str) -> str:
    """`outputs[Text_Output][0]` -> `text_output`."""
    return path[len("outputs[") : path.rindex("[") - 1].lower()
