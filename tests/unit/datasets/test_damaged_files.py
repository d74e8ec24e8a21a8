"""Whatever happens to a file's bytes, a source either reads a sound catalogue or says in one sentence why not."""

import gzip
import json
import random
import zipfile

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from tiger.datasets.sources.amazon import Amazon
from tiger.datasets.sources.movielens import MovieLens
from tiger.datasets.sources.recbole import RecBole
from tiger.datasets.sources.tables import Tables
from tiger.datasets.vectors import Given

ROWS = [(f"u{n % 7}", f"i{n % 5}", n) for n in range(40)]
ITEMS = pd.DataFrame({"item_id": [f"i{n}" for n in range(5)], "title": [f'the "{n}", é' for n in range(5)]})


def recbole(folder):
    (folder / "x.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\n"
                                    + "".join(f"{u}\t{i}\t{t}\n" for u, i, t in ROWS))
    return folder / "x.inter", lambda: RecBole(str(folder)).read()


def csv(folder):
    ITEMS.to_csv(folder / "i.csv", index=False)
    return folder / "i.csv", lambda: Tables(str(folder / "i.csv")).read()


def parquet(folder):
    ITEMS.to_parquet(folder / "i.parquet", index=False)
    return folder / "i.parquet", lambda: Tables(str(folder / "i.parquet")).read()


def movielens(folder):
    with zipfile.ZipFile(folder / "m.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("ml/ratings.csv", "userId,movieId,rating,timestamp\n"
                        + "".join(f"{u},{i},5,{t}\n" for u, i, t in ROWS))
        packed.writestr("ml/movies.csv", "movieId,title,genres\n" + "".join(f"i{n},T{n},War\n" for n in range(5)))
    return folder / "m.zip", lambda: MovieLens(str(folder / "m.zip")).read()


def amazon(folder):
    lines = "".join(json.dumps({"user_id": u, "asin": i, "timestamp": t}) + "\n" for u, i, t in ROWS)
    (folder / "r.json.gz").write_bytes(gzip.compress(lines.encode()))
    return folder / "r.json.gz", lambda: Amazon(str(folder / "r.json.gz"), core=1).read()


def npy(folder):
    np.save(folder / "e.npy", np.ones((5, 3), np.float32))
    return folder / "e.npy", lambda: Given(str(folder / "e.npy")).read(ITEMS["item_id"].tolist())


def safetensors(folder):
    save_file({"e": np.ones((5, 3), np.float32)}, folder / "e.safetensors")
    return folder / "e.safetensors", lambda: Given(str(folder / "e.safetensors")).read(ITEMS["item_id"].tolist())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
@pytest.mark.parametrize("kind", [recbole, csv, parquet, movielens, amazon, npy, safetensors])
def test_damage_is_refused_in_one_sentence_or_does_no_harm(kind, tmp_path):
    path, read = kind(tmp_path)
    whole = path.read_bytes()
    read()
    rng = random.Random(kind.__name__)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        if rng.random() < 0.4:
            del data[rng.randrange(len(data)):]
        for _ in range(rng.randrange(1, 6)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            got = read()
        except ValueError as error:
            refused += 1
            assert "\n" not in str(error)
            assert any(name in str(error) for name in (path.name, "ratings.csv", "movies.csv"))
        else:
            assert isinstance(got, np.ndarray) or got.history_items.max(initial=-1) < len(got.items)
    assert refused > 20
