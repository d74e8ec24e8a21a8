"""The command line, as a process of its own or within this one."""

import subprocess
import sys

from tiger.cli import main as cli
from tiger.core import paths

SMALL = ["--n-codes", "16", "--n-steps", "40", "--batch-size", "64", "--hidden", "32", "--latent-width", "8"]


def tiger(*words: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "tiger", *words], cwd=paths.PROJECT, capture_output=True,
                          text=True,
                          timeout=240, **more)


def ask(capsys, *words: str) -> tuple[int, str, str]:
    """The same without a process of its own."""
    try:
        code = cli.main(list(words))
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err
