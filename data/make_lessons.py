"""Measure the numbers of the core lessons on the bundled shop: data/lessons.json, in about two minutes.

    python data/make_lessons.py
"""

import json
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent


def main() -> None:
    """Measure, and write the file that lessons read."""
    sys.path.insert(0, str(DATA.parent))
    from tiger.reports import lesson_numbers

    rows = lesson_numbers.measure()
    lines = [f'"{name}": [\n  ' + ",\n  ".join(json.dumps(row) for row in part) + "\n]" for name, part in rows.items()]
    lesson_numbers.FILE.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
