"""A checksum database over a tree of modules: Go's own server code, as far away as the upstream."""

import base64
import hashlib
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "localhost.localdev/sumdb"
# The published pair of keys for tests (cmd/go/proxy_test.go).
KEY = f"{NAME}+00000c67+AcTrnkbUA+TU4heY3hkjiSES/DSQniBqIeQ/YppAUtK6"
SIGNER = f"PRIVATE+KEY+{NAME}+00000c67+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk"


def records(tree):
    """The two lines of go.sum of every version whose `.mod` is in the tree."""
    lines = []
    for mod in sorted(Path(tree).rglob("@v/*.mod")):
        path = _plain(str(mod.parent.parent.relative_to(tree)))
        version = _plain(mod.name.removesuffix(".mod"))
        zip_file = mod.with_suffix(".zip")
        # A version of which only `.mod` is there is never downloaded: any hash will do.
        zip_sum = _zip(zip_file) if zip_file.exists() else _h1("")
        mod_sum = _h1(f"{hashlib.sha256(mod.read_bytes()).hexdigest()}  go.mod\n")
        lines.append(f"{path} {version} {zip_sum}\n{path} {version}/go.mod {mod_sum}\n")
    return "".join(lines)


def build(work):
    """The database's program, made from the sources that the go command brings along."""
    folder = work / "sumdb.build"
    shutil.rmtree(folder, ignore_errors=True)
    goroot = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip()
    shutil.copytree(f"{goroot}/src/cmd/vendor/golang.org/x/mod", folder / "xmod")
    (folder / "xmod/go.mod").write_text("module golang.org/x/mod\n\ngo 1.24\n")
    shutil.copy(ROOT / "e2e/testdata/sumdb/main.go", folder)
    shutil.copy(ROOT / "e2e/testdata/sumdb/go.mod.in", folder / "go.mod")
    program = work / "sumdb"
    subprocess.run(["go", "build", "-mod=mod", "-o", program, "."], cwd=folder, check=True, capture_output=True)
    return program


def _zip(file):
    """dirhash.HashZip: the names with the hashes of their contents, sorted, hashed."""
    with zipfile.ZipFile(file) as archive:
        lines = [f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}\n" for name in sorted(archive.namelist())]
    return _h1("".join(lines))


def _h1(text):
    return "h1:" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _plain(escaped):
    return re.sub("!([a-z])", lambda found: found.group(1).upper(), escaped)
