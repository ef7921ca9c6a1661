"""docs/MAP.md and docs/ARCHITECTURE.md show what the imports say: packages, layers, modules, libraries."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("runtime", "bot", "bitable_sync", "rules", "payslip", "creative", "sandbox")
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
MAP = (ROOT / "docs" / "MAP.md").read_text("utf-8")


@cache
def modules() -> Mapping[str, ast.Module]:
    """Dotted name → what is written there; migrations are run by Alembic, not imported."""
    found = {}
    for path in (path for package in CODE for path in sorted((ROOT / package).rglob("*.py"))):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "versions" not in parts:
            found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text("utf-8"))
    return found


@cache
def imported(module: str, *, at_once: bool) -> set[str]:
    """What a module imports: modules of ours by their names, others by their first.

    Args:
        module: its dotted name.
        at_once: only what is imported with it, not what a function imports or only types need.
    """
    return {
        name if name in modules() else name.partition(".")[0]
        for statement in statements(modules()[module], at_once=at_once)
        for name in names(statement)
    } - {module}


def statements(node: ast.AST, *, at_once: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        later = isinstance(child, ast.FunctionDef) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        )
        if not (at_once and later):
            yield from statements(child, at_once=at_once)


def names(statement: ast.Import | ast.ImportFrom) -> list[str]:
    """The full names an import statement makes known; `from package import module` names the module."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    inside = [f"{statement.module}.{alias.name}" for alias in statement.names]
    return [name if name in modules() else str(statement.module) for name in inside]


SECTIONS = dict(re.findall(r"^## ([\w.]+)\n(.*?)(?=^## |\Z)", MAP, re.MULTILINE | re.DOTALL))
"""Package → its part of the map."""


def rows(package: str) -> list[list[str]]:
    """The rows of a package's table, as the names and patterns of modules in them."""
    return [re.findall(r"`([\w*]+)`", line) for line in SECTIONS[package].splitlines() if "`" in line]


def package_of(module: str) -> str:
    """The package of the map that a module belongs to, the innermost one."""
    return max((each for each in SECTIONS if module == each or module.startswith(f"{each}.")), key=len)


def placed(package: str) -> dict[str, int]:
    """Module → the number of its row; a name wins over a pattern."""
    inside = [name.removeprefix(f"{package}.") for name in modules() if package_of(name) == package]
    found: dict[str, int] = {}
    for module in (name for name in inside if name != package and name not in {"__main__", "migrations"}):
        if module.startswith("migrations."):
            continue
        exact = [number for number, row in enumerate(rows(package)) if module in row]
        wide = [
            number
            for number, row in enumerate(rows(package))
            if any(fnmatchcase(module, each) for each in row)
        ]
        assert len(exact or wide) == 1, (
            f"{package}.{module} must be in one row of docs/MAP.md, not {exact or wide}"
        )
        found[module] = (exact or wide)[0]
    return found


def test_the_map_has_every_package() -> None:
    """A part for each folder with code in it."""
    packages = {name.rpartition(".")[0] for name in modules()} - {"", "runtime.migrations"}
    assert set(SECTIONS) == packages


@pytest.mark.parametrize("package", SECTIONS)
def test_the_map_shows_every_module_and_reads_from_the_top(package: str) -> None:
    """Each module is in one row, each name is a module's, and a row uses only itself and rows above."""
    place = placed(package)
    named = {name for row in rows(package) for name in row if "*" not in name}
    assert named <= set(place), "the map names modules that are not there"
    wrong = [
        f"{module} (row {place[module] + 1}) imports {other} (row {place[other] + 1})"
        for module in place
        for other in (
            name.removeprefix(f"{package}.") for name in imported(f"{package}.{module}", at_once=True)
        )
        if other in place and place[other] > place[module]
    ]
    assert wrong == []


def test_no_module_waits_for_itself() -> None:
    """Imported with each other, modules have no cycle."""
    graph = {name: imported(name, at_once=True) & set(modules()) for name in modules()}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


# --- docs/ARCHITECTURE.md ---


def libraries(package: str) -> set[str]:
    """What a package's modules import that is neither ours nor Python's."""
    every = {
        name
        for module in modules()
        if package_of(module) == package
        for name in imported(module, at_once=False)
    }
    return {
        name for name in every if name.partition(".")[0] not in {*CODE, *sys.stdlib_module_names, "_typeshed"}
    }


