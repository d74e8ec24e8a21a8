"""Numbers in sentences, and words where there is little room."""


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 item", "2,000 items".

    Args:
        one: the noun.
        many: its plural; ``one`` with an s by default.
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def there(n: int, one: str, many: str = "") -> str:
    """How many there are: "there is 1 item", "there are 2,000 items"."""
    return f"there {'is' if n == 1 else 'are'} {counted(n, one, many)}"


def none_of(n: int, one: str) -> str:
    """Not one among so many, for a verb in the singular: "none of the 12 items", "not even the only item"."""
    return f"not even the only {one}" if n == 1 else f"none of the {counted(n, one)}"


def cut(words: str, longest: int) -> str:
    """Words of at most ``longest`` characters; what does not fit is a "…"."""
    return words if len(words) <= longest else words[:longest - 1].rstrip() + "…"
