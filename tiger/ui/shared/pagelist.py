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
        link: what Home says of it, a few words.
    """

    file: str
    title: str
    icon: str
    question: str
    link: str

    @property
    def key(self) -> str:
        """Short name: the end of the address, and the key in ``BY_KEY``."""
        return self.file.rsplit("/", 1)[-1].removesuffix(".py")


PAGES = (
    Page("pages/home.py", "Home", ":material/home:",
         "How does a shop's item become a word that a model can write?", "The whole pipeline in one picture"),
    Page("pages/catalogue.py", "Catalogue", ":material/storefront:",
         "What is in this shop, and who buys what?", "Browse items and histories, load your own data"),
    Page("pages/train.py", "Train", ":material/play_circle:",
         "What happens while the codebooks learn?", "Train a quantizer and watch every codebook"),
    Page("pages/codebooks.py", "Codebooks", ":material/grid_view:",
         "Which codes are in use, and what do they mean?", "Usage, collisions and one item's walk"),
    Page("pages/map.py", "Map", ":material/scatter_plot:",
         "Which items lie near each other, and do their IDs know?", "The items as a map, coloured by ID"),
    Page("pages/tree.py", "Tree", ":material/account_tree:",
         "What do learned prefixes know that random buckets do not?", "The ID tree beside LSH, runs and categories"),
    Page("pages/recommender.py", "Recommender", ":material/recommend:",
         "Which model finds what a person picks next, and at what cost?", "Train models live and compare them"),
    Page("pages/beam.py", "Beam", ":material/alt_route:",
         "How does a recommender find the next item, step by step?", "Step through a beam search, level by level"),
    Page("pages/doctor.py", "Doctor", ":material/stethoscope:",
         "Is this codebook healthy, and if not, what helps?", "Name the disease and start the remedy"),
    Page("pages/drift.py", "Drift", ":material/moving:",
         "The vectors changed; what happens to the IDs?", "Seven remedies, what each costs and saves"),
    Page("pages/cold.py", "Cold items", ":material/ac_unit:",
         "Can an item be recommended that nobody has ever picked?", "Items held out of all training, and found again"),
    Page("pages/diversity.py", "Diversity", ":material/thermostat:",
         "Does hotter decoding make recommendations more varied?", "Temperature per level against recall and variety"),
    Page("pages/lessons.py", "Lessons", ":material/school:",
         "What would you have predicted?", "Six findings, each a prediction and a reveal"),
    Page("pages/exchange.py", "Import, export", ":material/swap_vert:",
         "How do IDs come in from elsewhere, and go out again?", "Anyone's IDs or vectors; files for other tools"),
)
BY_KEY = {page.key: page for page in PAGES}
