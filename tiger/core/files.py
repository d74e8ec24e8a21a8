"""Files that several processes share: replaced in one move, locked by the system, and who is still alive."""

import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import IO, Any


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
        self.path = path
        self.file: IO[bytes] | None = None

    def acquire(self, timeout_s: float = 0.0) -> bool:
        """Take the lock, waiting at most ``timeout_s``; False where somebody else holds it."""
        file = self.path.open("a+b")
        end = time.monotonic() + timeout_s
        while not _try_lock(file):
            if time.monotonic() >= end:
                file.close()
                return False
            time.sleep(0.02)
        self.file = file
        return True

    def release(self) -> None:
        """Give the lock back; harmless where it is not held."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def __enter__(self) -> "Lock":
        if not self.acquire(timeout_s=10):
            raise TimeoutError(f"{self.path.name} has been locked for 10 s; another server may hang.")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


if sys.platform == "win32":
    import ctypes
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def pid_alive(pid: int) -> bool:
        """Whether a process with this number runs."""
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return False
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return code.value == 259  # STILL_ACTIVE
else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def pid_alive(pid: int) -> bool:
        """Whether a process with this number runs; one that ended but was not yet collected does not."""
        if pid <= 0:
            return False
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except (OSError, OverflowError):
            return False
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (OSError, IndexError):
            return True
