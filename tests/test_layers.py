"""The layers that the README lists are those of the code: imports point one way."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "trioserve"
README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")

# The public names, and what starts the program: no layer.
FRONT = ("trioserve", "trioserve.__main__")


def block() -> list[str]:
    """The lines of the README that list the layers, lowest first."""
    (found,) = re.findall(r"^```\n(errors .*?)^```$", README, re.DOTALL | re.MULTILINE)
    return str(found).splitlines()


def names(line: str) -> list[str]:
    """The names in a line: they stand two blanks apart; what they are for, further to the right."""
    return re.split(r" {3,}", line.strip())[0].split()


def listed() -> list[str]:
    """Every module, lowest first: ``trioserve.errors``, and indented below a package its own."""
    modules = []
    package = "trioserve"
    for line in block():
        if line.startswith(" "):
            modules += [f"{package}.{name}" for name in names(line)]
        elif line.split()[0].endswith("/"):
            package = f"trioserve.{line.split()[0].removesuffix('/')}"
        else:
            modules += [f"trioserve.{name}" for name in names(line)]
    return modules


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
FOLDERS = {name for name, path in FILES.items() if path.stem == "__init__"}
SOURCES = {name: path for name, path in FILES.items() if name not in FOLDERS and name not in FRONT}


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


PUBLIC = {name: module for module, name in imported(PACKAGE / "__init__.py")}


def modules_imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, also by way of the package's public names."""
    found = set()
    for module, name in imported(path):
        if f"{module}.{name}" in FILES:
            found.add(f"{module}.{name}")
        elif module == "trioserve" and name != "__version__":
            found.add(PUBLIC[name])
        elif module.startswith("trioserve."):
            found.add(module)
    return found


def test_every_module_is_listed_once_in_its_package() -> None:
    assert sorted(listed()) == sorted(SOURCES)


def test_every_package_is_listed_once() -> None:
    packages = [line.split("/")[0] for line in block() if re.match(r"\w+/", line)]

    assert sorted(f"trioserve.{each}" for each in packages) == sorted(FOLDERS - set(FRONT))


@pytest.mark.parametrize("layer", dict.fromkeys(name.split(".")[1] for name in SOURCES))
def test_a_module_imports_only_those_before_it(layer: str) -> None:
    order = listed()

    for name, path in SOURCES.items():
        if name.split(".")[1] == layer:
            assert modules_imported(path) <= set(order[: order.index(name)]), name


@pytest.mark.parametrize("folder", sorted(FOLDERS - set(FRONT)))
def test_a_package_has_no_code_but_in_its_modules(folder: str) -> None:
    tree = ast.parse(FILES[folder].read_text(encoding="utf-8"))

    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_the_ground_floor_knows_no_trio() -> None:
    (last,) = [line for line in block() if "no Trio" in line]
    ground = listed()[: listed().index(f"trioserve.{names(last)[-1]}") + 1]

    assert len(ground) > 30
    for name in ground:
        text = SOURCES[name].read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|from) (trio|socket)\b", text, re.M), name