def test_the_table_of_packages_equals_the_imports() -> None:
    """Who imports whom, and which libraries, in both directions."""
    table = re.findall(r"^\| `([\w.]+)` \| (.*?) \| (.*?) \|$", ARCHITECTURE, re.MULTILINE)
    said = {name: tuple(set(re.findall(r"`([\w.]+)`", cell)) for cell in cells) for name, *cells in table}
    real = {
        package: (
            {
                package_of(other)
                for module in modules()
                if package_of(module) == package
                for other in imported(module, at_once=False) & set(modules())
            }
            - {package},
            libraries(package),
        )
        for package in SECTIONS
    }
    assert {name: cells for name, cells in said.items() if name in SECTIONS} == real


def test_the_picture_equals_the_layers_that_are_enforced() -> None:
    """Its lines are the layers of import-linter; only runtime imports what stands behind the arrow."""
    picture = re.search(r"^## The house\n+```\n(.*?)```", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert picture is not None
    lines = [
        re.findall(r"[\w.]+", re.split(r" {4,}(?=\S)|──►", line.strip())[0])
        for line in picture[1].splitlines()
    ]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    assert [line for line in lines if set(line) <= set(CODE) - {"sandbox"}] == [
        re.findall(r"\w+", each) for each in layers
    ]
    behind = re.findall(r"\w+", picture[1].partition("──►")[2].partition("\n")[0])
    assert behind
    assert {
        (name, package)
        for package in SECTIONS
        for name in libraries(package) & set(behind)
        if not package.startswith("runtime")
    } == set()


@cache
def defined() -> Mapping[str, set[str]]:
    """Path of a module without its ending → its functions and classes, and methods as `Class.method`."""
    found = {}
    for module, tree in modules().items():
        inside = found[module.replace(".", "/")] = set[str]()
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                inside.add(node.name)
            if isinstance(node, ast.ClassDef):
                inside |= {
                    f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)
                }
    return found


@cache
def words() -> set[str]:
    """Every text constant of the code, and the manifest's words: names of works, tables, actions, keys."""
    constants = (
        node for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.Constant)
    )
    texts = {node.value for node in constants if isinstance(node.value, str)}
    return texts | set(re.findall(r"[\w.]+", (ROOT / "feishu_app.yaml").read_text("utf-8")))


OTHERS = {
    "COMMIT",
    "DATABASE_URL",
    "lark_oapi",
    "dbos",
    "now",
    "workflow_status",
    "operation_outputs",
    "lookup",
}
"""Words of SQL and of libraries, and names of arguments."""


def is_there(name: str) -> bool:
    """Whether a name in code type stands for a file, a definition, a module or a text of the code."""
    choice = re.search(r"\{([\w,]+)\}", name)
    if choice is not None:
        return all(is_there(name.replace(choice[0], each)) for each in choice[1].split(","))
    file = name.rstrip("/")
    if any(any(ROOT.glob(place)) for place in (file, *(f"{package}/**/{file}" for package in CODE))):
        return True
    path, _, attribute = name.rpartition(".")
    outer, _, kind = path.rpartition(".")
    for module, inside in defined().items():
        for place, wanted in ((path, attribute), (outer, f"{kind}.{attribute}")):
            if place and f"/{module}".endswith(f"/{place}") and wanted in inside:
                return True
        if name in inside or module.endswith(f"/{name}"):
            return True
    return name in OTHERS or name in words() or f".{attribute}" in words()


def test_every_name_of_the_architecture_is_in_the_code() -> None:
    """One tap, one edit, one pay day, one request: each function, file and work they name is there."""
    prose = re.sub(r"^ *```.*?^ *```", "", ARCHITECTURE, flags=re.MULTILINE | re.DOTALL)
    # Two of its tables have tests of their own.
    prose = re.sub(r"^\| `[\w.*]+`.* \|$", "", prose, flags=re.MULTILINE)
    spans = set(re.findall(r"`([^`\n]+)`", prose))
    said = {name for name in spans if re.fullmatch(r"\w[\w./{},*-]+", name) and not name.startswith("var/")}
    assert len(said) > 100
    assert sorted(name for name in said if not is_there(name)) == []


def test_every_durable_table_stands_with_its_owner() -> None:
    """In one row of "Where things are kept", and the owner is the package that defines it."""
    defines = {
        str(node.args[0].value): package_of(module)
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "sa.Table"
        and isinstance(node.args[0], ast.Constant)
    }
    page = ARCHITECTURE.partition("## Where things are kept")[2]
    lines = re.findall(r"^\| (.*?) \| `([\w.]+)` \|", page, re.MULTILINE)
    kept = [(re.findall(r"`([\w*]+)`", names), owner) for names, owner in lines]
    assert len(defines) > 50
    found = {
        table: [owner for patterns, owner in kept if any(fnmatchcase(table, each) for each in patterns)]
        for table in defines
    }
    assert found == {table: [owner] for table, owner in defines.items()}
