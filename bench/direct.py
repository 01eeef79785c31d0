"""Straight from version control: Larder beside git itself, the go command in direct mode, and other proxies.

All ask the same repositories by the same names: `url.….insteadOf` leads from `https://github.com/bench/` to a host on loopback.
"""

import hmac
import http.client
import json
import os
import random
import shutil
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import repos
from load import crowd, median
from repos import COPIES, OWNER
from servers import TICKS, Server

#: What everybody keeps is kept in memory: a disk that has just been emptied is slow for a minute.
TMPFS = Path("/dev/shm/larder-bench-direct")
#: What is remembered is asked for again at once, as it is a minute later.
FORGETFUL = {"cache.fresh": "1ms", "cache.stale": "1ms", "vcs.remember": "1ms"}


#: The figures of a line: wall time, requests at the host, programs started, CPU time of all of them, and the most memory that
#: a server had until then.
KEYS = ("ms", "requests", "processes", "cpu_ms", "mb")


class Line:
    """What one asker took for a piece of work: medians, and the load average of that minute."""

    def __init__(self, work, name, found, base=None, target=""):
        self.work, self.name, self.target, self.load = work, name, target, os.getloadavg()[0]
        self.figures = {key: median(one[key] for one in found) for key in KEYS if key in found[0]}
        self.ratio = self.figures["ms"] / base.figures["ms"] if base else None


class Host:
    """A host of the repositories, and the surroundings in which everybody is led to it.

    `way`: the milliseconds that the host is away, over http; or `git` for git's daemon, `file` for none."""

    def __init__(self, bench, way):
        self.bench, self.way, self.server = bench, way, None
        self.root = repos.everything(bench.work / "direct.repos")

    def __enter__(self):
        self.before = dict(os.environ)
        config = self.bench.work / "direct.gitconfig"
        config.write_text(f'[url "{self._start()}/"]\n\tinsteadOf = https://{OWNER}/\n')
        os.environ.update({
            "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
            "GOFLAGS": "-mod=mod -modcacherw", "GOPROXY": "direct", "GOSUMDB": "off", "GONOSUMDB": "", "GOPRIVATE": "",
            "GOTOOLCHAIN": "local", "GOVCS": "*:all",
        })
        return self

    def _start(self):
        if self.way == "file":
            return f"file://{self.root}"
        if self.way == "git":
            command = ["git", "daemon", "--export-all", "--reuseaddr", f"--base-path={self.root}", "--listen=127.0.0.1", "--port={port}"]
            self.server = Server("git daemon", command, self.bench.work, speaks_http=False)
            return f"git://127.0.0.1:{self.server.port}"
        command = [str(self.bench.githost_bin), str(self.root), "127.0.0.1:{port}", str(self.way)]
        self.server = Server("githost", command, self.bench.work)
        self.clear()
        return self.server.url()

    def __exit__(self, *_):
        os.environ.clear()
        os.environ.update(self.before)
        if self.server:
            self.server.stop()
        shutil.rmtree(TMPFS, ignore_errors=True)

    def clear(self):
        if self.server:
            self.server.output.truncate(0)

    def requests(self):
        """How often the host was asked, where that can be counted."""
        if self.way in ("git", "file"):
            return {}
        return {"requests": len(Path(self.server.output.name).read_text().splitlines())}

    @property
    def far(self):
        return {0: "host on loopback", "git": "`git://` on loopback", "file": "`file://`"}.get(self.way, f"host {self.way} ms away")


@contextmanager
def larder(host, name="direct.data", settings=None, trace=None):
    """Larder with nothing held, which has asked the host for another repository before: its jail is made, and the host known."""
    bench, data = host.bench, TMPFS / name
    shutil.rmtree(data, ignore_errors=True)
    command = [str(bench.larder_bin), "serve", "--listen", "127.0.0.1:{port}", "--data", str(data),
               "--upstream", "direct", "--sumdb", "off"]
    sets = {"network.allow": "127.0.0.0/8", "network.schemes": f"{OWNER}:http|file|git", **(settings or {})}
    command += [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
    if trace:
        command = ["strace", "-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o", str(trace), *command]
    with Server("Larder-direct", command, bench.work) as server:
        get(server, f"/{OWNER}/lib{COPIES - 1:02}/@v/v1.0.0.mod")
        yield server


def get(server, path):
    """Asks for a path, whatever it takes to read the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", path)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {answer.read(400)}")
    while answer.read(1 << 20):
        pass
    connection.close()


def cpu_s(server):
    """CPU seconds of a server and of all children that it has waited for."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def asked(host, server, ask):
    """One question to a server: wall time, requests at the host, CPU time, and its own memory at the highest."""
    host.clear()
    cpu, began = cpu_s(server), time.perf_counter()
    ask(server)
    took = time.perf_counter() - began
    return {"ms": 1000 * took, "cpu_ms": 1000 * (cpu_s(server) - cpu), "mb": server.memory_mb("VmHWM")} | host.requests()


def ran(host, command, cwd=None):
    """One run of a command: the same, but for memory."""
    host.clear()
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise RuntimeError(f"{command}: {text[-400:]}")
    # The memory that wait4 tells of is at least that of this program, from which the command was forked.
    return {"ms": 1000 * (time.perf_counter() - began), "cpu_ms": 1000 * (used.ru_utime + used.ru_stime)} | host.requests()


def started(command):
    """How many programs a command starts, itself included; nothing without strace."""
    if not shutil.which("strace"):
        return None
    trace = TMPFS / "trace"
    trace.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["strace", "-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o", trace, *command],
                   check=True, capture_output=True, cwd=TMPFS)
    return starts(trace)


