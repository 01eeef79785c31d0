"""The rows of the table: each a function from the bench to lines of it."""

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import data
from load import Client, crowd, latencies, median, wrk

MB = 1_000_000
YQ = "github.com/mikefarah/yq/v4@v4.45.1"


class Row:
    """One line: what was measured, on whom, and the load average of that minute."""

    def __init__(self, work, unit, values, target):
        self.work, self.unit, self.values, self.target = work, unit, values, target
        self.load = os.getloadavg()[0]


def imported(bench, name, fill):
    """A data directory that holds the modules that `fill` makes; kept between runs."""
    tree, held = bench.work / f"{name}.tree", bench.work / f"{name}.data"
    if not (held / "imported").exists():
        shutil.rmtree(held, ignore_errors=True)
        shutil.rmtree(tree, ignore_errors=True)
        fill(tree)
        subprocess.run([bench.larder_bin, "import", tree, "--data", held], check=True, capture_output=True)
        (held / "imported").touch()
    return tree, held


def _interleaved(bench, name, fill, tries, measure):
    """Measures nginx, Larder and the others in turn, `tries` times, on the same files: medians by server."""
    tree, held = imported(bench, name, fill)
    results = {}
    with ExitStack() as running:
        upstream = running.enter_context(bench.upstream(tree, 0, 1e10))
        for start in (
            lambda: bench.nginx(held / "modules"),
            lambda: bench.nginx(held / "modules", log=True),
            lambda: bench.larder(held, upstream.url()),
            *bench.others(f"{name}.others", upstream.url()),
        ):
            results[running.enter_context(start())] = []
        for _ in range(tries):
            for server, found in results.items():
                found.append(measure(server))
    fields = lambda found: {key: median(one[key] for one in found) for key in found[0]}
    return {server.name: fields(found) for server, found in results.items()}


def _of(results, field):
    return {name: found[field] for name, found in results.items()}


