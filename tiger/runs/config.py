"""What a run is asked to do: checked before anything starts, and written as the equal command line."""

import re
import secrets
import shlex
import time
from typing import Any

from tiger.core import params

STUDIES = ("drift", "cold", "diversity")
KINDS = ("quantizer", "model", "projection", "import", *STUDIES)
CODED = ("quantizer", "import")  # kinds of run that give items their codes


def checked(config: dict[str, Any]) -> dict[str, Any]:
    """A whole ``config.json`` from what was asked, with every default written out and a fresh id.

    Raises:
        ValueError: an unknown kind, quantizer or hyper-parameter, or a value out of bounds.
    """
    whole = {"kind": "quantizer", "title": "", "parent": None, "preset": None} | config
    if whole["kind"] not in KINDS:
        raise ValueError(f"kind is {whole['kind']!r}, but must be one of {', '.join(KINDS)}.")
    if not isinstance(whole.get("dataset"), dict) or "name" not in whole["dataset"]:
        raise ValueError("A run needs a dataset reference such as {'name': 'synthetic', 'params': {}}.")
    word = whole["kind"]
    for part in ("quantizer", "model"):
        if part in whole:
            whole[part] = _checked_learner(part, whole[part])
            word = re.sub(r"[^a-z0-9]+", "-", whole[part]["name"])
        elif whole["kind"] == part:
            raise ValueError(f"A {part} run needs '{part}': {{'name': ..., 'params': {{...}}}}.")
    if whole["kind"] == "model":
        whole["ids"] = _checked_ids(whole)
    if whole["kind"] in STUDIES:
        whole["study"] = _checked_study(whole)
    now = time.time()
    stamp = time.strftime("%m%d-%H%M%S", time.localtime(now))
    whole |= {"id": f"{word}-{stamp}-{secrets.token_hex(3)}", "created_s": now}
    whole["title"] = " ".join(str(whole["title"]).split())[:120] or whole["id"]
    return whole


def _checked_learner(part: str, given: dict[str, Any]) -> dict[str, Any]:
    """Name and every hyper-parameter of the quantizer or model that is to train."""
    from tiger import models, quantizers  # here, so that listing runs does not load torch
    create: Any = {"quantizer": quantizers.create, "model": models.create}[part]
    made = create(given["name"], **given.get("params", {}))
    getattr(made, "check_params", lambda: None)()  # those that contradict each other
    return {"name": given["name"], "params": params.values(made)}


def _checked_ids(config: dict[str, Any]) -> dict[str, str] | None:
    """Which run's semantic IDs a model writes; None for a model that writes none."""
    learner = learner_class(config["model"]["name"])
    run_id = (config.get("ids") or {}).get("run")
    if not getattr(learner, "generative", False):
        return None
    if not run_id:
        raise ValueError(f"{config['model']['name']} writes semantic IDs; name the run that made them: "
                         "'ids': {'run': RUN_ID}.")
    return {"run": str(run_id)}


def study_class(kind: str) -> type:
    """The parameters that a study of this kind is asked."""
    from tiger.studies import cold_start, diversity, drift
    return {"drift": drift.DriftParams, "cold": cold_start.ColdParams, "diversity": diversity.DiversityParams}[kind]


def _checked_study(config: dict[str, Any]) -> dict[str, Any]:
    """Every parameter of a study, and the recommender that it is about."""
    from tiger.studies import cold_start, diversity, drift
    if not config.get("parent"):
        raise ValueError(f"A {config['kind']} study needs 'parent': the run whose codes it is about.")
    given = config.get("study") or {}
    check: Any = {"drift": drift.drift_params, "cold": cold_start.cold_params, "diversity": diversity.diversity_params}
    made = check[config["kind"]](given.get("params") or {})
    return {"params": params.values(made), "model": given.get("model") or None}


def learner_class(name: str) -> type:
    """The quantizer or recommender of this name.

    Raises:
        ValueError: there is none; lists those that exist.
    """
    from tiger import models, quantizers
    known: dict[str, type] = {**quantizers.REGISTRY, **models.REGISTRY}
    if name not in known:
        raise ValueError(f"'{name}' is no quantizer and no model; known are {', '.join(known)}.")
    return known[name]


def live_specs(name: str) -> list[params.Spec]:
    """The hyper-parameters that may change while this quantizer or model trains."""
    return [spec for spec in params.specs(learner_class(name)) if spec.live]


def check_knobs(name: str, knobs: dict[str, Any]) -> dict[str, Any]:
    """Live hyper-parameters, each as its own kind.

    Raises:
        ValueError: one that cannot change while it trains (those that can are listed), or out of bounds.
    """
    live = {spec.name: spec for spec in live_specs(name)}
    for knob in knobs:
        if knob not in live:
            words = ", ".join(live) or "none"
            raise ValueError(f"'{knob}' cannot change while {name} trains; what can: {words}.")
    return {knob: params.check(live[knob], value) for knob, value in knobs.items()}


def flag(name: str, prefix: str = "") -> str:
    """A hyper-parameter's flag on the command line: ``n_levels`` is ``--n-levels``."""
    return "--" + (prefix + name).replace("_", "-")


def command(config: dict[str, Any]) -> str:
    """The command line that asks for the same; values that are the default are left out."""
    if config.get("kind") == "import":
        given = config["import"]
        words = ["python", "-m", "tiger", "ids", "import", given["file"], "--align", given["align"]]
        return shlex.join(words + _dataset_flags(config["dataset"]))
    if config.get("kind") in STUDIES:
        words = ["python", "-m", "tiger", config["kind"], str(config["parent"])]
        words += ["--model", config["study"]["model"]] if config["study"].get("model") else []
        return shlex.join(words + _changed(study_class(config["kind"]), config["study"].get("params") or {}))
    ref, given = config["dataset"], config.get("model") or config["quantizer"]
    words = ["python", "-m", "tiger", "train", given["name"]]
    if config.get("ids"):
        words += ["--ids", config["ids"]["run"]]  # whose dataset it is, too
        return shlex.join(words + _changed(learner_class(given["name"]), given.get("params") or {}))
    words += _dataset_flags(ref)
    return shlex.join(words + _changed(learner_class(given["name"]), given.get("params") or {}))


def _dataset_flags(ref: dict[str, Any]) -> list[str]:
    """The words that name a dataset and its embedding."""
    from tiger import datasets
    words = ["--dataset", ref["name"]]
    words += _changed(datasets.REGISTRY[ref["name"]], ref.get("params") or {}, "data-")
    embedding = {"method": "tfidf"} | (ref.get("embedding") or {})
    if embedding["method"] != "tfidf":
        words += ["--embedding", embedding["method"]]
    return words + _changed(datasets.EMBEDDINGS[embedding["method"]], embedding, "embedding-")


def flags(values: dict[str, Any], prefix: str = "") -> list[str]:
    """The words on the command line that set these hyper-parameters."""
    words = []
    for name, value in values.items():
        if isinstance(value, bool):
            words.append(flag(name, prefix) if value else "--no-" + flag(name, prefix)[2:])
        else:
            words += [flag(name, prefix), params.text(value)]
    return words


def _changed(cls: type, values: dict[str, Any], prefix: str = "") -> list[str]:
    """Flags for what differs from a dataclass's defaults."""
    specs, values = params.specs(cls), params.renamed(cls, values)
    return flags({spec.name: values[spec.name] for spec in specs
                  if values.get(spec.name, spec.default) != spec.default}, prefix)
