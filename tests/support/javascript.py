"""Runs the browser's code outside the app, in Node: the installed one, or the one that comes with Playwright."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.oracles import oracle


def evaluate(files: Sequence[Path], body: str, given: Any) -> Any:
    """What the body of a function of ``given`` returns, behind the files' own code, as JSON.

    Without any Node the test is skipped; in CI it fails.
    """
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    code += f"\nconst answer = given => {{ {body} }}\nconsole.log(JSON.stringify(answer({json.dumps(given)})))"
    node, folder = shutil.which("node"), None
    if node is None:
        node, folder = "./node", Path(oracle("playwright").__file__).parent / "driver"
    done = subprocess.run([node, "--input-type=module", "-"], input=code, capture_output=True, text=True, timeout=120,
                          check=False, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
