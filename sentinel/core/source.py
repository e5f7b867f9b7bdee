"""YAML with the line of every key, so that a mistake can be told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from sentinel.core.errors import ConfigError

KeyPath = tuple[str | int, ...]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Source(msgspec.Struct, frozen=True):
    """A parsed file: `value` as YAML gives it, `lines` from a key's or item's path to its line (1-based)."""

    file: str
    value: Any
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """The line of a path, or of the nearest thing around it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def placed(self, error: ConfigError) -> ConfigError:
        """The same mistake, where it tells a key and no file, with this file and the key's line (that of the
        nearest thing around it that stands in the file, if any)."""
        if error.file or not error.key:
            return error
        around = {
            name: line
            for path, line in self.lines.items()
            if path and f"{error.key}.".startswith((f"{(name := dotted(path))}.", f"{name}["))
        }
        line = around[max(around, key=len)] if around else 0
        return ConfigError(error.message, file=self.file, line=line, key=error.key)

    def error(self, path: KeyPath, message: str) -> ConfigError:
        return ConfigError(message, file=self.file, line=self.line(path), key=dotted(path))


def dotted(path: KeyPath) -> str:
    """`("rules", 0, "detect", "score")` as `rules[0].detect.score`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read(path: Path) -> tuple[Source | None, list[ConfigError]]:
    """Parse one file. A file that cannot be parsed gives no Source and the reasons; a key written twice gives
    both."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        return None, [ConfigError(f"cannot be read: {error.strerror}", file=str(path))]
    except UnicodeDecodeError as error:
        return None, [ConfigError(f"is not UTF-8 (byte {error.start}); save it as UTF-8", file=str(path))]
    return parse(text, str(path))


def parse(text: str, file: str) -> tuple[Source | None, list[ConfigError]]:
    """See `read`."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        errors: list[ConfigError] = []
        if node is not None:
            _walk(node, (), node.start_mark.line + 1, lines, errors, file, ())
        value = loader.construct_document(node) if node is not None else None
    except ConfigError as error:
        return None, [error]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        return None, [ConfigError(f"is not YAML: {error.problem or error.context}", file=file, line=line)]
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        return None, [ConfigError(f"is not YAML: {reason}", file=file, line=1)]
    finally:
        loader.dispose()
    return Source(file, value, lines), errors


def _walk(
    node: yaml.Node,
    path: KeyPath,
    line: int,
    lines: dict[KeyPath, int],
    errors: list[ConfigError],
    file: str,
    around: tuple[yaml.Node, ...],
) -> None:
    lines.setdefault(path, line)
    if node in around:
        raise ConfigError("is an alias of something that contains it", file=file, line=line, key=dotted(path))
    around = (*around, node)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, at = str(key.value), key.start_mark.line + 1
            if name in seen and name != "<<":
                message = f"is written twice (also on line {seen[name]}); keep one"
                errors.append(ConfigError(message, file=file, line=at, key=dotted((*path, name))))
            seen.setdefault(name, at)
            inner = path if name == "<<" else (*path, name)
            _walk(value, inner, at, lines, errors, file, around)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), item.start_mark.line + 1, lines, errors, file, around)
