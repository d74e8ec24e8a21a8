"""The command line's front door: works on a bare Python, and sets up what a command needs before it starts.

Imports the standard library only, until the packages are known to be there.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tiger import __version__
from tiger.cli import environment
from tiger.cli.environment import DEV, RUNTIME, SetupError
from tiger.core import paths
from tiger.core.words import counted

HELP = """\
usage: tiger COMMAND ...   (in a checkout: python -m tiger COMMAND ...)

  app      open the app in a browser, reachable from this machine only; --share opens it to the network,
           --class opens it to a class: visitors join with a name, and everybody has their own runs and data;
           further options go to Streamlit, such as --server.port 8600
  test     run the tests (--quick: two minutes, without browsers, workers, long trainings); further options go to pytest
  setup    install what the app needs, and nothing else (--dev: also what the tests need)
"""


def main(arguments: list[str]) -> int:
    """Run a command line; returns the exit code."""
    command, rest = (arguments[0] if arguments else "--help"), arguments[1:]
    try:
        if command == "app":
            return in_environment(RUNTIME, arguments, lambda: app(rest))
        if command == "test" and paths.CHECKOUT is None:
            raise SetupError("the tests come with the source code; run them in a checkout.")
        if command == "test":
            return in_environment(DEV, arguments, lambda: test(rest))
        if command == "setup":
            return setup(rest)
        if command == "--version":
            print(f"tiger {__version__}")
            return 0
        if command in ("-h", "--help", "help"):
            print(HELP, end="", flush=True)
            return other(["--help"])
        return other(arguments)
    except SetupError as error:
        print(f"tiger: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def app(rest: list[str]) -> int:
    """Serve the app until it is interrupted; Streamlit opens the browser."""
    return environment.call([sys.executable, "-m", "tiger.ui.shared.serve", *rest])


def test(rest: list[str]) -> int:
    """Run the tests in three processes; ``-n 0`` runs them in one.

    ``--quick`` leaves out browsers, worker processes, and what trains for seconds or tries every case.
    """
    quick = "--quick" in rest
    words = ["-m", "not browser and not processes and not thorough"] if quick else []
    rest = [word for word in rest if word != "--quick"]
    # Whole files go to a process, so that what a file's tests share is made once; the longest, the browser's, come first.
    # Two cores are kept busy by three, since one often waits for a browser or a worker; none does in the quick ones.
    spread = ["-n", "2" if quick else "3", "--dist", "loadfile", "--no-loadscope-reorder"]
    return environment.call([sys.executable, "-m", "pytest", *spread, *words, *rest])


def setup(rest: list[str]) -> int:
    """Only install: into ``.venv`` beside a checkout, into this Python where the lab itself is installed."""
    if rest not in ([], ["--dev"]):
        raise SetupError(f"setup takes only --dev, but got {' '.join(rest)}.")
    wanted = DEV if rest else RUNTIME
    lacking = environment.missing(wanted)
    if not lacking:
        print("Ready: everything is installed.")
    elif paths.CHECKOUT is None:
        environment.install_here(lacking)
    else:
        print(f"Ready: {environment.prepare(wanted)}")
    return 0


def other(arguments: list[str]) -> int:
    """The commands of ``tiger.cli``, in this Python or in ``.venv``."""
    lacking = environment.missing(RUNTIME)
    if lacking and paths.CHECKOUT is not None and environment.is_ready(RUNTIME):
        return again(arguments)
    if lacking:
        if arguments == ["--help"]:
            print("\nMore commands are available after `python -m tiger setup`.")
            return 0
        raise SetupError(f"{counted(len(lacking), 'package is', 'packages are')} missing ({', '.join(lacking[:4])} …); "
                         "run `python -m tiger setup` first.")
    from tiger.cli import main as cli
    return cli.main(arguments)


def in_environment(wanted: str, arguments: list[str], work: Callable[[], int]) -> int:
    """Do the work where this Python has what is wanted; else give the same command to ``.venv``'s Python."""
    lacking = environment.missing(wanted)
    if not lacking:
        return work()
    if paths.CHECKOUT is None:
        raise SetupError(f"{counted(len(lacking), 'package is', 'packages are')} missing ({', '.join(lacking[:4])} …); run "
                         "`tiger setup` to install them here, or pip install 'tiger-lab[app]'.")
    if os.environ.get("TIGER_INSIDE"):
        raise SetupError(f"{', '.join(lacking)} did not install in the wanted version; delete .venv and try again.")
    if not environment.is_ready(wanted):
        environment.prepare(wanted)
    return again(arguments)


def again(arguments: list[str]) -> int:
    """The same command with the Python of ``.venv``."""
    path = os.pathsep.join(filter(None, [str(paths.PROJECT), os.environ.get("PYTHONPATH")]))
    words = [str(environment.python_of(environment.where())), "-m", "tiger", *arguments]
    return environment.call(words, Path.cwd(), TIGER_INSIDE="1", PYTHONPATH=path)
