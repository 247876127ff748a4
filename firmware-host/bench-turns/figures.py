"""Figures over what `pipit hear --json` printed: figures.py commands <TURNS | figures.py drafts WITH WITHOUT"""

import json
import statistics
import sys


def turns(lines):
    return [turn for turn in map(json.loads, lines) if turn["ended_by"]]


def p95(values):
    return sorted(values)[round(0.95 * (len(values) - 1))]


def row(what, figures, reach):
    print(f"{what}: {figures} (to reach: {reach})")


def commands():
    heard = turns(sys.stdin)
    matched = [turn["timings_ms"]["turn_decided"] for turn in heard if turn["intent"]]
    if not matched:
        sys.exit("no command was understood: `pipit doctor` says what is wrong")
    row(
        "end of speech to the decision, whole commands",
        f"median {statistics.median(matched):.0f} ms, 95th percentile {p95(matched):.0f} ms"
        f" ({len(matched)} of {len(heard)} recordings were understood)",
        "median 300 ms, 95th percentile 600 ms",
    )


def drafts(with_drafts, without):
    def first_audio(file):
        with open(file, encoding="utf-8") as lines:
            answered = [turn for turn in turns(lines) if turn["transcript"] and not turn["intent"]]
        return [turn["timings_ms"]["first_audio"] for turn in answered if turn["timings_ms"]["first_audio"]]

    with_drafts, without = first_audio(with_drafts), first_audio(without)
    if not with_drafts or not without:
        sys.exit("no request was answered: `pipit doctor` says what is wrong")
    sooner = statistics.median(without) - statistics.median(with_drafts)
    row(
        "end of speech to first audio, language model with its first token after 300 ms",
        f"median {statistics.median(with_drafts):.0f} ms with drafts, {statistics.median(without):.0f} ms without,"
        f" {sooner:.0f} ms sooner ({len(with_drafts)} and {len(without)} turns)",
        "250 ms sooner",
    )


match sys.argv[1:]:
    case ["commands"]:
        commands()
    case ["drafts", with_drafts, without]:
        drafts(with_drafts, without)
    case _:
        sys.exit(__doc__)
