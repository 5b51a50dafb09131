"""Who may import whom: the architecture, as a test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "scow"
MODULES = sorted(SRC.rglob("*.py"))
# Composition roots: put the parts together, so they may import anything. Nothing may import them.
ROOTS = {"__init__", "__main__", "daemon"}
# Importable from everywhere, importing nothing of scow.
BASE = {"errors", "log", "tasks", "store", "lean_imports", "lean_dataclasses", "deferred", "tls_trust"}
MAY_IMPORT: dict[str, set[str]] = {
    **{room: set() for room in BASE},
    "spec": set(),
    "config": {"spec"},
    "linux": set(),
    "distribution": {"spec"},
    "image": {"spec", "linux", "distribution"},
    "logs": {"spec", "linux"},
    "runtime": {"spec", "linux", "logs"},
    "network": {"spec", "linux"},
    "build": {"spec", "linux", "distribution", "image", "runtime"},
    "engine": {"spec", "linux", "distribution", "image", "logs", "runtime", "network", "config"},
    "swarm": {"spec", "engine"},
    "registry": {"spec", "image"},
    "trust": {"spec", "image"},
    "api": set(),
    "api.http": set(),
    "api.grpc": {"spec"},
    "api.server": {"spec", "api.http", "api.grpc"},
    "api.client": {"spec", "api.http", "api.grpc"},
    "compose": {"spec", "api.client"},
    "cli": {"spec", "api.client", "distribution", "compose", "trust"},
}
# Processes that stay small: what they may import of scow, and what they may never load.
SHIM_ROOMS = {"linux", "logs", "spec", "errors"}
HEAVY = {"asyncio", "ssl", "msgspec", "http.client", "logging", "typing_extensions", "sqlite3", "subprocess"}

FORBIDDEN_NAMES = re.compile(r"^(utils?|helpers?|common|misc|managers?|.*_(utils?|helpers?|manager))$")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """``api`` counts by its sub-packages, everything else by its first name."""
    head, *rest = module.split(".")
    return f"{head}.{rest[0]}" if head == "api" and rest else head


def scow_imports(path: Path) -> set[str]:
    """Every scow module that ``path`` names, imports inside functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    modules = {name.removeprefix("scow.") for name in names if name.startswith("scow.")}
    return modules - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    room = room_of(name_of(path))
    imported = {room_of(name) for name in scow_imports(path)}
    outside = ROOTS - {"__init__", room}  # a root may be a package
    assert not imported & outside, "nothing imports a composition root"
    if room in ROOTS or path == SRC / "__init__.py":
        return
    assert room in MAY_IMPORT, f"{room} has no row in the table of docs/development/architecture.md"
    base = BASE if room not in BASE else set()
    assert imported <= MAY_IMPORT[room] | {room} | base


@pytest.mark.parametrize("name", ["runtime/reaper_process.py", "runtime/shim.py"])
def test_the_small_processes_import_only_their_rooms(name: str) -> None:
    reached, queue = set(), [SRC / name]
    while queue:
        path = queue.pop()
        for module in scow_imports(path):
            assert room_of(module) in SHIM_ROOMS or name_of(path).startswith("runtime"), (
                f"{name_of(path)} imports {module}"
            )
            for candidate in (module, module.rpartition(".")[0]):
                found = SRC / (candidate.replace(".", "/") + ".py")
                if found.exists() and found not in reached:
                    reached.add(found)
                    queue.append(found)
    rooms = {room_of(name_of(path)) for path in reached}
    assert rooms <= SHIM_ROOMS | {"runtime"}


def loaded_by(code: str, *flags: str) -> set[str]:
    """Names in ``sys.modules`` of a fresh interpreter that ran ``code``."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return set(done.stdout.split())


def test_the_command_line_starts_light() -> None:
    assert not loaded_by("import scow.cli.main", "-I") & HEAVY


def test_the_reaper_needs_the_standard_library_only() -> None:
    code = f"import sys; sys.path.insert(0, {str(SRC.parent)!r}); import scow.runtime.reaper_process"
    loaded = loaded_by(code, "-I", "-S")
    # It forks the first shim, so it knows what that one does: no more than its rooms.
    rooms = {room_of(name.removeprefix("scow.")) for name in loaded if name.startswith("scow.")}
    assert rooms <= SHIM_ROOMS | {"runtime"}
    assert not loaded & (HEAVY | {"json", "re", "enum", "socket", "signal", "dataclasses"})


def test_the_shim_starts_light() -> None:
    assert not loaded_by("import scow.runtime.shim", "-I") & (HEAVY - {"logging"})


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_named_after_what_they_are(path: Path) -> None:
    for part in path.relative_to(SRC).with_suffix("").parts:
        assert not FORBIDDEN_NAMES.match(part)


def test_the_engine_starts_without_what_it_rarely_needs() -> None:
    loaded = loaded_by("import scow.daemon", "-I")
    assert not loaded & {
        "ssl",
        "_ssl",
        "_hashlib",
        "http.client",
        "email",
        "urllib3",
        "tarfile",
        "zipfile",
        "unittest",
        "typing_extensions",
        "h2",
        "isal",
        "ctypes",
    }
    assert "ssl" in loaded_by("import scow.daemon, ssl, asyncio; assert ssl.MemoryBIO", "-I")
    assert not loaded & {"gzip", "tempfile"}, "wanted by packed logs only"
    # What ``inspect`` imports: a dataclass without a docstring makes one with it, in 1 MB.
    if sys.version_info < (3, 13):  # there dataclasses cannot do without
        assert not loaded & {"ast", "dis", "tokenize"}


def test_ctypes_stays_in_the_kernel_room() -> None:
    users = {
        name_of(path) for path in MODULES if re.search(r"^\s*(import|from) _?ctypes", path.read_text(), re.M)
    }
    assert users == {"linux.c_library", "linux.seccomp"}
