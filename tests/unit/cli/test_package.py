"""What the package declares is what it imports, and what is light stays light."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"scikit-learn": "sklearn", "umap-learn": "umap", "sentence-transformers": "sentence_transformers",
           "faiss-cpu": "faiss", "pillow": "PIL"}
"""Distributions whose module goes by another name."""


def names(requirements: list[str]) -> set[str]:
    """Distributions that a list of requirements names."""
    return {match[0] for entry in requirements if (match := re.match(r"[A-Za-z0-9-]+", entry))}


def imported(files: list[Path]) -> set[str]:
    """Top-level modules that these files import, anywhere in them."""
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"tiger"}


def test_every_imported_package_is_declared_and_every_declared_one_is_imported():
    extras = DECLARED["optional-dependencies"]
    runtime = [entry for name in ("train", "app", "sentences", "index", "tensorboard", "sweeps", "ray") for entry in extras[name]]
    declared = names([*DECLARED["dependencies"], *runtime])
    files = [*PROJECT.glob("tiger/**/*.py"), *PROJECT.glob("pages/*.py"), PROJECT / "app.py"]
    assert imported(files) == {MODULES.get(name, name) for name in declared - {"tiger-lab"}}


def test_the_pins_lie_within_the_declared_ranges():
    packaging = pytest.importorskip("packaging.requirements")
    extras = DECLARED["optional-dependencies"]
    ranges = {one.name: one.specifier for entry in [*DECLARED["dependencies"], *extras["train"], *extras["app"]]
              if (one := packaging.Requirement(entry)).name != "tiger-lab"}
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert set(pins) == set(ranges)
    assert [name for name, version in pins.items() if version not in ranges[name]] == []


LIGHT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused!r}:
            raise ImportError(f"{{name}} is not installed")
sys.meta_path.insert(0, Refuse())
import numpy as np
from tiger import runs
from tiger.semantic_ids import SemanticIds
ids = SemanticIds.from_codes(np.array([[1, 2, 0], [1, 2, 0], [0, 1, 1]]), n_codes=3)
print(ids.ids_IM.tolist(), runs.find("demo-rqvae").codes().shape, runs.find("demo-rqvae").state, len(runs.list_runs()) > 3)
"""


@pytest.mark.processes
def test_reading_runs_and_semantic_ids_needs_numpy_and_safetensors_alone():
    extras = DECLARED["optional-dependencies"]
    refused = {MODULES.get(name, name) for name in names([*extras["train"], *extras["app"]])}
    said = subprocess.run([sys.executable, "-c", LIGHT.format(refused=refused)], cwd=PROJECT, capture_output=True, text=True)
    assert said.stdout.strip() == "[[1, 2, 0, 0], [1, 2, 0, 1], [0, 1, 1, 0]] (2000, 3) finished True", said.stderr
