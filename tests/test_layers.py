"""The layer rule of `fleet/__init__.py`, and the size of rooms: what a machine checks, people can rely on."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fleet"
MODULES = sorted(PACKAGE.rglob("*.py"))

NAMES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}

MAY_IMPORT = {
    "core": set(),
    "ledger": {"core"},
    "aws": {"core"},
    "telemetry": {"core"},
    "settings": {"core"},
    "stages": {"core", "ledger", "aws", "telemetry"},
    "web": {"core", "ledger", "telemetry"},
    "app": {"core", "ledger", "aws", "telemetry", "settings", "stages", "web"},
    "cli": {"core", "app", "settings", "sandbox"},
    "sandbox": set(),
    "__init__": set(),
    "__main__": {"cli"},
}
SANDBOX_COMMANDS = {"sandbox", "demo"}
CORE_NEVER = {"asyncio", "anyio", "time", "random", "sqlite3", "botocore", "aiohttp", "socket", "os", "pathlib"}
KNOW_BOTO = {"aws", "sandbox"}


def package_of(path: Path) -> str:
    """The layer a file belongs to: its folder below `fleet`, or its own name at the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in NAMES else node.module or "" for name in inner)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    """Each layer imports only the layers below it; only the two sandbox commands know the sandbox."""
    layer = package_of(path)
    allowed = MAY_IMPORT[layer] | {layer}
    if layer == "cli" and path.stem not in SANDBOX_COMMANDS:
        allowed -= {"sandbox"}

    ours = {name.split(".")[1] for name in imports(path) if name.startswith("fleet.")} - {"__version__"}

    assert ours <= allowed, f"{layer} must not import {sorted(ours - allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_aws_layer_and_the_sandbox_know_boto(path: Path) -> None:
    """botocore's names stay behind `fleet.aws`; core never waits and reads no clock."""
    layer = package_of(path)
    foreign = {name.split(".")[0] for name in imports(path)}

    if layer not in KNOW_BOTO:
        assert not foreign & {"botocore", "aiobotocore", "aioboto3", "boto3"}
    if layer == "core":
        assert not foreign & CORE_NEVER


def test_there_is_no_import_circle() -> None:
    """Modules import each other in one direction only, inside the layers too."""
    graph = {name: {target for target in imports(path) if target in NAMES} - {name} for name, path in NAMES.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for target in graph[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_are_small(path: Path) -> None:
    """A file has at most 300 lines and a function at most 60."""
    source = path.read_text()

    assert len(source.splitlines()) <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is too long"


def test_every_package_says_what_is_public() -> None:
    """Every `__init__.py` lists its `__all__`, and every module opens by saying why it exists."""
    for path in MODULES:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path} has no docstring"
        if path.name == "__init__.py":
            assigned = {target.id for node in tree.body for target in _targets(node)}
            assert "__all__" in assigned, f"{path} has no __all__"


def _targets(node: ast.stmt) -> list[ast.Name]:
    if isinstance(node, ast.Assign):
        return [target for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target]
    return []
