"""Imports point inwards: app -> pages -> tiger.ui -> tiger, and inside tiger from later rooms to earlier ones."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
TIGER = PROJECT / "tiger"
ORDER = ["paths", "files", "params", "precision", "progress", "catalogue", "embed", "datasets", "library", "metrics",
         "quantizers", "semantic_ids", "trie", "beam", "exact", "models", "explain", "evaluation", "costs", "tree", "projection",
         "doctor", "drift", "cold", "diversity", "presets", "runconfig", "runfolder", "run", "runs", "checkpoint", "session",
         "results", "imported", "training", "model_training", "maps", "studies", "worker", "jobs", "reports", "lessons",
         "colours", "plots", "htmlpage", "studypage", "cli", "environment", "bootstrap", "__main__"]
"""The rooms of tiger; each imports only from those before it."""


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
    return file.relative_to(TIGER).parts[0].removesuffix(".py")


CORE = sorted(file for file in TIGER.rglob("*.py") if room(file) not in ("ui", "__init__"))
PAGES = sorted((PROJECT / "pages").glob("*.py"))


def test_every_room_has_its_place():
    assert {room(file) for file in CORE} <= set(ORDER), "a new room needs a place in ORDER"
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("file", CORE, ids=lambda file: str(file.relative_to(TIGER)))
def test_the_core_imports_only_from_earlier_rooms_and_never_the_app(file):
    here = ORDER.index(room(file))
    for name in imported(file):
        top, *rest = name.split(".")
        assert top not in ("streamlit", "pages", "app", "tests"), f"{name} is not for the core"
        if top == "tiger" and rest[0] != room(file):
            assert rest[0] != "ui", "the core knows nothing of its user interface"
            assert ORDER.index(rest[0]) < here, f"{room(file)} stands before {rest[0]} and may not import it"


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


def test_the_core_works_where_streamlit_is_not_installed():
    """In a fresh Python that refuses to import it."""
    names = sorted({f"tiger.{room(file)}" for file in CORE} - {"tiger.__main__"})
    code = ("import sys, importlib\nsys.modules['streamlit'] = None\n"
            f"for name in {names!r}: importlib.import_module(name)")
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=240)
    assert said.returncode == 0, said.stderr


def test_listing_runs_does_not_load_torch():
    """The command line answers at once, and the first sign of life of a worker comes before the big imports."""
    code = "import sys, tiger.runs.supervisor, tiger.runs.worker; print([n for n in ('torch', 'sklearn') if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert said.stdout.strip() == "[]", said.stderr
