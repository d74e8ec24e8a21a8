"""Files that several processes share: replaced in one move, locked by the system, and who is still alive."""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any


def write(path: Path, data: str | bytes, durable: bool = False) -> None:
    """Replace a file in one move, so that a reader sees the old or the new content, never half of it.

    Args:
        path: file to replace; its folder exists.
        data: text is written as UTF-8.
        durable: also wait for the disk, so that a power cut cannot lose it.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    if durable and os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def replace(part: Path, path: Path) -> None:
    """``os.replace`` that waits a moment where Windows refuses because a reader has the file open."""
    for attempt in range(20):
        try:
            os.replace(part, path)
            return
        except PermissionError:
            if attempt == 19 or os.name == "posix":
                raise
            time.sleep(0.02)


def write_json(path: Path, value: Any, durable: bool = False) -> None:
    """Replace a JSON file in one move."""
    write(path, json.dumps(value), durable)


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file, or None where the file is missing, torn or holds something else."""
    for attempt in range(5):
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            return value if isinstance(value, dict) else None
        except PermissionError:  # Windows, in the moment of a replace
            time.sleep(0.01 * (attempt + 1))
        except (OSError, ValueError, RecursionError):
            return None
    return None


class Lock:
    """A lock on a file, which the system itself releases when its process ends, however it ends."""

    def __init__(self, path: Path):
        from filelock import FileLock  # here, so that reading a run needs no package for it
        self.path, self._lock = path, FileLock(path)

    def acquire(self, timeout_s: float = 0.0) -> bool:
        """Take the lock, waiting at most ``timeout_s``; False where somebody else holds it."""
        from filelock import Timeout
        try:
            self._lock.acquire(timeout=timeout_s, poll_interval=0.02)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Give the lock back; harmless where it is not held."""
        self._lock.release(force=True)

    def __enter__(self) -> "Lock":
        if not self.acquire(timeout_s=10):
            raise TimeoutError(f"{self.path.name} has been locked for 10 s; another server process may hang.")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def pid_alive(pid: int) -> bool:
    """Whether a process with this number runs; one that ended but was not yet collected does not."""
    import psutil  # here, so that reading a finished run needs no package for it
    try:
        return pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
