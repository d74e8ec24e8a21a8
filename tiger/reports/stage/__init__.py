"""The stage: one search as a scene that anybody can follow, the people and stories around it, and its offline file.

``scene``: what is drawn, as records that become JSON. ``people``: users by what they like. ``pictures``: what items look like.
``stories``: prepared sequences of scenes, kept in the workspace. ``offline``: one HTML file that plays them without a server.
The drawing itself is ``*.js`` and ``stage.css`` beside them: the same files in the app and in the offline file.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPTS = ("parts.js", "focus.js", "tree.js", "drawer.js", "stage.js")


def script() -> str:
    """The stage's script: declares ``openStage``."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)


def style() -> str:
    """The stage's style sheet."""
    return (FOLDER / "stage.css").read_text(encoding="utf-8")
