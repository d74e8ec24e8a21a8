"""The ladder of rooms: every room of ``tiger`` imports only from rooms below it, and no file stands loose."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TIGER = PROJECT / "tiger"
LADDER = [{"core", "metrics", "search"}, {"datasets", "quantizers", "plots"}, {"semantic_ids"}, {"models"},
          {"analysis", "studies"}, {"runs"}, {"reports", "recording"}, {"cli", "ui"}]
"""Floors from the ground up. Rooms of one floor may import each other, as long as no ring arises."""
FLOOR = {room: floor for floor, rooms in enumerate(LADDER) for room in rooms}


@cache
def imported(file: Path) -> list[str]:
    """Every module that a file imports, anywhere in it, by its full name."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def room(file: Path) -> str:
    return file.relative_to(TIGER).parts[0]


def module(file: Path) -> str:
    return ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


FILES = sorted(file for file in TIGER.rglob("*.py") if file.parent != TIGER)
CORE = [file for file in FILES if room(file) != "ui"]
PAGES = sorted((PROJECT / "pages").glob("*.py"))


def test_every_room_has_its_floor_and_nothing_stands_loose():
    assert {room(file) for file in FILES} == set(FLOOR)
    assert {file.name for file in TIGER.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TIGER)))
def test_a_room_imports_only_from_the_same_floor_or_below(file):
    for name in imported(file):
        top, *rest = name.split(".")
        assert top not in ("pages", "app", "tests"), f"{name} is not for the package"
        assert top != "streamlit" or room(file) == "ui", "only tiger.ui knows Streamlit"
        if top == "tiger" and rest[0] in FLOOR:
            assert FLOOR[rest[0]] <= FLOOR[room(file)], f"{room(file)} stands below {rest[0]} and may not import it"


def test_no_ring_between_rooms_of_one_floor():
    arrows = {(room(file), name.split(".")[1]) for file in FILES for name in imported(file) if name.startswith("tiger.")}
    both = [(one, other) for one, other in arrows if one < other and (other, one) in arrows]
    assert not both, f"these rooms import each other: {both}"


@pytest.mark.parametrize("file", [file for file in FILES if room(file) == "ui"], ids=lambda file: str(file.relative_to(TIGER)))
def test_a_page_package_never_imports_another_pages_package(file):
    package = file.relative_to(TIGER / "ui").parts[0]
    for name in imported(file):
        if name.startswith("tiger.ui."):
            assert name.split(".")[2] in ("shared", package), f"{file.name} imports {name}"


def imports_at_start(file: Path, known: set[str]) -> set[str]:
    """Modules of ``tiger`` that a file needs while it is being imported: imports inside functions come later."""
    found: set[str] = set()
    body = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else str(node.module))
    return found & known


def test_no_ring_inside_a_room():
    """Following imports from file to file never leads back; a package's ``__init__`` counts for who names the package."""
    known = {module(file): file for file in FILES}
    arrows = {name: imports_at_start(file, set(known)) - {name} for name, file in known.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a ring: {' -> '.join([*trail[trail.index(name):], name])}"
        if name not in done:
            for other in sorted(arrows[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(arrows):
        visit(name, ())


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_a_page_is_a_thin_script(file):
    for name in imported(file):
        assert name.split(".")[0] in ("streamlit", "tiger"), f"a page imports streamlit and tiger, not {name}"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree)
                 if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef))]
    assert len(functions) <= 1, "a page holds no function but one polling fragment"
    for function in functions:
        assert isinstance(function, ast.FunctionDef)
        assert any("fragment" in ast.unparse(mark) for mark in function.decorator_list), f"{function.name} polls?"


def test_nothing_imports_a_page():
    for file in [*TIGER.rglob("*.py"), *PAGES]:
        assert not [name for name in imported(file) if name.split(".")[0] == "pages"], file


@pytest.mark.processes
def test_the_core_works_where_streamlit_is_not_installed():
    """In a fresh Python that refuses to import it."""
    names = sorted(module(file) for file in CORE)
    code = ("import sys, importlib\nsys.modules['streamlit'] = None\n"
            f"for name in {names!r}: importlib.import_module(name)")
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=240)
    assert said.returncode == 0, said.stderr


@pytest.mark.processes
def test_listing_runs_does_not_load_torch():
    """The command line answers at once, and the first sign of life of a worker comes before the big imports."""
    code = "import sys, tiger.runs.supervisor, tiger.runs.worker; print([n for n in ('torch', 'sklearn') if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert said.stdout.strip() == "[]", said.stderr