def starts(trace):
    return sum(line.rstrip().endswith("= 0") for line in Path(trace).read_text().splitlines())


def started_by_larder(host, asks, settings=None):
    """How many programs Larder starts for the last of these questions."""
    if not shutil.which("strace"):
        return None
    TMPFS.mkdir(parents=True, exist_ok=True)
    trace = TMPFS / "trace"
    with larder(host, "direct.traced", settings, trace) as server:
        for ask in asks[:-1]:
            ask(server)
        before = starts(trace)
        asks[-1](server)
        return starts(trace) - before


def bare():
    """A new, empty repository, to fetch into."""
    shutil.rmtree(TMPFS / "bare", ignore_errors=True)
    subprocess.run(["git", "init", "-q", "--bare", TMPFS / "bare"], check=True)
    return TMPFS / "bare"


def fetch_one(tag):
    """What git alone would fetch for one version: its files, and no history."""
    return lambda repo: ["git", "-C", str(bare()), "fetch", "-q", "--depth=1", f"https://{OWNER}/{repo}",
                         f"refs/tags/{tag}:refs/tags/{tag}"]


def fetch_all(repo):
    """All branches and tags with all history."""
    return ["git", "-C", str(bare()), "fetch", "-q", f"https://{OWNER}/{repo}", "refs/*:refs/*"]


def go(*words):
    """The go command with an empty cache, in memory."""
    cache = TMPFS / "go"
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)
    os.environ.update(GOMODCACHE=str(cache / "mod"), GOPATH=str(cache / "path"))
    return ["go", *words]


def with_processes(found, count):
    """The same figures, and how many programs were started."""
    return [one | ({"processes": count} if count is not None else {}) for one in found]


def compared(host, work, target, repositories, ways, base="git"):
    """Lines of one piece of work, done by everybody in turn, each time for another repository.

    `ways`: by name, a function from a repository to a command; or a server and a function from a repository to a path."""
    found = {name: [] for name in ways}
    for repo in repositories:
        for name, way in ways.items():
            if callable(way):
                command = way(repo)
                found[name].append(ran(host, command))
            else:
                server, path = way
                found[name].append(asked(host, server, lambda server: get(server, path(repo))))
    for name, way in ways.items():
        if callable(way):
            found[name] = with_processes(found[name], started(way(repositories[0])))
    first = Line(work, base, found[base])
    yield first
    for name in found:
        if name != base:
            yield Line(work, name, found[name], first, target if name == "Larder" else "")


def libraries(count=COPIES - 1):
    return [f"lib{number:02}" for number in range(count)]


def others(host, folder, stack):
    """The other proxies that there are binaries of."""
    starts = host.bench.others(TMPFS / f"{folder}-{time.time_ns()}", "direct")
    return {server.name: server for server in (stack.enter_context(start()) for start in starts)}


def a_list_again(bench, host):
    """The list of a repository that was asked for before."""
    of = lambda repo: f"/{OWNER}/{repo}/@v/list"
    with ExitStack() as stack:
        server = stack.enter_context(larder(host, settings=FORGETFUL))
        known = stack.enter_context(larder(host, "direct.known", {"cache.fresh": "1ms"}))
        rivals = others(host, "direct.list", stack)
        for repo in libraries():
            for one in (server, known, *rivals.values()):
                get(one, of(repo))
        ways = {"git": lambda repo: ["git", "ls-remote", "-q", f"https://{OWNER}/{repo}"],
                "Larder": (server, of), "Larder, renewed behind the answer": (known, of),
                "go": lambda repo: go("list", "-m", "-versions", f"{OWNER}/{repo}"),
                **{name: (rival, of) for name, rival in rivals.items()}}
        lines = list(compared(host, f"`@v/list` of a repository known a minute ago, {host.far}", "≤ 1.2", libraries(), ways))
    ask = lambda server: get(server, of("lib00"))
    yield from counted(host, lines, [ask, ask], FORGETFUL)


