"""``python -m tiger`` and the command ``tiger``: start on a bare Python; packages come later."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (an old Python must be able to say it)
    sys.exit("TIGER Lab needs Python 3.11 or newer, but this is {}.{}; "
             "start it with a newer one, such as python3.12 -m tiger app.".format(*sys.version_info[:2]))

from tiger.cli import bootstrap


def run() -> None:
    """Run the command line and end with its code."""
    sys.exit(bootstrap.main(sys.argv[1:]))


if __name__ == "__main__":
    run()
