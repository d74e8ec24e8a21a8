"""Runs that are trained elsewhere: recorded from anybody's loop, or made of what a training left behind.

``recorder``: ``tiger.watch``, which needs numpy and safetensors alone. ``callback``, ``lightning`` and
``vector_quantize``: adapters, one file each. ``checkpoint``: codebooks and vectors as a run, ``curves``: its losses.
"""

from typing import TYPE_CHECKING

from tiger.core import lazy

if TYPE_CHECKING:
    from tiger.recording.recorder import Recorder, watch

__all__ = ["Recorder", "watch"]
__getattr__ = lazy.names_from(__name__, {"recorder": tuple(__all__)})