def counted(host, lines, asks, settings=None):
    """The lines, that of Larder with the number of programs that it starts for the last of the questions."""
    for line in lines:
        if line.name == "Larder":
            count = started_by_larder(host, asks, settings)
            line.figures |= {"processes": count} if count is not None else {}
        yield line


def a_first_mod(bench, host):
    """The first file of a repository that nobody has asked for."""
    of = lambda repo: f"/{OWNER}/{repo}/@v/v1.7.0.mod"
    with ExitStack() as stack:
        server, through = stack.enter_context(larder(host)), stack.enter_context(larder(host, "direct.through"))
        ways = {"git": fetch_one("v1.7.0"), "Larder": (server, of),
                "go": lambda repo: go("mod", "download", f"{OWNER}/{repo}@v1.7.0"),
                "go, by way of Larder": lambda repo: ["env", f"GOPROXY={through.url()}", *go("mod", "download", f"{OWNER}/{repo}@v1.7.0")],
                **{name: (rival, of) for name, rival in others(host, "direct.mod", stack).items()}}
        lines = list(compared(host, f"first `.mod` of a repository, {host.far}", "≤ 1.2", libraries(), ways))
    yield from counted(host, lines, [lambda server: get(server, of("lib00"))])


def a_second(bench, host):
    """Another version of a repository that is kept already, and another module of a monorepo."""
    with larder(host) as server:
        for repo in libraries():
            get(server, f"/{OWNER}/{repo}/@v/v1.7.0.mod")
        for what, path, names in (
            ("`.mod` of another version", lambda repo: f"/{OWNER}/{repo}/@v/v1.8.0.mod", libraries()),
            ("`.info` of a third", lambda repo: f"/{OWNER}/{repo}/@v/v1.9.0.info", libraries()),
        ):
            found = [asked(host, server, lambda server: get(server, path(repo))) for repo in names]
            yield Line(f"{what} of a repository that is kept, {host.far}", "Larder", found, target="≤ 30 ms")
        get(server, f"/{OWNER}/mono/m001/@v/v1.3.0.mod")
        numbers = random.Random(1).sample(range(500), 20)
        for what, path in (("`.mod`", "m{:03}/@v/v1.3.0.mod"), ("`.mod` of an older version", "m{:03}/@v/v1.1.0.mod")):
            found = [asked(host, server, lambda server: get(server, f"/{OWNER}/mono/{path.format(number)}")) for number in numbers]
            yield Line(f"{what} of another module of a kept monorepo, {host.far}", "Larder", found, target="≤ 30 ms")


def crowd_of(host, server, paths, clients):
    """Many askers at once, the paths in turn; how many children and threads there are meanwhile."""
    peak, is_over = {"children": 0, "threads": 0}, threading.Event()
    root = server.process.pid

    def watch():
        while not is_over.wait(0.01):
            try:
                threads = int(Path(f"/proc/{root}/status").read_text().split("Threads:")[1].split()[0])
                children = len(Path(f"/proc/{root}/task/{root}/children").read_text().split())
                for task in os.listdir(f"/proc/{root}/task"):
                    if task != str(root):
                        children += len(Path(f"/proc/{root}/task/{task}/children").read_text().split())
            except (OSError, IndexError):
                continue
            peak["children"], peak["threads"] = max(peak["children"], children), max(peak["threads"], threads)

    watcher = threading.Thread(target=watch)
    watcher.start()
    host.clear()
    cpu = cpu_s(server)
    took, errors = crowd(server, paths, clients, 300)
    is_over.set()
    watcher.join()
    if errors:
        raise RuntimeError(f"{errors} of {clients} askers were not answered")
    found = {"ms": 1000 * took, "cpu_ms": 1000 * (cpu_s(server) - cpu), "mb": server.memory_mb("VmHWM")}
    return peak, found | host.requests()


