"""No error is swallowed silently: what is caught and dropped is narrow, and a comment says why silence is right."""

import ast
from pathlib import Path

import tiger

ROOT = Path(tiger.__file__).parent
BROAD = {"Exception", "BaseException"}


def silent(tree: ast.Module, lines: list[str]) -> list[tuple[int, str]]:
    """Line and reason of every place that drops an error without a word."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            drops = all(isinstance(part, ast.Pass | ast.Continue) for part in node.body)
            names = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)} if node.type else {"Exception"}
            said = any("#" in line for line in lines[node.lineno - 1:node.body[-1].end_lineno])
            if node.type is None:
                found.append((node.lineno, "a bare except"))
            elif drops and (names & BROAD or not said):
                found.append((node.lineno, "dropped without a reason"))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("contextlib.suppress", "suppress"):
            names = {ast.unparse(arg) for arg in node.args}
            if names & BROAD or "#" not in lines[node.lineno - 1]:
                found.append((node.lineno, "suppressed without a reason"))
    return found


def test_every_dropped_error_says_why():
    bad = []
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        bad += [f"{path.relative_to(ROOT)}:{line}: {why}" for line, why in silent(ast.parse(text), text.splitlines())]
    assert bad == []


def test_the_test_finds_what_it_looks_for():
    text = ("try:\n    a()\nexcept OSError:\n    pass\ntry:\n    a()\nexcept:\n    b()\n"
            "with contextlib.suppress(OSError):\n    a()\ntry:\n    a()\nexcept KeyError:  # it may be gone\n    pass\n")
    assert [line for line, _ in silent(ast.parse(text), text.splitlines())] == [3, 7, 9]
