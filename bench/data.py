"""Module trees to serve: made here, without any tool, and the same in every run."""

import random
import struct
import zlib
from pathlib import Path

MB = 1_000_000


def module(root, path, version, size, holes=False):
    """Writes the three files of one module version below `root`, a zip of about `size` bytes among them."""
    folder = root / path / "@v"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{version}.info").write_text(f'{{"Version":"{version}","Time":"2026-01-02T03:04:05Z"}}')
    go_mod = f"module {path}\n\ngo 1.24\n".encode()
    (folder / f"{version}.mod").write_bytes(go_mod)
    with open(folder / f"{version}.zip", "wb") as zip_file:
        inner = f"{path}@{version}"
        seed = f"{path}@{version}"
        _zip(zip_file, [(f"{inner}/go.mod", go_mod, 0), (f"{inner}/data.bin", *_content(seed, size, holes))])


def versions(root, path, names, size):
    """Many versions of one module, and its list."""
    for name in names:
        module(root, path, name, size)
    (root / path / "@v" / "list").write_text("".join(f"{name}\n" for name in names))


def _content(seed, size, holes):
    return (b"", size) if holes else (random.Random(seed).randbytes(size), 0)


def _zip(out, entries):
    """A zip of stored entries (name, bytes, zeros): the zeros are a hole in the file and take no room on the disk."""
    directory = b""
    for name, content, zeros in entries:
        name, size, offset = name.encode(), len(content) + zeros, out.tell()
        common = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x21, _crc(content, zeros), size, size, len(name), 0)
        out.write(b"PK\3\4" + common + name + content)
        out.seek(zeros, 1)
        directory += b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name
    start = out.tell()
    out.write(directory)
    count = len(entries)
    out.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0))


_zeros = {}


def _crc(content, zeros):
    crc = zlib.crc32(content)
    if zeros:
        if zeros not in _zeros:
            _zeros[zeros] = zlib.crc32(bytes(zeros))
        assert not content, "a hole has a checksum of its own only where it is alone"
        crc = _zeros[zeros]
    return crc


def small(root, count):
    """Modules of small files, with lists."""
    for index in range(count):
        versions(root, f"small.example/m{index}", ["v1.0.0", "v1.1.0"], 2000)


def medium(root, count):
    """Zips of 0.1 to 2 MB, evenly spread."""
    for index in range(count):
        module(root, f"medium.example/m{index}", "v1.0.0", MB // 10 + index * (19 * MB // 10) // max(count - 1, 1))


def paths(root, *endings):
    """The request paths of all files below `root` with one of these endings, in a fixed random order."""
    root = Path(root)
    found = [f"/{file.relative_to(root)}" for file in sorted(root.rglob("*")) if file.name.endswith(endings)]
    random.Random(1).shuffle(found)
    return found
