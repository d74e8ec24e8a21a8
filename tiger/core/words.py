"""Numbers in sentences."""


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 item", "2,000 items".

    Args:
        one: the noun.
        many: its plural; ``one`` with an s by default.
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
