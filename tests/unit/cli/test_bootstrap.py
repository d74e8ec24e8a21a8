"""Set-up on a bare Python, with small packages made here and no network."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tiger.cli import bootstrap, environment
from tiger.core import paths


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with requirements of its own; the environment goes below it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setattr(paths, "PROJECT", folder)
    monkeypatch.delenv("TIGER_VENV", raising=False)
    monkeypatch.delenv("TIGER_INSIDE", raising=False)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    write_wheel(tmp_path / "wheels", "tinyone", "1.2")
    write_wheel(tmp_path / "wheels", "tinytwo", "3.0+cpu")
    (folder / "requirements.txt").write_text("# what the app needs\ntinyone==1.2  # small\n\ntinytwo==3.0\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\npip\n")
    return folder


@pytest.fixture(scope="module")
def made_environment(tmp_path_factory) -> Path:
    """A virtual environment with pip, made once."""
    folder = tmp_path_factory.mktemp("made") / ".venv"
    environment.make_environment(folder)
    return folder


@pytest.fixture
def prepared(project, made_environment) -> Path:
    """The project with an environment in which nothing is installed yet."""
    shutil.copytree(made_environment, project / ".venv", symlinks=True)
    return project


def write_wheel(folder: Path, name: str, version: str) -> None:
    """The smallest wheel that pip installs."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"version = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_requirements_are_read_with_what_they_include(project):
    assert environment.requirements("requirements-dev.txt") == {"tinyone": "1.2", "tinytwo": "3.0", "pip": None}
    (project / "requirements.txt").write_text("a.b-c[extra1,extra2]==1.0; python_version > '3'\n-r more.txt\n")
    (project / "more.txt").write_text("d\n")
    assert environment.requirements("requirements.txt") == {"a.b-c": "1.0", "d": None}


def test_the_projects_own_requirements_hold_here():
    """These tests run in an environment that has them, whatever the local suffix of torch is."""
    assert environment.missing("requirements.txt") == []


@pytest.mark.parametrize(("pinned", "present", "lacking"), [
    ("1.2", "1.2", False), ("1.2", "1.2+cpu", False), ("1.2", "1.20", True), ("1.2", "1.3", True)])
def test_versions_are_compared_without_the_local_suffix(project, monkeypatch, pinned, present, lacking):
    (project / "requirements.txt").write_text(f"some=={pinned}\n")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: present)
    assert bool(environment.missing("requirements.txt")) is lacking


