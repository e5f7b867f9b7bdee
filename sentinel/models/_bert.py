"""A BERT encoder's weights, written as two ONNX graphs in int8: the layers that heads read, and the rest.

The graphs are written node by node, not traced from a running model, so preparing them needs neither torch
nor transformers. Shapes: B texts, S tokens, H the hidden width, F features, K heads.

    lower   input_ids, attention_mask (B, S) int64
              -> word + position embeddings -> layer norm -> the layers up to the last one that is tapped
              -> `logits` (B, K) and what each token adds to them, the maxima apart: `tokens` (B, S, K);
                 without heads the means and maxima of layers' token states: `features` (B, F)
              -> `state` (B, S, H)
    upper   state, attention_mask -> `back` -> the other layers -> `embedding` (B, H): the mean of states, of
            length 1

Most texts are scored and never embedded, so they never see the upper half. Weights have eight bits and a
scale per output channel, word embeddings eight bits and a scale per row; activations are quantised while it
runs, evened by each token's largest value, so that a text yields nearly the same whatever its batch holds.
The two forms of such weights, `uint8` and `int8`, hold the same numbers and yield the same to the last bit;
see `_processor`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Stored = Literal["float32", "uint8", "int8"]  # what weights of matrices are kept as
_MICROSOFT = "com.microsoft"
_ZERO: dict[Stored, int] = {"uint8": 128, "int8": 0}


class Shape(msgspec.Struct, frozen=True):
    """What of a BERT's config.json the graph depends on; field names as there."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"
    max_position_embeddings: int = 512
    model_type: str = "bert"


class Heads(msgspec.Struct, frozen=True):
    """Linear heads over `features`: weight (F, K) float32, bias (K,) float32."""

    weight: Array
    bias: Array


class Taps(msgspec.Struct, frozen=True):
    """The layers (1-based) whose token states' mean, and whose maximum, are features."""

    means: tuple[int, ...]
    maxima: tuple[int, ...]


def lower(
    shape: Shape, weights: Mapping[str, Array], taps: Taps, heads: Heads | None, stored: Stored = "uint8"
) -> bytes:
    """The serialised lower graph, without `heads` up to `features` and `state`. Needs the package onnx."""
    graph = _Graph(shape, weights, stored)
    graph.embeddings()
    states = [graph.layer(index) for index in range(max(taps.means + taps.maxima))]
    if heads is None:
        graph.features(states, taps)
    else:
        graph.heads(states, taps, heads)
    graph.state()
    return graph.serialised(["input_ids", "attention_mask"])


def upper(
    shape: Shape,
    weights: Mapping[str, Array],
    taps: Taps,
    stored: Stored = "uint8",
    back: Array | None = None,
) -> bytes:
    """The serialised upper graph. `back` (H + 1, H): where layers below have adapters, the linear map from
    what they give to what the other layers know, its last row the offset."""
    graph = _Graph(shape, weights, stored)
    graph.enter(back)
    for index in range(max(taps.means + taps.maxima), shape.num_hidden_layers):
        graph.layer(index)
    graph.embedding()
    return graph.serialised(["state", "attention_mask"])


