"""What it costs to verify: a cold download with and without a checksum database, and what is held of one."""

import data
import sums
from load import Client, median, wrk
from rows import YQ, Row, download, empty, imported, primed, project

HUGO = "github.com/gohugoio/hugo@v0.150.0"
OFF = "without"


def entry_small(bench, _):
    """S cold, with and without verification."""
    yield from _entry(bench, "S", "yq", YQ, 5)


def entry_medium(bench, _):
    """M cold, with and without verification."""
    yield from _entry(bench, "M", "hugo", HUGO, 1)


def _entry(bench, size, name, module, tries):
    found = project(bench, name, module)
    if not found:
        print(f"{size} cold: skipped, the public mirror cannot be reached")
        return
    work, tree = found
    with bench.upstream(tree) as upstream, bench.database(tree) as database:
        # With go.sum, as most projects have it: go asks no database, Larder does.
        ways = {OFF: ("off", "off"), "Larder": (database.spec, "off")}
        # Without: go verifies all, by way of Larder or straight.
        verifying = {"none": None, "Larder": (database.spec, sums.KEY), f"Larder, {OFF}": ("off", database.spec)}
        plain = {way: [] for way in ways}
        both = {way: [] for way in verifying}
        for _ in range(tries):
            for way, set_to in ways.items():
                plain[way].append(_cold(bench, work, (upstream, database), set_to))
            for way, set_to in verifying.items():
                both[way].append(_cold(bench, work, (upstream, database), set_to))
    what = f"{size} cold, go.sum at hand, each file verified on entry"
    yield Row(what, "s", _median(plain, 0), f"≤ 1.05 × {OFF}")
    yield Row(what, "CPU s", _median(plain, 1), "")
    yield Row(what, "requests upstream", _median(plain, 2), "")
    yield Row(what, "requests to the database", _median(plain, 3), "≤ 127" if size == "S" else "")
    what = f"{size} cold, no go.sum, go verifies too"
    yield Row(what, "s", _median(both, 0), "")
    yield Row(what, "requests to the database", _median(both, 3), "")


def _median(found, field):
    return {way: median(one[field] for one in each) for way, each in found.items()}


def _cold(bench, work, outside, set_to):
    """One cold download: seconds, the server's CPU seconds, requests to the upstream and to the database."""
    upstream, database = outside
    for server in outside:
        server.requests.write_text("")
    asked = lambda server: len(server.requests.read_text().splitlines())
    if set_to is None:
        return download(work, upstream, database.spec), 0, asked(upstream), asked(database)
    by_larder, by_go = set_to
    with bench.larder(empty(bench, "entry.data"), upstream.url(), by_larder) as server:
        took = download(work, server, by_go)
        return took, server.cpu_s(), asked(upstream), asked(database)


def warm(bench, seconds):
    """Lookups and full tiles that are held, beside the same bytes from nginx, and beside `.mod`."""
    tree, held = imported(bench, "lookups", lambda tree: data.small(tree, 500))
    modules = data.paths(tree, ".mod")
    lookups = [path.replace("/@v/", "@").removesuffix(".mod") for path in modules]
    kinds = {
        "lookup": [f"/sumdb/{sums.NAME}/lookup{path}" for path in lookups],
        "full tile": [f"/sumdb/{sums.NAME}/tile/8/0/{number:03}" for number in range(8)],
    }
    with bench.database(tree, 0, 3000) as database, bench.upstream(tree, 0, 1e10) as upstream:
        with bench.larder(held, upstream.url(), database.spec) as larder, bench.nginx(held / "modules") as nginx:
            client = Client(larder)
            for path in (*modules, *(path for paths in kinds.values() for path in paths)):
                client.get(path)
            for kind, paths in kinds.items():
                for connections in (1, 32, 256):
                    ask = lambda server, paths: primed(server, paths, wrk, connections, seconds, bench.work)
                    found = {"Larder": [], "nginx": [], "Larder, `.mod`": []}
                    for _ in range(3):
                        found["nginx"].append(ask(nginx, paths))
                        found["Larder"].append(ask(larder, paths))
                        found["Larder, `.mod`"].append(ask(larder, modules))
                    values = lambda field: {name: median(one[field] for one in each) for name, each in found.items()}
                    yield Row(f"warm {kind}, {connections} connections", "CPU ms a request", values("cpu_ms"), "≤ 0.8 × nginx")
                    yield Row(f"warm {kind}, {connections} connections", "requests/s", values("rps"), "≥ 1.15 × nginx")


ROWS = {"entry": entry_small, "warm": warm}
# Too long for every run: by name only.
NAMED = {"entry-m": entry_medium}
