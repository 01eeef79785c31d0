"""Git repositories to be asked: made by `git fast-import`, the same in every run."""

import os
import random
import subprocess
from pathlib import Path

MB = 1_000_000
OWNER = "github.com/bench"
FIRST = 1_700_000_000


class Import:
    """A bare repository that is being written: commits on `main`, one after the other, and tags on them."""

    def __init__(self, path):
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True, env=clean())
        self.path, self.commits = path, 0
        self.process = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=path, stdin=subprocess.PIPE, env=clean())

    def commit(self, files, tags=()):
        """Writes these files (path to bytes), and names what is there then."""
        write, self.commits = self.process.stdin.write, self.commits + 1
        who = f"Bench <bench@example.com> {FIRST + 60 * self.commits} +0000"
        write(f"commit refs/heads/main\ncommitter {who}\ndata 1\n.\n".encode())
        for name, content in files.items():
            write(f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n")
        for tag in tags:
            write(f"reset refs/tags/{tag}\nfrom refs/heads/main\n\n".encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait() == 0, "git fast-import failed"
        for step in ("config uploadpack.allowFilter true", "repack -adq", "pack-refs --all", "commit-graph write --reachable"):
            subprocess.run(["git", *step.split()], cwd=self.path, check=True, env=clean(), capture_output=True)


def clean():
    return {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def go_mod(path):
    return f"module {path}\n\ngo 1.24\n".encode()


def source(seed, size=2000):
    """Text of about this size, as compressible as source is."""
    dice, words = random.Random(seed), [f"name{number}" for number in range(400)]
    return f"package p\n\n// {' '.join(dice.choices(words, k=size // 8))}\n".encode()


def library(root, name, tags=40, files=150):
    """A module of usual size: a tag every fifth commit."""
    with Import(Path(root) / name) as repo:
        first = {f"d{number % 12}/f{number}.go": source(f"{name} {number}") for number in range(files)}
        repo.commit({"go.mod": go_mod(f"{OWNER}/{name}"), "LICENSE": source("licence", 1000), **first})
        for count in range(1, 5 * tags):
            changed = {f"d{(count + more) % 12}/f{(count + more) % files}.go": source(f"{name} {count} {more}") for more in range(3)}
            repo.commit(changed, [f"v1.{count // 5}.0"] if count % 5 == 4 else [])


def monorepo(root, name, modules=500, versions=4):
    """So many modules, each in a directory of its own and with so many tags, each on a commit of its own."""
    with Import(Path(root) / name) as repo:
        repo.commit({"README.md": source("read me")} | {
            f"m{number:03}/go.mod": go_mod(f"{OWNER}/{name}/m{number:03}") for number in range(modules)
        } | {f"m{number:03}/f{part}.go": source(f"{number} {part}") for number in range(modules) for part in range(4)})
        for version in range(versions):
            for number in range(modules):
                changed = {f"m{number:03}/f{version % 4}.go": source(f"{number} {version}")}
                repo.commit(changed, [f"m{number:03}/v1.{version}.0"])


def large(root, name, size=200 * MB):
    """One version, of so many bytes that cannot be compressed."""
    with Import(Path(root) / name) as repo:
        parts = {f"part{part}.bin": random.Random(part).randbytes(2 * MB) for part in range(size // (2 * MB))}
        repo.commit({"go.mod": go_mod(f"{OWNER}/{name}"), **parts}, ["v1.0.0"])


def everything(root):
    """All repositories of the rows, made once."""
    root = Path(root)
    if not (root / "made").exists():
        root.mkdir(parents=True, exist_ok=True)
        for number in range(COPIES):
            library(root, f"lib{number:02}")
        monorepo(root, "mono")
        large(root, "large")
        (root / "made").touch()
    return root


COPIES = 12