class _Graph:
    def __init__(self, shape: Shape, weights: Mapping[str, Array], stored: Stored) -> None:
        import onnx

        self._onnx: Any = onnx
        self._shape, self._weights, self._stored = shape, weights, stored
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._outputs: list[Any] = []
        self._state = ""
        self._even: dict[str, tuple[str, str]] = {}

    # Pieces

    def _constant(self, name: str, value: Array) -> str:
        self._initializers.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(
        self, kind: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any
    ) -> str:
        node = self._onnx.helper.make_node(kind, list(inputs), [output], output, domain=domain, **attributes)
        self._nodes.append(node)
        return output

    def _weight(self, name: str) -> Array:
        return np.asarray(self._weights[name], np.float32)

    def _linear(self, state: str, name: str, weight: Array, bias: Array) -> str:
        """`state` (..., in) times `weight` (out, in), plus `bias`."""
        if self._stored == "float32":
            product = self._node(
                "MatMul", [state, self._constant(f"{name}.weight", weight.T)], f"{name}.product"
            )
            return self._node("Add", [product, self._constant(f"{name}.bias", bias)], name)
        scale = np.maximum(np.abs(weight).max(1), 1e-8) / 127.0
        zero = _ZERO[self._stored]
        rounded = (np.rint(weight / scale[:, None]) + zero).astype(self._stored).T
        near, largest = self._evened(state)
        inputs = [
            near,
            self._constant(f"{name}.weight", rounded),
            self._constant(f"{name}.scale", scale.astype(np.float32)),
            self._constant(f"{name}.zero", np.full(len(scale), zero, self._stored)),
        ]
        product = self._node("DynamicQuantizeMatMul", inputs, f"{name}.near", _MICROSOFT)
        product = self._node("Mul", [product, largest], f"{name}.product")
        return self._node("Add", [product, self._constant(f"{name}.bias", bias)], name)

    def _evened(self, state: str) -> tuple[str, str]:
        """Token states by their largest value, and that value. One scale serves all that is multiplied at
        once: so it is every token's own, and no text is rounded as another in its batch needs it."""
        if state not in self._even:
            size = self._node("Abs", [state], f"{state}.size")
            axis = self._constant(f"{state}.axis", np.array([-1], np.int64))
            largest = self._node("ReduceMax", [size, axis], f"{state}.most", keepdims=1)
            least = self._constant(f"{state}.least", np.array(1e-6, np.float32))
            largest = self._node("Max", [largest, least], f"{state}.largest")
            self._even[state] = self._node("Div", [state, largest], f"{state}.even"), largest
        return self._even[state]

    def _norm(self, state: str, residual: str, name: str) -> str:
        """Layer norm of the sum."""
        scale = self._constant(f"{name}.weight", self._weight(f"{name}.weight"))
        bias = self._constant(f"{name}.bias", self._weight(f"{name}.bias"))
        total = self._node("Add", [state, residual], f"{name}.sum")
        epsilon = self._shape.layer_norm_eps
        return self._node("LayerNormalization", [total, scale, bias], name, axis=-1, epsilon=epsilon)

    # The encoder

    def embeddings(self) -> None:
        table = self._weight("embeddings.word_embeddings.weight")
        scale = np.maximum(np.abs(table).max(1, keepdims=True), 1e-8) / 127.0
        rows = self._constant("words", np.rint(table / scale).astype(np.int8))
        picked = self._node("Gather", [rows, "input_ids"], "words.picked")
        wide = self._node("Cast", [picked], "words.wide", to=self._onnx.TensorProto.FLOAT)
        scales = self._node(
            "Gather", [self._constant("words.scale", scale.astype(np.float32)), "input_ids"], "words.scales"
        )
        words = self._node("Mul", [wide, scales], "words.state")
        # Every token is of segment 0: its embedding goes with the position's.
        places = self._weight("embeddings.position_embeddings.weight")
        places = places + self._weight("embeddings.token_type_embeddings.weight")[0]
        length = self._node("Shape", ["input_ids"], "length", start=1, end=2)
        ends = [self._constant("zero", np.array([0], np.int64)), length]
        near = self._node("Slice", [self._constant("places", places), *ends], "places.near")
        self._state = self._norm(words, near, "embeddings.LayerNorm")
        self._padding()

    def layer(self, index: int) -> str:
        """One transformer layer; gives the name of its token states."""
        name = f"encoder.layer.{index}"
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        triple = [
            self._linear(self._state, part, self._weight(f"{part}.weight"), self._weight(f"{part}.bias"))
            for part in parts
        ]
        attended = self._attention(triple, f"{name}.attention")
        state = self._norm(
            self._dense(attended, f"{name}.attention.output.dense"),
            self._state,
            f"{name}.attention.output.LayerNorm",
        )
        inner = self._node(
            "Gelu", [self._dense(state, f"{name}.intermediate.dense")], f"{name}.gelu", _MICROSOFT
        )
        self._state = self._norm(
            self._dense(inner, f"{name}.output.dense"), state, f"{name}.output.LayerNorm"
        )
        return self._state

    def _attention(self, triple: Sequence[str], name: str) -> str:
        """Without padding there is no mask to add, and the scores are never written out."""
        branches = {}
        for branch, inputs in (("then", [*triple, "", "padding"]), ("else", list(triple))):
            output = f"{name}.{branch}"
            node = self._onnx.helper.make_node(
                "MultiHeadAttention",
                inputs,
                [output],
                output,
                domain=_MICROSOFT,
                num_heads=self._shape.num_attention_heads,
            )
            shape = ["texts", "tokens_in_text", self._shape.hidden_size]
            told = self._onnx.helper.make_tensor_value_info(output, self._onnx.TensorProto.FLOAT, shape)
            branches[f"{branch}_branch"] = self._onnx.helper.make_graph([node], output, [], [told])
        return self._node("If", ["padded"], name, **branches)

    def _padding(self) -> None:
        padding = self._node("Cast", ["attention_mask"], "padding", to=self._onnx.TensorProto.INT32)
        least = self._node("ReduceMin", [padding], "padding.least", keepdims=0)
        kept = self._node("Cast", [least], "padding.none", to=self._onnx.TensorProto.BOOL)
        self._node("Not", [kept], "padded")

    def _dense(self, state: str, name: str) -> str:
        return self._linear(state, name, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"))

    # What is read from it

    def enter(self, back: Array | None) -> None:
        """Where the lower graph ends."""
        self._state = "state"
        if back is not None:
            self._state = self._linear("state", "back", back[:-1].T, back[-1])
        self._padding()

    def state(self) -> None:
        self._node("Identity", [self._state], "state")
        self._output("state", ["texts", "tokens_in_text", self._shape.hidden_size])

    def _masks(self) -> None:
        mask = self._node("Cast", ["attention_mask"], "mask.float", to=self._onnx.TensorProto.FLOAT)
        last_axis = self._constant("last_axis", np.array([-1], np.int64))
        self._constant("tokens_axis", np.array([1], np.int64))
        self._node("Unsqueeze", [mask, last_axis], "mask")
        self._node("ReduceSum", [mask, "tokens_axis"], "counts", keepdims=1)

    def _mean(self, state: str, name: str) -> str:
        kept = self._node("Mul", [state, "mask"], f"{name}.kept")
        total = self._node("ReduceSum", [kept, "tokens_axis"], f"{name}.total", keepdims=0)
        return self._node("Div", [total, "counts"], name)

    def features(self, states: Sequence[str], taps: Taps) -> None:
        self._masks()
        means = [self._mean(states[layer - 1], f"mean.{layer}") for layer in taps.means]
        pools = means + self._maxima(states, taps)
        self._node("Concat", pools, "features", axis=1)
        self._output("features", ["texts", len(pools) * self._shape.hidden_size])

    def _maxima(self, states: Sequence[str], taps: Taps) -> list[str]:
        one = self._constant("one", np.array(1.0, np.float32))
        away = self._node("Sub", ["mask", one], "away")  # 0 for a token, -1 for padding
        far = self._node("Mul", [away, self._constant("far", np.array(1e4, np.float32))], "far.mask")
        peaks = []
        for layer in taps.maxima:
            lowered = self._node("Add", [states[layer - 1], far], f"lowered.{layer}")
            peaks.append(self._node("ReduceMax", [lowered, "tokens_axis"], f"peak.{layer}", keepdims=0))
        return peaks

    def embedding(self) -> None:
        self._masks()
        self._node("LpNormalization", [self._mean(self._state, "mean")], "embedding", axis=1, p=2)
        self._output("embedding", ["texts", self._shape.hidden_size])

    def heads(self, states: Sequence[str], taps: Taps, heads: Heads) -> None:
        """A head is linear: the mean of what tokens add is what their mean adds, in K numbers and not F."""
        self._masks()
        count = heads.weight.shape[1]
        parts = np.split(heads.weight.astype(np.float32), len(taps.means) + len(taps.maxima))
        bias = self._constant("heads.bias", heads.bias.astype(np.float32))
        added = [
            self._node(
                "MatMul", [states[layer - 1], self._constant(f"heads.{layer}", part)], f"tokens.{layer}"
            )
            for layer, part in zip(taps.means, parts, strict=False)
        ]
        self._node("Sum", added, "tokens")
        self._output("tokens", ["texts", "tokens_in_text", count])
        total = [bias, self._mean("tokens", "tokens.mean")]
        for peak, part in zip(self._maxima(states, taps), parts[len(taps.means) :], strict=True):
            total.append(self._node("MatMul", [peak, self._constant(f"heads.{peak}", part)], f"{peak}.added"))
        self._node("Sum", total, "logits")
        self._output("logits", ["texts", count])

    def _output(self, name: str, dimensions: list[Any]) -> None:
        make = self._onnx.helper.make_tensor_value_info
        self._outputs.append(make(name, self._onnx.TensorProto.FLOAT, dimensions))

    def serialised(self, inputs: Sequence[str]) -> bytes:
        helper, types = self._onnx.helper, self._onnx.TensorProto
        dimensions = {"state": ["texts", "tokens_in_text", self._shape.hidden_size]}
        taken = [
            helper.make_tensor_value_info(
                name,
                types.FLOAT if name == "state" else types.INT64,
                dimensions.get(name, ["texts", "tokens_in_text"]),
            )
            for name in inputs
        ]
        graph = helper.make_graph(self._nodes, "encoder", taken, self._outputs, self._initializers)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="sentinel")
        model.ir_version = 9  # what the oldest onnxruntime that we accept reads
        data: bytes = model.SerializeToString()
        return data
