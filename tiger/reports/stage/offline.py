"""A story as one HTML file that plays without a server and asks no other machine for anything."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from tiger.reports import stage
from tiger.reports.stage.pictures import REMOTE, icons
from tiger.reports.stage.scene import Scene
from tiger.reports.stage.stories import Story

POLICY = ("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
          "form-action 'none'")
BODY = "html,body{margin:0;height:100%;background:#fff}@media(prefers-color-scheme:dark){html,body{background:#16171a}}"


def played(story: Story, scenes: Sequence[Scene]) -> dict[str, Any]:
    """A story for the stage: each scene once, and for each frame which one, its step and its note.

    Args:
        scenes: one a frame; equal keys are one scene.
    """
    keys = list(dict.fromkeys(scene.key for scene in scenes))
    by_key = {scene.key: scene for scene in scenes}
    frames = [{"scene": keys.index(scene.key), "at": one.at, "beside": one.beside, "why": one.why, "note": one.note}
              for scene, one in zip(scenes, story.frames, strict=True)]
    return {"id": story.id, "name": story.name, "scenes": [asdict(by_key[key]) for key in keys], "frames": frames}


def used_icons(scenes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The drawn icons that these scenes need."""
    wanted = {thing["look"]["icon"] for scene in scenes for thing in scene["things"].values()}
    return {name: shapes for name, shapes in icons().items() if name in wanted}


def page(story: Story, scenes: Sequence[Scene]) -> str:
    """The whole file as text. Remote pictures are replaced by icons or initials.

    Args:
        scenes: one a frame.
    """
    told = played(story, [_without_remote(scene) for scene in scenes])
    data = {"playing": told, "icons": used_icons(told["scenes"])}
    return ('<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
            f'<meta name="viewport" content="width=device-width"><title>{html.escape(story.name)}</title>'
            f"<style>{BODY}\n{stage.style()}</style></head>\n<body>\n<div class=\"stage full\"></div>\n"
            f'<script type="application/json" id="story">{embedded(data)}</script>\n'
            f"<script>\n{stage.script()}\n"
            "openStage(document.querySelector('.stage'), JSON.parse(document.getElementById('story').textContent))\n"
            "</script>\n</body></html>\n")


def embedded(data: Any) -> str:
    """JSON that can stand inside a ``script`` element: no text of it ends the element or begins a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def _without_remote(scene: Scene) -> Scene:
    return replace(scene, things={item: replace(thing, look=replace(thing.look, picture=""))
                                  if REMOTE.match(thing.look.picture) else thing for item, thing in scene.things.items()})
