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
        section: of the navigation.
    """

    file: str
    title: str
    icon: str
    question: str
    section: str

    @property
    def key(self) -> str:
        """Short name: the end of the address, and the key in ``BY_KEY``."""
        return self.file.rsplit("/", 1)[-1].removesuffix(".py")


@dataclass(frozen=True)
class Step:
    """One step of the path for a first visit.

    Args:
        page: key of its page.
        title: what is seen.
        do: what to do there.
        recipe: the preset that Train starts from.
        healthy: whether it looks at a healthy run, where the visitor's own is a collapsed one.
    """

    page: str
    title: str
    do: str
    recipe: str = ""
    healthy: bool = False


PAGES = (
    Page("pages/home.py", "Home", ":material/home:", "How TIGER works: from item to semantic ID to recommendation", "Learn"),
    Page("pages/playground.py", "Playground", ":material/experiment:", "How does a quantizer learn its codes?", "Learn"),
    Page("pages/lessons.py", "Lessons", ":material/school:", "What would you have predicted?", "Learn"),
    Page("pages/catalogue.py", "Catalogue", ":material/storefront:", "Which items and user histories does this dataset have?",
         "Data"),
    Page("pages/exchange.py", "Import, export", ":material/swap_vert:",
         "How can semantic IDs be imported from and exported to other tools?", "Data"),
    Page("pages/train.py", "Train", ":material/play_circle:", "What happens to the codebooks during training?", "Semantic IDs"),
    Page("pages/codebooks.py", "Codebooks", ":material/grid_view:", "Which codes are in use, and what do they mean?",
         "Semantic IDs"),
    Page("pages/map.py", "Map", ":material/scatter_plot:", "Do similar items share ID prefixes?", "Semantic IDs"),
    Page("pages/tree.py", "Tree", ":material/account_tree:", "Do learned prefixes carry more meaning than LSH buckets?",
         "Semantic IDs"),
    Page("pages/doctor.py", "Doctor", ":material/stethoscope:", "Is this codebook healthy, and if not, what helps?",
         "Semantic IDs"),
    Page("pages/runs.py", "Runs", ":material/table_rows:", "How do all runs compare?", "Semantic IDs"),
    Page("pages/recommender.py", "Recommender", ":material/recommend:",
         "Which model predicts the next item best, and at what cost?", "Recommend"),
    Page("pages/beam.py", "Beam", ":material/alt_route:", "How does beam search generate the next item's ID?", "Recommend"),
    Page("pages/present.py", "Present", ":material/present_to_all:",
         "What would you suggest to this person, and why?", "Recommend"),
    Page("pages/drift.py", "Drift", ":material/moving:", "What happens to the IDs when the embeddings change?", "Research"),
    Page("pages/cold.py", "Cold items", ":material/ac_unit:", "Can items without interactions be recommended?", "Research"),
    Page("pages/diversity.py", "Diversity", ":material/thermostat:",
         "Does a higher temperature make recommendations more diverse?", "Research"),
)
CLASS = Page("pages/classroom.py", "Class", ":material/groups:", "Where is everybody, and what did they find?", "Learn")
"""The teacher's page; only a class has it."""
BY_KEY = {page.key: page for page in (*PAGES, CLASS)}
PATH = (
    Step("playground", "Play with points", "Press **Watch it collapse**: points of the plane get their codes, until a setting "
         "turns at the dashed line. Read why, and press **Cure it**."),
    Step("train", "Train a codebook", "Press **Start training**. Perplexity rises to almost all 16 codes of a level.", "healthy"),
    Step("train", "Watch it collapse", "Press **Start training**. At the dashed line the learning rate rises thirtyfold and "
         "restarts stop: the cells go dark.", "watch-collapse"),
    Step("doctor", "Ask the doctor", "Read why the run collapsed, then press **Start the fixed run** under the first remedy and "
         "compare both."),
    Step("tree", "See the tree", "Hover over branches: items that share a prefix are of one kind. Beside it are LSH's random "
         "buckets.", healthy=True),
    Step("map", "See the map", "Each colour is one code of level 1. Click a mark to see the item's neighbours.", healthy=True),
    Step("beam", "Recommend", "Step through beam search: the model generates the next item's ID code by code.", healthy=True),
)
"""Start here: ten minutes."""
