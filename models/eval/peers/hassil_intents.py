"""Recognises the sentences of `pipit-eval intents` with hassil, Home Assistant's own matcher.

    python hassil_intents.py FOLDER [ENTITIES]

With ENTITIES, the house has at least so many things, the same made-up ones as there. The packages are `hassil` and `PyYAML`. Prints how many intents are right, how long the pack takes to load, and how long a
sentence takes.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

import yaml
from hassil import Intents, recognize_best
from hassil.intents import TextSlotList
from hassil.sample import sample_expression
from hassil.parse_expression import parse_sentence
from hassil.util import is_template, merge_dict


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def pack(folder: Path) -> dict:
    combinations = load(folder / "intents.yaml")
    templates = folder / "templates"
    merged: dict = {"language": "en", "intents": {}}
    for kind in ("lists_en", "rules_en"):
        for path in sorted((templates / kind).iterdir()):
            merge_dict(merged, load(path))
    sentences = sorted((templates / "sentences_en").iterdir())
    for path in (path for path in sentences if path.is_file()):
        merge_dict(merged, load(path))
    for path in (file for path in sentences if path.is_dir() for file in sorted(path.iterdir())):
        combination = combinations.get(path.parent.name, {}).get("slot_combinations", {}).get(path.stem, {})
        for block in load(path)["data"]:
            if "inferred_domain" in block:
                block.setdefault("slots", {}).setdefault("domain", block.pop("inferred_domain"))
            if "name_domains" in block:
                block.setdefault("requires_context", {}).setdefault("domain", block.pop("name_domains"))
            if combination.get("context_area"):
                block.setdefault("requires_context", {}).setdefault("area", {"slot": True})
            merged["intents"].setdefault(path.parent.name, {"data": []})["data"].append(block)
    return merged


def names(name: str) -> list[str]:
    name = name.strip()
    return [one.strip() for one in sample_expression(parse_sentence(name).expression)] if is_template(name) else [name]


def lists(house: dict) -> dict:
    entities = []
    for entity in house.get("entities", []):
        domain = entity.get("domain") or entity["id"].split(".")[0]
        context = {"domain": domain, **entity.get("attributes", {})}
        entities.extend((name, name, context) for name in names(entity["name"]))
    named = {kind: [name for place in house.get(key, []) for name in names(place["name"])]
             for kind, key in (("area", "areas"), ("floor", "floors"))}
    return {
        "name": TextSlotList.from_tuples(entities, allow_template=False),
        **{kind: TextSlotList.from_strings(values, allow_template=False) for kind, values in named.items()},
    }


ROOMS = ["Attic", "Cellar", "Hobby room", "Guest room", "Pantry", "Workshop", "Nursery", "Terrace", "Landing", "Laundry"]
THINGS = [("spot", "light"), ("lamp", "light"), ("plug", "switch"), ("blind", "cover"), ("fan", "fan"), ("radiator", "climate"),
          ("contact", "binary_sensor"), ("thermometer", "sensor"), ("speaker", "media_player"), ("bolt", "lock")]


def filled(house: dict, entities: int) -> dict:
    for number in range(entities - len(house["entities"])):
        thing, domain = THINGS[number // len(ROOMS) % len(THINGS)]
        name = f"{ROOMS[number % len(ROOMS)]} {thing} {number // 100 + 1}"
        house["entities"].append({"name": name, "id": f"{domain}.made_up_{number}", "domain": domain})
    return house


def main() -> None:
    folder = Path(sys.argv[1])
    began = time.perf_counter()
    intents = Intents.from_dict(pack(folder))
    loaded = time.perf_counter() - began
    usual = lists(filled(load(folder / "_fixtures.en.yaml"), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
    rows = [json.loads(line) for line in (folder / "tests_en.jsonl").read_text().splitlines()]

    def recognize(row: dict):
        house = usual if isinstance(row["fixtures"], str) else lists(row["fixtures"])
        began = time.perf_counter()
        found = recognize_best(
            row["sentence"], intents, slot_lists=house, intent_context=row["context"] or {}, best_slot_name="name"
        )
        return found, time.perf_counter() - began

    # What is compiled when it is first needed is not counted.
    for row in rows:
        recognize(row)
    times, right = [], 0
    for row in rows:
        found, took = recognize(row)
        times.append(took * 1e6)
        right += found is not None and found.intent.name == row["intent"]
    times.sort()
    print(
        f"rows {len(rows)}  intents {right / len(rows):.4f}  loaded in {loaded * 1000:.0f} ms  "
        f"median {median(times):.0f} us  p99 {times[int(len(times) * 0.99)]:.0f} us"
    )


main()
