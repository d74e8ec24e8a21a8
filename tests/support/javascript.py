"""Runs the browser's code outside the app: in Node where it is installed, otherwise in Chromium."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.oracles import oracle


def evaluate(files: Sequence[Path], body: str, given: Any) -> Any:
    """What the body of an async function of ``given`` returns, behind the files' own code, as JSON.

    Where there is neither Node nor a Chromium the test is skipped.
    """
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    code += f"\nconst answer = async given => {{ {body} }}\nconst given = {json.dumps(given)}\n"
    if node := shutil.which("node"):
        code += "answer(given).then(found => console.log(JSON.stringify(found)))"
        done = subprocess.run([node, "--input-type=module", "-"], input=code, capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)
    from tests.browser.conftest import ARGS, program

    if program() is None:
        pytest.skip("neither Node nor a Chromium is installed")
    with oracle("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=ARGS)
        page = browser.new_page()
        page.set_content("<script type=module>" + code + "\nwindow.found = JSON.stringify(await answer(given))</script>")
        page.wait_for_function("window.found !== undefined")
        found = json.loads(page.evaluate("window.found"))
        browser.close()
    return found