def a_monorepo(bench, host):
    """500 modules with 2,000 tags: all lists, a first file, a zip; many askers at once."""
    lists = [f"/{OWNER}/mono/m{number:03}/@v/list" for number in range(500)]
    mods = [f"/{OWNER}/mono/m{number:03}/@v/v1.1.0.mod" for number in range(200)]
    where = f"of a monorepo of 500 modules, {host.far}"
    with larder(host) as server:
        _, found = crowd_of(host, server, lists, 500)
    git = Line(f"the lists of all modules {where}", "git, one fetch of all", [ran(host, fetch_all("mono"))])
    yield git
    yield Line(git.work, "Larder", [found], git, "≤ 1, requests of one fetch at most")
    names = [f"{OWNER}/mono/m{number:03}" for number in range(500)]
    yield Line(git.work, "go, one command for all", [ran(host, go("list", "-m", "-versions", *names))], git)
    for ending in ("mod", "zip"):
        of = lambda repo: f"/{OWNER}/{repo}/m123/@v/v1.2.0.{ending}"
        found = []
        for _ in range(5):
            with larder(host) as server:
                found.append(asked(host, server, lambda server: get(server, of("mono"))))
        fetch = fetch_one("m123/v1.2.0")
        git = Line(f"a first `.{ending}` {where}", "git", [ran(host, fetch("mono")) for _ in range(5)])
        yield git
        yield Line(git.work, "Larder", found, git, "≤ 1.2" if ending == "mod" else "")
        download = lambda: go("mod", "download", f"{OWNER}/mono/m123@v1.2.0")
        yield Line(git.work, "go", [ran(host, download()) for _ in range(3)], git)
    yield from crowds(host, mods, where)


def crowds(host, mods, where):
    """200 askers for one thing, and 200 for as many modules."""
    with larder(host) as server:
        peak, found = crowd_of(host, server, [mods[0].replace(".mod", ".zip")], 200)
        yield Line(f"200 askers at once for one cold zip {where}", "Larder", [found], target="one fetch")
    with larder(host) as server:
        peak, found = crowd_of(host, server, mods, 200)
        what = f"200 askers at once for the `.mod` of as many modules {where}"
        at_most = f"at most {peak['children']} children and {peak['threads']} threads at once"
        yield Line(what, f"Larder ({at_most})", [found])
    modules = [mod.removeprefix("/").replace("/@v/", "@").removesuffix(".mod") for mod in mods]
    yield Line(what, "go, one command for all", [ran(host, go("mod", "download", *modules))])


def a_push(bench, host):
    """A tag that is pushed, from the event of the host until the list has it."""
    os.environ["HOOK_SECRET"] = "a secret of the benchmark"
    found, tag = [], "refs/tags/v1.99.0"
    with larder(host, settings={"hook.secret": "env:HOOK_SECRET"}) as server:
        for repo in libraries(5):
            path, where = f"/{OWNER}/{repo}/@v/list", ["git", "-C", str(host.root / repo), "update-ref"]
            get(server, path)
            subprocess.run([*where, tag, "refs/heads/main"], check=True)
            try:
                found.append(asked(host, server, lambda server: pushed(server, repo, path)))
            finally:
                subprocess.run([*where, "-d", tag], check=True)
    yield Line(f"a pushed tag, from the event until the list has it, {host.far}", "Larder", found, target="≤ 2000 ms")


def pushed(server, repo, path):
    """Tells of a push as GitHub does, and asks for the list until the tag is there."""
    event = json.dumps({"ref": "refs/tags/v1.99.0", "repository": {"clone_url": f"https://{OWNER}/{repo}.git"}}).encode()
    mac = hmac.new(os.environ["HOOK_SECRET"].encode(), event, "sha256").hexdigest()
    client = http.client.HTTPConnection("127.0.0.1", server.port)
    client.request("POST", "/hooks/push", event, {
        "Content-Type": "application/json", "X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={mac}"})
    answer = client.getresponse()
    if answer.status != 202:
        raise RuntimeError(f"the event: {answer.status} {answer.read(400)}")
    answer.read()
    began = time.perf_counter()
    while time.perf_counter() - began < 10:
        client.request("GET", path)
        if b"v1.99.0" in client.getresponse().read():
            return
        time.sleep(0.001)
    raise RuntimeError("the tag was not seen")


def a_large_zip(bench, host):
    """A zip of 200 MB."""
    path = f"/{OWNER}/large/@v/v1.0.0.zip"
    with larder(host) as server:
        get(server, path.replace(".zip", ".mod"))
        resting = server.memory_mb("VmHWM")
        found = [asked(host, server, lambda server: get(server, path))]
    work = f"a cold zip of 200 MB, {host.far}"
    git = Line(work, "git", [ran(host, fetch_one("v1.0.0")("large"))])
    yield git
    yield Line(work, f"Larder ({resting:.0f} MB before)", found, git)
    yield Line(work, "go", [ran(host, go("mod", "download", f"{OWNER}/large@v1.0.0"))], git)


def row(measure, *ways):
    def lines(bench, _):
        for way in ways:
            with Host(bench, way) as host:
                yield from measure(bench, host)
    return lines


ROWS = {
    "direct-list": row(a_list_again, 0, 50, "git", "file"), "direct-mod": row(a_first_mod, 0, 50, "git", "file"),
    "direct-second": row(a_second, 0, 50),
    "direct-mono": row(a_monorepo, 0, 50), "direct-push": row(a_push, 0, 50), "direct-large": row(a_large_zip, 0),
}