@pytest.mark.processes
def test_setup_installs_once_after_an_interrupted_one_and_again_when_the_requirements_change(project, tmp_path, capfd):
    """An environment where nothing was, ``made_environment`` makes."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").write_text("not a python")
    assert not environment.is_ready("requirements.txt")
    assert environment.missing("requirements.txt") == ["tinyone", "tinytwo"]
    assert bootstrap.main(["setup"]) == 0
    assert environment.is_ready("requirements.txt")
    python = environment.python_of(project / ".venv")
    say = [str(python), "-c", "import tinyone, tinytwo; print(tinyone.version, tinytwo.version)"]
    assert subprocess.run(say, capture_output=True, text=True).stdout.split() == ["1.2", "3.0+cpu"]
    assert "Installing 2 packages" in capfd.readouterr().out
    assert bootstrap.main(["setup"]) == 0
    assert "Installing" not in capfd.readouterr().out, "everything is there"
    write_wheel(tmp_path / "wheels", "tinyone", "1.3")
    (project / "requirements.txt").write_text("tinyone==1.3\ntinytwo==3.0\n")
    assert not environment.is_ready("requirements.txt")
    assert bootstrap.main(["setup"]) == 0
    assert subprocess.run(say, capture_output=True, text=True).stdout.split()[0] == "1.3"


@pytest.mark.processes
def test_what_the_tests_need_includes_what_the_app_needs(prepared):
    environment.prepare("requirements-dev.txt")
    assert environment.is_ready("requirements.txt") and environment.is_ready("requirements-dev.txt")


@pytest.mark.processes
def test_a_package_that_does_not_exist_is_said(prepared, capfd):
    (prepared / "requirements.txt").write_text("tinyone==99\n")
    assert bootstrap.main(["setup"]) == 2
    said = capfd.readouterr()
    assert "pip says why above" in said.err and "Traceback" not in said.err
    assert not environment.is_ready("requirements.txt")


@pytest.mark.processes
def test_no_network_is_said_in_one_sentence(prepared, capfd, monkeypatch):
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("PIP_RETRIES", "0")
    assert bootstrap.main(["setup"]) == 2
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("tiger: Installing requirements.txt failed; pip says why above. If it cannot reach its package")


def test_a_folder_that_cannot_be_written_is_said(project, capfd, monkeypatch):
    monkeypatch.setenv("TIGER_VENV", str(project / "requirements.txt" / "venv"))
    assert bootstrap.main(["setup"]) == 2
    assert "cannot be written" in capfd.readouterr().err


def test_the_rest_of_the_words_go_to_streamlit_and_pytest(monkeypatch):
    calls = []
    monkeypatch.setattr(environment, "missing", lambda wanted: [])
    monkeypatch.setattr(environment, "call", lambda words, *rest, **more: calls.append(words) or 0)
    assert bootstrap.main(["app", "--server.port", "8600"]) == 0
    assert bootstrap.main(["test", "-k", "trie"]) == 0
    assert calls[0][:3] == [sys.executable, "-m", "tiger.ui.shared.serve"]
    assert calls[0][-2:] == ["--server.port", "8600"]
    assert calls[1][:3] == [sys.executable, "-m", "pytest"]
    assert calls[1][-2:] == ["-k", "trie"]


def test_set_up_compiles_what_the_server_and_its_workers_import():
    """As an own process it may fail unseen: the first start is slower then, and nothing else."""
    exec(environment.FIRST_START, {})
    assert {"torch", "streamlit", "sklearn.cluster", "tiger.runs.train_quantizer"} <= set(sys.modules)


def test_a_failing_program_gives_its_code(monkeypatch):
    monkeypatch.setattr(environment, "missing", lambda wanted: [])
    monkeypatch.setattr(environment, "call", lambda words, *rest, **more: 5)
    assert bootstrap.main(["test"]) == 5


@pytest.mark.parametrize("code", [0, 5])
def test_on_a_bare_python_the_command_runs_once_in_the_environment_and_gives_its_code(project, monkeypatch, code):
    calls = []
    monkeypatch.setattr(environment, "is_ready", lambda wanted: True)
    monkeypatch.setattr(environment, "call", lambda words, *rest, **more: calls.append(words) or code)
    for command in ("app", "test"):
        assert bootstrap.main([command]) == code
    python = str(environment.python_of(project / ".venv"))
    assert calls == [[python, "-m", "tiger", command] for command in ("app", "test")]


def test_other_commands_ask_for_setup_first(project, capfd):
    assert bootstrap.main(["train"]) == 2
    assert "2 packages are missing (tinyone, tinytwo" in capfd.readouterr().err
    assert bootstrap.main(["--help"]) == 0
    assert "python -m tiger setup" in capfd.readouterr().out


def test_inside_an_environment_that_still_lacks_something_it_does_not_go_round(project, monkeypatch, capfd):
    monkeypatch.setenv("TIGER_INSIDE", "1")
    assert bootstrap.main(["app"]) == 2
    assert "delete .venv" in capfd.readouterr().err


@pytest.mark.processes
def test_it_starts_with_the_standard_library_alone():
    """-S leaves out site-packages, as on a bare machine."""
    code = ("import sys, tiger.cli.bootstrap; "
            "print([name for name in ('numpy', 'torch', 'pandas', 'streamlit') if name in sys.modules])")
    project = Path(bootstrap.__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-S", "-c", code], cwd=project, capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr
    helped = subprocess.run([sys.executable, "-S", "-m", "tiger", "--help"], cwd=project, capture_output=True,
                            text=True, env=os.environ | {"TIGER_VENV": "/nowhere/.venv"})
    assert helped.returncode == 0 and "app" in helped.stdout, helped.stderr
