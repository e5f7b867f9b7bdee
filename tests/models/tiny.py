"""What the tests' models are made of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sentinel.models import _bert, _runtime
from sentinel.models._weights import PROBE, Head, Meta, write_heads

WORDS = "the a cat dog sat on mat you are fool i will find ann lee went home in paris and rain fell".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *WORDS,
    *LETTERS,
    *(f"##{x}" for x in LETTERS),
    ".",
    "-",
]
SHAPE = {
    "model_type": "bert",
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}
LONG = "the cat sat on the mat and the rain fell in paris . " * 20


def tokenizer(path: Path) -> Path:
    """A WordPiece tokenizer.json. Needs the package tokenizers."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(
        models.WordPiece({word: i for i, word in enumerate(dict.fromkeys(VOCABULARY))}, unk_token="[UNK]")
    )
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    made.save(str(path))
    return path


def save_base(folder: Path, class_name: str = "", labels: list[str] | None = None) -> Any:
    """The tokenizer's files and a config.json; gives the config. Needs transformers."""
    import transformers

    tokenizer(folder / "tokenizer.json")
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        model_max_length=64,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    wrapped.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(VOCABULARY)))  # what a slow one reads
    named = (
        {}
        if labels is None
        else {"id2label": dict(enumerate(labels)), "label2id": {x: i for i, x in enumerate(labels)}}
    )
    config = transformers.BertConfig(**{k: v for k, v in SHAPE.items() if k != "model_type"}, **named)
    config.save_pretrained(folder)
    return config


def save(folder: Path, class_name: str, labels: list[str], seed: int = 3) -> Path:
    """A model with random weights, large enough that its answers differ from text to text."""
    import torch
    import transformers

    config = save_base(folder, class_name, labels)
    torch.manual_seed(seed)
    model = getattr(transformers, class_name)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.3)
        model.bert.embeddings.word_embeddings.weight.mul_(5.0)  # so that words matter more than places
    model.save_pretrained(folder)
    return folder


def slow(folder: Path, place: Path) -> Path:
    """`folder`, copied to `place`, with a tokenizer that the library has in slow form alone. Needs
    transformers."""
    import transformers

    shutil.copytree(folder, place)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (place / name).unlink()
    transformers.CanineTokenizer().save_pretrained(place)
    return place


def weights(seed: int = 3) -> dict[str, Any]:
    """The weights of a BERT encoder of SHAPE, as numpy arrays. Needs numpy alone."""
    import numpy as np

    generator = np.random.default_rng(seed)
    width, inner = 32, 64
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), width),
        "embeddings.position_embeddings.weight": (128, width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    for index in range(2):
        name = f"encoder.layer.{index}"
        for part, (out, into) in {
            "attention.self.query": (width, width),
            "attention.self.key": (width, width),
            "attention.self.value": (width, width),
            "attention.output.dense": (width, width),
            "intermediate.dense": (inner, width),
            "output.dense": (width, inner),
        }.items():
            shapes[f"{name}.{part}.weight"] = (out, into)
            shapes[f"{name}.{part}.bias"] = (out,)
    made = {name: generator.normal(0.0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    norms = ["embeddings.LayerNorm"]
    norms += [
        f"encoder.layer.{i}.{part}.LayerNorm" for i in range(2) for part in ("attention.output", "output")
    ]
    for norm in norms:
        made[f"{norm}.weight"] = np.ones(width, np.float32)
        made[f"{norm}.bias"] = np.zeros(width, np.float32)
    return made


def write_safetensors(path: Path, tensors: dict[str, Any]) -> None:
    """The format that `sentinel.models._safetensors` reads, for float32 arrays."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, value in tensors.items():
        size = value.nbytes
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [place, place + size]}
        place += size
    told = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(told).to_bytes(8, "little") + told)
        for value in tensors.values():
            file.write(value.tobytes())


def base(folder: Path, seed: int = 3) -> Path:
    """A base encoder's folder, as the encoder's `base` names one."""
    tokenizer(folder / "tokenizer.json")
    (folder / "config.json").write_text(json.dumps(SHAPE))
    write_safetensors(folder / "model.safetensors", weights(seed))
    return folder


def heads(path: Path) -> Path:
    """Heads for `base`, of random weights, in the file's own format."""
    import msgspec
    import numpy as np
    import onnxruntime

    shape, taps = msgspec.convert(SHAPE, _bert.Shape), _bert.Taps((1,), (1,))
    lower = _runtime.session(onnxruntime, _bert.lower(shape, weights(), taps, None), "cpu", 1, "")
    upper = _runtime.session(onnxruntime, _bert.upper(shape, weights(), taps), "cpu", 1, "")
    words = _runtime.windows(
        _runtime.tokenizer(tokenizer(path.with_name("tokenizer.json")), ""), [PROBE], 128
    )
    probe = _runtime.run(lower, words, ["state"], upper)[0][0]
    kinds = (
        Head("toxicity", "TOXIC", whole=True),
        Head("toxicity", "THREAT"),
        Head("injection", "", role="speech", whole=True),
        Head("injection", "OVERRIDE", role="speech"),
        Head("injection", "JAILBREAK", role="speech"),
        Head("injection", "INDIRECT", role="context", whole=True),
    )
    weight = np.random.default_rng(1).normal(0.0, 0.3, (64, len(kinds))).astype(np.float32)
    linear = _bert.Heads(weight, np.ones(len(kinds), np.float32))
    write_heads(path, Meta("tiny", taps, kinds), linear, probe)
    return path


def fixed(folder: Path) -> Path:
    """The model of such a folder, with a batch axis that is 1."""
    import onnx

    made = onnx.load(folder / "model.onnx")
    for each in made.graph.input:
        each.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(made, folder / "model.onnx")
    return folder


def counting(place: Path, fool: float = 3.0) -> Path:
    """A folder with an ONNX model whose logits of `fine`, `rude` and `threatening` count words: 0, `fool`
    times "fool", twice "find"."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = np.zeros((len(VOCABULARY), 3), np.float32)
    table[VOCABULARY.index("fool"), 1], table[VOCABULARY.index("find"), 2] = fool, 2.0
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("ReduceSum", ["each", "axis"], ["logits"], keepdims=0),
        helper.make_node("Identity", ["attention_mask"], ["unused"]),
    ]
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    out = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", 3])]
    held = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1], np.int64), "axis")]
    graph = helper.make_graph(nodes, "counts", ids, out, held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(made, place / "model.onnx")
    tokenizer(place / "tokenizer.json")
    (place / "config.json").write_text(
        json.dumps({"id2label": dict(enumerate(["fine", "rude", "threatening"]))})
    )
    return place
