"""What the Playground can be set to, and settings to open it with; each scenario says in one sentence what to look for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tiger.ui.shared import address
from tiger.ui.shared.address import Choice, Param

SETTINGS: tuple[Choice, ...] = (
    address.PLAY_METHOD, address.PLAY_POINTS, address.PLAY_LEVELS, address.PLAY_CODES, address.PLAY_BETA, address.PLAY_RATE,
    address.PLAY_RESTART, address.PLAY_START, address.PLAY_ESTIMATOR)
"""Everything that has a control; the first option of each is its default."""
LABELS: Mapping[str, Mapping[str, str]] = {
    "method": {"rqvae": "RQ-VAE", "vqvae": "VQ-VAE (one level)", "kmeans": "Residual k-means", "lsh": "LSH"},
    "points": {"blobs": "Blobs", "ring": "Ring", "spiral": "Spiral", "moons": "Two moons", "tree": "Cluster tree",
               "drawn": "Draw"},
    "start": {"kmeans": "k-means of the points", "random": "Gaussian noise", "far": "Far from the points"},
    "estimator": {"ste": "Straight-through", "rotation": "Rotation trick", "none": "None"},
}


@dataclass(frozen=True)
class Cure:
    """What repairs a scenario that its own turns broke, at the step at which it is asked for.

    Args:
        title: on its button.
        turns: what it sets, "rate-0.01_anew-1"; "anew" starts all weights again.
        why: why the scenario broke, once it has.
        then: what to look for afterwards.
    """

    title: str
    turns: str
    why: str
    then: str


@dataclass(frozen=True)
class Scenario:
    """A way to open the Playground.

    Args:
        key: short name for links.
        title: on its button.
        look_for: what to look for, and one thing to change.
        settings: those that differ from the defaults, as the address writes them.
        turns: settings that change while it trains, "120-rate-0.3_120-restart-0".
        cure: what repairs it afterwards, where one control is not enough.
    """

    key: str
    title: str
    look_for: str
    settings: Mapping[str, str] = field(default_factory=dict)
    turns: str = ""
    cure: Cure | None = None


SCENARIOS = (
    Scenario("healthy", "Healthy",
             "The encoder spreads the latents, every code gets its share of the points, and reconstructions move onto their "
             "points. Try other points, or draw your own."),
    Scenario("collapse", "Watch it collapse",
             "Healthy for 120 steps. Then the learning rate rises thirtyfold and restarts stop: all latents fall into one cell, "
             "and perplexity falls to 1.", turns="120-rate-0.3_120-restart-0",
             cure=Cure("Cure it", "rate-0.01_restart-1_anew-1",
                       "Steps thirty times too long killed the encoder's hidden units: **all latents are equal**, so restarts "
                       "have nowhere to put a code.",
                       "**Cured**: new weights, codes at k-means centres, learning rate 0.01, and restarts. Latents spread, "
                       "and perplexity rises again.")),
    Scenario("far", "Far-off start",
             "The codes start far away, so all points soon get the same one; the others are dead and never learn. Turn on "
             "**Restart dead codes** while it plays.", {"start": "far", "restart": "0"}),
    Scenario("beta", "Beta too large",
             "The commitment loss outweighs the reconstruction loss: latents shrink onto few codes and stay there. Lower "
             "**Beta** to 0.25 and turn on **Restart dead codes**.", {"beta": "25", "start": "random", "restart": "0"}),
    Scenario("few", "Too few codes",
             "Two codes a level make only four semantic IDs for six groups of points: groups share an ID. Raise "
             "**Codes a level**.", {"codes": "2"}),
    Scenario("residuals", "Why residuals",
             "Four codes for the groups and four for what is left make 16 IDs from 8 vectors: all cells of level 1 share "
             "level 2's codebook. Set **Levels** to 1 to compare.", {"points": "tree", "codes": "4"}),
    Scenario("blocked", "No gradient",
             "Without an estimator the encoder never learns of the reconstruction error: commitment shrinks the latents, and the "
             "error stays high. Set **Gradient estimator** to straight-through.", {"estimator": "none"}),
)
BY_KEY = {scenario.key: scenario for scenario in SCENARIOS}


def asked() -> dict[str, Any]:
    """What the address asks for, every value checked: the settings, the scenario's where it names one, and where it stood."""
    key = address.read(address.SCENARIO)
    scenario = BY_KEY.get(key)
    if key and scenario is None:
        address.notice(f"There is no scenario '{key}'; there are {', '.join(BY_KEY)}.")
        address.forget(address.SCENARIO)
    start = dict(scenario.settings) if scenario else {}
    if not key and not any(address.text_of(param) for param in (*SETTINGS, address.PLAY_TURNS)):
        scenario = SCENARIOS[0]
    places: tuple[Param[Any], ...] = (
        address.PLAY_DRAWN, address.SEED, address.PLAY_STEPS, address.PLAY_POINT, address.PLAY_SPEED)
    return {**{param.name: start.get(param.name, param.default) if scenario else address.read(param) for param in SETTINGS},
            **{param.name: address.read(param) for param in places},
            "turns": address.text_of(address.PLAY_TURNS) or (scenario.turns if scenario else ""),
            "scenario": scenario.key if scenario else ""}