def warm_small(bench, seconds):
    """Warm `.info` and `.mod`, without and with lists."""
    fill = lambda tree: data.small(tree, 500)
    tree, _ = imported(bench, "small", fill)
    files = data.paths(tree, ".info", ".mod")
    for connections in (1, 32, 256):
        found = _interleaved(bench, "small", fill, 3,
                             lambda server: primed(server, files, wrk, connections, seconds, bench.work))
        what = f"warm `.info`, `.mod`, {connections} connections"
        yield Row(what, "CPU ms a request", _of(found, "cpu_ms"), "≤ 0.8 × nginx")
        yield Row(what, "requests/s", _of(found, "rps"), "≥ 1.15 × nginx")
    lists = data.paths(tree, "/list") or data.paths(tree, "list")
    mixed = files + lists[: len(files) * 9 // 91]
    mixed = [path for index in range(11) for path in mixed[index::11]]
    found = _interleaved(bench, "small", fill, 3,
                         lambda server: primed(server, mixed, wrk, 32, seconds, bench.work))
    what = "the same with 9 % `@v/list`, 32 connections"
    yield Row(what, "CPU ms a request", _of(found, "cpu_ms"), "≤ 0.8 × nginx")
    yield Row(what, "requests/s", _of(found, "rps"), "≥ 1.15 × nginx")


def primed(server, paths, measure, *rest):
    """Asks for every path once before the measurement, so that it is warm everywhere."""
    if not getattr(server, "primed", None) == len(paths):
        client = Client(server)
        for path in paths:
            client.get(path)
        server.primed = len(paths)
    return measure(server, paths, *rest)


def warm_zips(bench, seconds):
    """Warm zips, large and middling."""
    for name, fill, rounds in (
        ("64 MB", lambda tree: data.module(tree, "large.example/m", "v1.0.0", 64 * MB), ((1, "≤ 0.7 × nginx"), (8, "≤ 0.7 × nginx"))),
        ("0.1-2 MB", lambda tree: data.medium(tree, 64), ((8, "≤ 0.8 × nginx"),)),
    ):
        folder = f"zips-{name.replace(' ', '')}"
        tree, _ = imported(bench, folder, fill)
        zips = data.paths(tree, ".zip")
        for connections, target in rounds:
            found = _interleaved(bench, folder, fill, 3,
                                 lambda server: primed(server, zips, wrk, connections, seconds, bench.work))
            yield Row(f"warm zips of {name}, {connections} connections", "CPU s a GB", _of(found, "cpu_gb"), target)


def cold_zip(bench, _):
    """One cold small zip at a time, at an upstream 50 ms away, the record looked up beside it."""
    tree = tree_of(bench, "cold.tree", lambda tree: [data.module(tree, f"cold.example/m{i}", "v1.0.0", 100_000) for i in range(20)])
    values = {}
    with bench.upstream(tree) as upstream, bench.database(tree) as database:
        values["none"] = [Client(upstream).get(path)[:2] for path in data.paths(tree, ".zip")]
        for start in (
            lambda: bench.larder(empty(bench, "cold.data"), upstream.url(), database.spec),
            lambda: bench.larder(empty(bench, "cold.data"), upstream.url(), name="Larder, no database"),
            *bench.others("cold.others", upstream.url()),
        ):
            with start() as server:
                values[server.name] = [Client(server).get(path)[:2] for path in data.paths(tree, ".zip")]
    what = "one cold zip of 0.1 MB, upstream and checksum database 50 ms and 10 MB/s away"
    for index, part, target in ((0, "ms to the first byte", "≤ 60"), (1, "ms to the last byte", "≤ 115")):
        yield Row(what, part, {name: 1000 * median(each[index] for each in found) for name, found in values.items()}, target)


def crowd_of_1000(bench, _):
    """A thousand askers for one cold zip."""
    tree = tree_of(bench, "crowd.tree", lambda tree: data.module(tree, "crowd.example/m", "v1.0.0", 1_600_000))
    path = data.paths(tree, ".zip")[0]
    rows = {"s to the last byte": {}, "fetches": {}, "errors": {}, "peak MB": {}}
    with bench.upstream(tree) as upstream:
        starts = [lambda: bench.larder(empty(bench, "crowd.data"), upstream.url())]
        for start in [*starts, *bench.others("crowd.others", upstream.url())]:
            upstream.requests.write_text("")
            with start() as server:
                took, errors = crowd(server, [path], 1000)
                found = (took, upstream.requests.read_text().count(path), errors, server.memory_mb("VmHWM"))
                for row, value in zip(rows.values(), found):
                    row[server.name] = value
        alone = Client(upstream).get(path)[1]
    rows["s to the last byte"]["none, one asker"] = alone
    for (unit, values), target in zip(rows.items(), ("≤ 0.6", "1", "0", "≤ 48")):
        yield Row("1000 clients at once for one cold zip of 1.6 MB", unit, values, target)


def hanging(bench, _):
    """Hits while fetches hang."""
    tree, held = imported(bench, "small", lambda tree: data.small(tree, 500))
    paths = data.paths(tree, ".mod")[:100]
    with bench.upstream(tree) as upstream, bench.larder(held, upstream.url()) as server:
        quiet = latencies(server, paths, 5000)
        clients = [Client(server) for _ in range(30)]
        for index, client in enumerate(clients):
            client.ask(f"/hang/example.com/m{index}/@v/v1.0.0.zip".replace("/hang/", "/hang.example/"))
        busy = latencies(server, paths, 5000)
    what = "hits, one after the other, of 5000"
    for name, found in (("none hangs", quiet), ("30 fetches hang", busy)):
        values = {"p50": 1000 * median(found), "p99.9": 1000 * found[-5], "worst": 1000 * found[-1]}
        yield Row(f"{what}, {name}", "ms", {f"Larder, {key}": value for key, value in values.items()}, "worst ≤ 1")


def lists(bench, _):
    """The same list again."""
    tree, held = imported(bench, "small", lambda tree: data.small(tree, 500))
    paths = data.paths(tree, "list")[:50]
    values = {}
    with bench.upstream(tree) as upstream, bench.nginx(held / "modules") as nginx, bench.larder(held, upstream.url()) as larder:
        for server in (nginx, larder):
            values[server.name] = 1000 * median(latencies(server, paths, 3000))
        asked = upstream.requests.read_text().count("/@v/list")
    yield Row("`@v/list` again, p50", "ms", values, "≤ 0.1")
    yield Row("`@v/list`, 3050 requests for 50 lists", "asked upstream", {"Larder": asked}, "50, once each")


def start_up(bench, _):
    """Ready after start, from the shell's own start; memory at rest."""
    count = int(os.environ.get("BENCH_VERSIONS", "100000"))
    _, many = imported(bench, "many", lambda tree: [
        data.versions(tree, f"many.example/m{index}", [f"v1.0.{patch}" for patch in range(100)], 100)
        for index in range(count // 100)])
    ready = {"nginx": [], "Larder, empty": [], f"Larder, {count:,} versions": []}
    for _ in range(9):
        with bench.nginx(many / "modules") as server:
            ready["nginx"].append(server.ready_ms)
        for name, folder in zip(list(ready)[1:], (empty(bench, "empty.data"), many)):
            with bench.larder(folder) as server:
                time.sleep(0.3)
                idle = server.memory_mb()
                ready[name].append(server.ready_ms)
    yield Row("ready after start, with its shell", "ms", {name: median(found) for name, found in ready.items()}, "≤ 20")
    yield Row("idle memory", "MB", {f"Larder, {count:,} versions": idle}, "≤ 12")


def memory(bench, seconds):
    """Peak memory with 256 connections, and the size of the binary."""
    tree, held = imported(bench, "small", lambda tree: data.small(tree, 500))
    values = {}
    for start in (lambda: bench.nginx(held / "modules"), lambda: bench.larder(held)):
        with start() as server:
            wrk(server, data.paths(tree, ".info", ".mod"), 256, seconds, bench.work)
            values[server.name] = server.memory_mb("VmHWM")
    yield Row("peak memory, 256 connections", "MB", values, "≤ 25")
    yield Row("the binary", "MB", {"Larder": bench.larder_bin.stat().st_size / MB}, "≤ 20")


def large_at_once(bench, _):
    """64 cold zips of 80 MB at once."""
    tree = tree_of(bench, "huge.tree", lambda tree: [data.module(tree, f"huge.example/m{i}", "v1.0.0", 80 * MB, holes=True) for i in range(64)])
    paths = data.paths(tree, ".zip")
    held = empty(bench, "huge.data")
    with bench.upstream(tree) as upstream, bench.larder(held, upstream.url()) as server:
        took, errors = crowd(server, paths, 64, 300)
        peak = server.memory_mb("VmHWM")
    shutil.rmtree(held)
    what = "64 cold zips of 80 MB at once"
    yield Row(what, "peak MB", {"Larder": peak}, "≤ 64")
    yield Row(what, "s", {"Larder": took}, "")
    yield Row(what, "errors", {"Larder": errors}, "0")


def go_download(bench, _):
    """`go mod download` of yq, cold: straight from the upstream, and by way of each proxy."""
    found = project(bench, "yq", YQ)
    if not found:
        print("S cold: skipped, the public mirror cannot be reached")
        return
    work, tree = found
    values, asked = {}, {}
    with bench.upstream(tree) as upstream:
        def others():
            return [lambda: bench.larder(empty(bench, "yq.data"), upstream.url()),
                    *bench.others(f"yq.others-{time.time_ns()}", upstream.url())]
        for _ in range(3):
            values.setdefault("none", []).append(download(work, upstream))
            for start in others():
                upstream.requests.write_text("")
                with start() as server:
                    values.setdefault(server.name, []).append(download(work, server))
                    asked[server.name] = len(upstream.requests.read_text().splitlines())
    yield Row("S cold: `go mod download` of yq", "s", {name: median(found) for name, found in values.items()}, "≤ 0.5 × none")
    yield Row("S cold, requests upstream", "", asked, "")


def project(bench, name, module):
    """A project with its `go.mod` and `go.sum`, and a tree of all it needs: from the public mirror, once."""
    work, cache = bench.work / name, bench.work / f"{name}.cache"
    if not (work / "fetched").exists() and not _fetch(work, cache, module):
        return None
    return work, cache / "cache/download"


def _fetch(work, cache, module):
    work.mkdir(exist_ok=True)
    env = {**os.environ, "GOMODCACHE": str(cache), "GOFLAGS": "-modcacherw", "GOPROXY": "https://proxy.golang.org"}
    got = subprocess.run(["go", "mod", "download", module], cwd=work, env=env, capture_output=True)
    if got.returncode:
        return False
    for name in ("go.mod", "go.sum"):
        shutil.copy(cache / module / name, work / name)
    subprocess.run(["go", "mod", "download"], cwd=work, env=env, check=True, capture_output=True)
    (work / "fetched").touch()
    return True


def download(work, server, sumdb="off"):
    """Seconds of `go mod download` from empty caches; with a checksum database the project's `go.sum` is put aside."""
    cache = Path("/dev/shm/larder-bench-cache")
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(work, cache / "work", ignore=shutil.ignore_patterns("go.sum" if sumdb != "off" else ""))
    env = {**os.environ, "GOPATH": str(cache / "path"), "GOMODCACHE": str(cache / "mod"), "GOFLAGS": "-modcacherw",
           "GOPROXY": server.url(), "GOSUMDB": sumdb, "GONOSUMDB": "", "GOPRIVATE": "", "GOTOOLCHAIN": "local"}
    began = time.perf_counter()
    subprocess.run(["go", "mod", "download"], cwd=cache / "work", env=env, check=True, capture_output=True)
    took = time.perf_counter() - began
    shutil.rmtree(cache)
    return took


def tree_of(bench, name, fill):
    tree = bench.work / name
    if not (tree / "made").exists():
        fill(tree)
        (tree / "made").touch()
    return tree


def empty(bench, name):
    folder = bench.work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


ROWS = {
    "small": warm_small, "zips": warm_zips, "cold": cold_zip, "crowd": crowd_of_1000, "hang": hanging, "lists": lists,
    "start": start_up, "memory": memory, "huge": large_at_once, "go": go_download,
}
