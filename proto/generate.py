"""Generate sentinel/pb from the .proto files: `python proto/generate.py [FOLDER]` (`make proto`).

The virtual path `sentinel/pb` makes the generated modules importable where they lie, and keeps their names in
protobuf's process-wide pool apart from those of other packages' copies of the same protocols.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent
FOLDERS = (PROTO, PROTO / "sentinel" / "v1")


def generate(root: Path) -> None:
    """Write `root`/sentinel/pb/*_pb2.py and .pyi. Raises RuntimeError when protoc refuses."""
    sources = [f"sentinel/pb/{file.name}" for folder in FOLDERS for file in sorted(folder.glob("*.proto"))]
    arguments = [f"-Isentinel/pb={folder}" for folder in FOLDERS]
    arguments += [f"-I{files('grpc_tools') / '_proto'}", f"--python_out={root}", f"--pyi_out={root}"]
    if protoc.main(["protoc", *arguments, *sources]) != 0:
        raise RuntimeError("protoc refused the .proto files; its messages are above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO.parent)
