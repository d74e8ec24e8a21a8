"""Numbers in sentences, and that every sentence of the project counts by them."""

import ast
import re
from pathlib import Path

import pytest

from tiger.core.words import counted, cut, none_of, there

PROJECT = Path(__file__).resolve().parents[3]
NOUNS = ("beams|branches|buckets|candidates|categories|cells|codebooks|codes|columns|copies|dimensions|embeddings|entries|files|"
         "groups|hyperplanes|ids|IDs|interactions|items|labels|latents|levels|lists|measures|names|neighbours|numbers|packages|"
         "pairs|parameters|passes|planes|points|predictions|prefixes|records|remedies|requests|reviews|rounds|rows|runs|seeds|"
         "steps|stories|tensors|things|titles|tokens|users|values|vectors|views|visitors|words")
AFTER = re.compile(rf"(\*\*)?[ \u00a0]((?!by |of |to )[a-z-]+ )?({NOUNS})\b")
ABOVE_A_LIMIT = re.compile(r"[^.;]*(, but an? |, but at most|[,:] at most \Z|which is the limit|or more, but|: a link carries)|"
                           r" cells \(batch_size")
"""What follows a number only where it is above a limit, and so not 1."""
NEVER_ONE = {"now.largest", "n_codes", "max_rows", "len(row_N)", "req.ids.n_ids", "found.n_items"}
"""Values of which the lines before them, or a limit, say that they are above 1."""
MEASURED = ("reports/core_lessons.py", "reports/lesson_numbers.py", "reports/lessons.py")  # sentences on numbers that are bundled
NUMBER = re.compile(r"len\(|int\(|(.*\.)?n_\w+$|n$|.*(size|\.shape|sum|nunique|count|width|largest|missing|total)\b")


def sources(suffix: str) -> list[Path]:
    return sorted(file for folder in ("tiger", "pages") for file in (PROJECT / folder).rglob(f"*{suffix}"))


def uncounted(file: Path) -> list[str]:
    """Numbers in f-strings with a plural after them that would read "1 items"."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        for number, text in zip(node.values, node.values[1:], strict=False):
            if not (isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant) and AFTER.match(text.value)):
                continue
            form = "".join(ast.unparse(number.format_spec or ast.Constant("")).strip("f'\""))
            value = ast.unparse(number.value)
            if (form == "," or (not form and NUMBER.match(value))) and not re.search(r"(^|\.)[A-Z_]{3,}$", value) \
                    and value not in NEVER_ONE and not ABOVE_A_LIMIT.match(text.value):
                found.append(f"{file.relative_to(PROJECT)}:{number.lineno}: {{{value}}}{text.value[:30]}")
    return found


@pytest.mark.parametrize(("n", "words", "want"), [
    (0, ("item",), "0 items"), (1, ("item",), "1 item"), (2, ("item",), "2 items"), (12_101, ("item",), "12,101 items"),
    (1, ("branch", "branches"), "1 branch"), (3, ("branch", "branches"), "3 branches"),
    (1, ("item has", "items have"), "1 item has"), (3, ("item has", "items have"), "3 items have")])
def test_a_noun_follows_its_number(n, words, want):
    assert counted(n, *words) == want


def test_none_and_all_of_so_many():
    assert [there(n, "item") for n in (0, 1, 1200)] == ["there are 0 items", "there is 1 item", "there are 1,200 items"]
    assert [none_of(n, "item") for n in (1, 12)] == ["not even the only item", "none of the 12 items"]


@pytest.mark.parametrize(("given", "longest", "want"), [("Rose soap", 9, "Rose soap"), ("Rose soap", 8, "Rose so…"),
                                                     ("Rose soap", 6, "Rose…"), ("", 3, ""), ("Acoustic", 3, "Ac…")])
def test_words_that_do_not_fit_say_so(given, longest, want):
    assert cut(given, longest) == want and len(want) <= longest


def test_no_sentence_says_1_items():
    files = [file for file in sources(".py") if not str(file).endswith(MEASURED)]
    assert len(files) > 300, "these are the project's files"
    assert not [line for file in files for line in uncounted(file)], "use tiger.core.words.counted"


def test_no_tip_of_a_chart_says_1_items():
    """Plotly fills in numbers later; a tip says "items: 1"."""
    said = [f"{file.name}: {found.group()}" for file in sources(".py") if not str(file).endswith("plots/core_lessons.py")
            for found in re.finditer(rf"%\{{[^}}]*\}}[ \u00a0]({NOUNS})\b", file.read_text(encoding="utf-8"))]
    assert said == ["opinion.py: %{x:.1f} points", "recommenders.py: %{x:,} items"], "points have decimals, a catalogue has items"


def test_no_script_of_a_page_says_1_items():
    constant = re.compile(r"\$\{[A-Z_]+\}|\$\{looked\}")  # a search looks at several prefixes at each step
    said = [f"{file.name}: {found.group()}" for file in sources(".js")
            for found in re.finditer(rf"\$\{{[^{{}}]*\}}[ \u00a0]({NOUNS})\b", file.read_text(encoding="utf-8"))
            if not constant.match(found.group()) and "join(" not in found.group()]
    assert not said
