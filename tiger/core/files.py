"""Files that several processes share: replaced in one move, locked by the system, and who is still alive."""

import errno
import json
import logging
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Generic, TypeVar

from tiger.core import disk

log = logging.getLogger(__name__)
CLOCK_S = 5.0  # by how much the system's clocks may disagree
SETTLED_NS = 50_000_000  # a file changed less long ago may change again within one tick of the file system's clock
T = TypeVar("T")


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


def rewrite_json(path: Path, value: Any) -> None:
    """Replace a small JSON file even on a full disk: there it is written over the old content, which needs no room."""
    try:
        write_json(path, value)
    except OSError as error:
        if not disk.is_full(error) or not path.is_file():
            raise
        with path.open("r+b") as file:
            file.write(json.dumps(value).encode())
            file.truncate()


def cut_to_whole_lines(path: Path, keep_bytes: int | None = None) -> int:
    """Cut a log behind the last line that is whole, so that what is appended next begins a line of its own.

    Args:
        path: the log; made where it is missing.
        keep_bytes: cut it back to here first; None: keep all.

    Returns:
        Bytes that are left.
    """
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        end = size if keep_bytes is None else min(keep_bytes, size)
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            file.truncate(end)
    return end


def append(file: IO[bytes], data: bytes) -> None:
    """Append all of the data to an unbuffered log, or none of it.

    Raises:
        OSError: it could not be written; the log is cut back to what it was.
    """
    start = file.seek(0, os.SEEK_END)
    rest = memoryview(data)
    try:
        while rest:
            written = file.write(rest)
            if not written:
                raise OSError(errno.ENOSPC, "nothing more can be written", str(file.name))
            rest = rest[written:]
    except OSError:
        try:
            file.truncate(start)
        except OSError as error:  # the next start cuts the torn line off
            log.warning("a torn line stays at the end of %s: %s", file.name, error)
        raise


def changed_ns(path: Path | str) -> int:
    """When a file or folder was changed last, in nanoseconds since 1970; 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file, or None where the file is missing, torn or holds something else."""
    for attempt in range(5):
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            return value if isinstance(value, dict) else None
        except PermissionError:  # Windows, in the moment of a replace
            time.sleep(0.01 * (attempt + 1))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:  # whoever asked says what follows from it
            log.debug("%s cannot be read: %s", path, error)
            return None
    return None


class Kept(Generic[T]):
    """What small files hold, read and parsed again only when they changed; everybody gets the same value.

    Args:
        read: makes the value of a path; the value must not be changed by whoever gets it.
        n_max: files kept; at one more, all are forgotten.
    """

    def __init__(self, read: Callable[[Path], T], n_max: int = 4096):
        self._read, self._n_max = read, n_max
        self._found: dict[Path, tuple[tuple[int, int, int], T]] = {}

    def __call__(self, path: Path) -> T:
        """The value of a file, as it is now."""
        try:
            about = os.stat(path)
        except OSError:
            return self._read(path)
        stamp, known = (about.st_ino, about.st_size, about.st_mtime_ns), self._found.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        value = self._read(path)
        if time.time_ns() - about.st_mtime_ns > SETTLED_NS:
            if len(self._found) >= self._n_max:
                self._found.clear()
            self._found[path] = stamp, value
        return value


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

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def pid_alive(pid: int, seen_s: float | None = None) -> bool:
    """Whether a process with this number runs; one that ended but was not yet collected does not.

    Args:
        seen_s: seconds since 1970 when the process was alive; one that began later only has its number.
    """
    import psutil  # here, so that reading a finished run needs no package for it
    try:
        found = psutil.Process(pid) if pid > 0 else None
        if found is None or found.status() == psutil.STATUS_ZOMBIE:
            return False
        return seen_s is None or found.create_time() <= seen_s + CLOCK_S
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
