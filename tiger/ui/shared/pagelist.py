"""The page list, written once: the navigation, the links on Home and the tests all read it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One page of the lab.

    Args:
        file: relative to the project.
        title: in the navigation.
        icon: a Material symbol.
        question: what the page answers; its heading.
    """

    file: str
    title: str
    icon: str
    question: str

    @property
    def key(self) -> str:
        """Short name: the end of the address, and the key in ``BY_KEY``."""
        return self.file.rsplit("/", 1)[-1].removesuffix(".py")


PAGES = (
    Page("pages/home.py", "Home", ":material/home:", "How TIGER works: from item to semantic ID to recommendation"),
    Page("pages/catalogue.py", "Catalogue", ":material/storefront:", "Which items and user histories does this dataset have?"),
    Page("pages/train.py", "Train", ":material/play_circle:", "What happens to the codebooks during training?"),
    Page("pages/codebooks.py", "Codebooks", ":material/grid_view:", "Which codes are in use, and what do they mean?"),
    Page("pages/map.py", "Map", ":material/scatter_plot:", "Do similar items share ID prefixes?"),
    Page("pages/tree.py", "Tree", ":material/account_tree:", "Do learned prefixes carry more meaning than LSH buckets?"),
    Page("pages/recommender.py", "Recommender", ":material/recommend:",
         "Which model predicts the next item best, and at what cost?"),
    Page("pages/beam.py", "Beam", ":material/alt_route:", "How does beam search generate the next item's ID?"),
    Page("pages/doctor.py", "Doctor", ":material/stethoscope:", "Is this codebook healthy, and if not, what helps?"),
    Page("pages/drift.py", "Drift", ":material/moving:", "What happens to the IDs when the embeddings change?"),
    Page("pages/cold.py", "Cold items", ":material/ac_unit:", "Can items without interactions be recommended?"),
    Page("pages/diversity.py", "Diversity", ":material/thermostat:",
         "Does a higher temperature make recommendations more diverse?"),
    Page("pages/lessons.py", "Lessons", ":material/school:", "What would you have predicted?"),
    Page("pages/exchange.py", "Import, export", ":material/swap_vert:",
         "How can semantic IDs be imported from and exported to other tools?"),
)
BY_KEY = {page.key: page for page in PAGES}
