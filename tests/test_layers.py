"""The layers that the README lists are those of the code: imports point one way."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "trioserve"
README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")

# The public names, and what starts the program: no layer.
FRONT = ("__init__", "__main__")


def listed() -> list[str]:
    """The layers from the README, lowest first: modules, and folders as ``wire``."""
    (block,) = re.findall(r"^```\n(errors .*?)^```$", README, re.DOTALL | re.MULTILINE)
    # Names stand two blanks apart; what they are for, further to the right.
    lines = [re.split(r" {3,}", line)[0] for line in block.splitlines()]
    return [name.removesuffix("/") for line in lines for name in line.split()]


def sources() -> dict[str, list[Path]]:
    """The files of each layer."""
    files: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if layer not in FRONT:
            files.setdefault(layer, []).append(path)
    return files


def imports(tree: ast.AST) -> Iterator[ast.ImportFrom | ast.Import]:
    """Every import that runs, also one within a function."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    if isinstance(tree, ast.ImportFrom | ast.Import):
        yield tree
    for child in ast.iter_child_nodes(tree):
        yield from imports(child)


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """What a file imports: modules, and the names out of them."""
    for each in imports(ast.parse(path.read_text(encoding="utf-8"))):
        module = (each.module or "") if isinstance(each, ast.ImportFrom) else ""
        for alias in each.names:
            yield (module, alias.name) if module else (alias.name, "")


def layers_imported(path: Path) -> set[str]:
    """The layers that a file imports from, also by way of the package's public names."""
    public = {name: module for module, name in imported(PACKAGE / "__init__.py")}
    modules = {
        public.get(name, f"trioserve.{name}") if module == "trioserve" else module
        for module, name in imported(path)
        if name != "__version__"
    }
    return {each.split(".")[1] for each in modules if each.startswith("trioserve.")}


def test_every_module_and_folder_is_listed_once() -> None:
    assert sorted(listed()) == sorted(sources())


@pytest.mark.parametrize("layer", sources())
def test_a_layer_imports_only_those_before_it(layer: str) -> None:
    order = listed()
    allowed = set(order[: order.index(layer)]) | ({layer} if (PACKAGE / layer).is_dir() else set())

    for path in sources()[layer]:
        assert layers_imported(path) <= allowed, path


def test_the_ground_floor_knows_no_trio() -> None:
    (block,) = re.findall(r"^```\n(errors .*?)^```$", README, re.DOTALL | re.MULTILINE)
    (ground,) = [line for line in block.splitlines() if "no Trio" in line]

    for name in re.split(r" {3,}", ground)[0].split():
        for path in sources()[name.removesuffix("/")]:
            assert not re.search(r"^\s*(import|from) (trio|socket)\b", path.read_text(), re.M), path
