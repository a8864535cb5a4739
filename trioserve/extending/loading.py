"""From a source, ``FILE.py`` or ``package.module``, to a fresh module."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from trioserve.errors import PluginError
from trioserve.extending.converters import undone_on_failure
from trioserve.extending.decorators import FILE_PREFIX


@contextmanager
def loaded(source: str, *, compiled: bool = False) -> Iterator[ModuleType]:
    """Run a plug-in's code, also if it was loaded before, for the block to take in its new module.

    A package's own modules are run anew with it; whatever else it imports is not.
    If its code or the block fails, what was loaded before is as it was.

    With `compiled`, what Python has kept of it, compiled, will do: for what nobody edits.

    Raises:
        PluginError: if there is no such thing, or its code fails; the text names
            the file, and the line at fault.
    """
    if not compiled:
        importlib.invalidate_caches()  # it may have been written just now
    spec = _spec(source, SourceFileLoader if compiled else _FreshLoader)
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with undone_on_failure(), ExitStack() as undo:
        undo.callback(_put_back, spec.name, _take_out(spec.name))
        sys.modules[spec.name] = module  # where the code it runs may look for itself
        try:
            with nullcontext() if compiled else _no_bytecode(spec):
                spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            raise PluginError(f"{source}: {_fault(error, spec.origin)}") from error
        yield module
        undo.pop_all()
    parent, _, child = spec.name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)  # for who imports it from there


def name_of(source: str) -> str:
    """What people call the plug-in of a source: ``dice``."""
    return Path(source).stem if _is_file(source) else source.rpartition(".")[2]


def _is_file(source: str) -> bool:
    return source.endswith(".py")


class _FreshLoader(SourceFileLoader):
    """Compiles its file each time: a cached one may be of the same second, and another text."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


@contextmanager
def _no_bytecode(spec: ModuleSpec) -> Iterator[None]:
    """Keep a package's modules, which Python itself loads, from being cached: see _FreshLoader."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = before or spec.submodule_search_locations is not None
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _take_out(name: str) -> dict[str, ModuleType]:
    """Remove a module from those that are loaded, with those below it if it is a package."""
    names = [each for each in sys.modules if each == name or each.startswith(f"{name}.")]
    return {each: sys.modules.pop(each) for each in names}


def _put_back(name: str, modules: dict[str, ModuleType]) -> None:
    _take_out(name)
    sys.modules.update(modules)


def _spec(source: str, loader: type[SourceFileLoader]) -> ModuleSpec:
    name, path = _locate_file(source) if _is_file(source) else _locate_module(source)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader(name, path))
    assert spec is not None
    return spec


def _locate_file(source: str) -> tuple[str, str]:
    path = Path(source).resolve()
    if not path.is_file():
        raise PluginError(f"{source}: there is no such file")
    return f"{FILE_PREFIX}{path.stem}", str(path)


def _locate_module(source: str) -> tuple[str, str]:
    absent = PluginError(f"{source}: there is no such module (a file ends with .py)")
    try:
        found = importlib.util.find_spec(source)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{source}.".startswith(f"{error.name}."):
            raise PluginError(f"{source}: {_fault(error, None)}") from error
        raise absent from None
    except Exception as error:  # whatever the packages that it is in have raised
        raise PluginError(f"{source}: {_fault(error, None)}") from error
    if found is None or not found.has_location or found.origin is None:
        raise absent
    return source, found.origin


def _fault(error: BaseException, path: str | None) -> str:
    """Name the line of the plug-in that is at fault, the error, and what stands there."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return _at(error.lineno, error.msg, error.text)
    what = f"{type(error).__name__}: {error}"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == path]
    return _at(frames[-1].lineno, what, frames[-1].line) if frames else what


def _at(number: int | None, what: str, line: str | None) -> str:
    return f"line {number}: {what}" + (f"\n    {line.strip()}" if line and line.strip() else "")
