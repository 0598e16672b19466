"""python -m models.train mood: the acoustic emotion model, both shipped files and those for leave-one-out tables.

Augmented clips are heard once and kept in --work. Every network of `PLANS` is fitted, calibrated on the dev speakers
of the corpora that it saw, exported, verified and entered in the manifest; the cards are written from the run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.datasets import speech
from emotion import weights
from emotion.config import MoodConfig
from emotion.mood import MoodModel
from models import golden
from models.train import data as hearing
from models.train import manifest, mood_card, mood_export
from models.train.mood_fit import Examples, Fit, Floats, calibrate, fit, logits, measure
from models.train.mood_measures import Measures
from models.train.mood_net import CLASSES, MoodNet

VIEWS = {"EmoDB": 12, "RAVDESS": 6, "CASIA": 6, "TTS": 2}
"""Augmented versions of every clip, every second in noise; the small corpora are heard more often."""
THROATS = {"EmoDB": 8, "RAVDESS": 3, "CASIA": 6, "TTS": 1}
"""As many by other throats, which count as much together as the speakers' own."""
LICENCES = {"EmoDB": "CC0", "RAVDESS": "CC BY-NC-SA 4.0", "CASIA": "research only",
            "TTS": "synthetic, ours, by Kokoro-82M, Apache-2.0"}
FREE = {"EmoDB", "TTS"}
"""Corpora whose terms allow any use."""
EARLY = 0.6
"""Seconds of speech from which a clip's earlier hops are learnt from too."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One network: corpora to learn from, one speaker to leave out, and whether dev speakers are learnt as well."""

    name: str
    corpora: tuple[str, ...]
    without: str = ""
    synthetic: float = 0.06
    """How much of what is drawn is synthetic neutral speech, Mandarin and English."""
    every: bool = False
    boost: float = 0.5
    """What the witnesses of motion count against the judges of timbre."""
    evened: bool = True
    """Whether women and men count the same within each class."""
    shipped: bool = False


PLANS = (
    # German is all the feeling that it hears; without English synthetic voices it takes lively callers for angry ones
    Plan("mood-open", ("EmoDB", "TTS"), every=True, synthetic=0.04, boost=0.08, evened=False, shipped=True),
    Plan("mood-research", ("EmoDB", "RAVDESS", "CASIA", "TTS"), shipped=True),
    Plan("mood-without-emodb", ("RAVDESS", "CASIA", "TTS")),
    Plan("mood-without-ravdess", ("EmoDB", "CASIA", "TTS")),
    Plan("mood-without-casia", ("EmoDB", "RAVDESS", "TTS")),
    Plan("mood-without-casia-liuchanhg", ("EmoDB", "RAVDESS", "CASIA", "TTS"), "CASIA:liuchanhg"),
    Plan("mood-without-casia-wangzhe", ("EmoDB", "RAVDESS", "CASIA", "TTS"), "CASIA:wangzhe"),
)


@dataclass(frozen=True, slots=True)
class Material:
    """All that was heard of one corpus: clips, and of each view the hops' masks and measures."""

    clips: list[speech.Clip]
    views: list[tuple[hearing.Heard, Floats]]
    """The telephone condition last."""
    throats: list[tuple[hearing.Heard, Floats]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--work", type=Path, default=Path("runs/mood"), help="where heard clips are kept")
    parser.add_argument("--steps", type=int, default=Fit().steps, help="steps of each head")
    parser.add_argument("--only", nargs="*", help="names of networks (default: all)")
    parser.add_argument("--rows", type=Path, help="train nothing; put these rows of the suite into the cards")


def run(arguments: argparse.Namespace) -> int:
    if arguments.rows:
        rows = json.loads(arguments.rows.read_text("utf-8"))
        for name, system in (("mood-open", "emotion"), ("mood-research", "mood-research")):
            mood_card.suite(arguments.out / "cards" / f"{name}.md", system, rows)
        return 0
    torch.set_num_threads(1)
    began = time.process_time()
    measures = Measures()
    plans = [plan for plan in PLANS if not arguments.only or plan.name in arguments.only]
    material = gather(arguments.data, arguments.work, measures, {name for plan in plans for name in plan.corpora})
    print(f"heard {sum(len(part.clips) for part in material.values())} clips, {time.process_time() - began:.0f} s CPU")
    settings = Fit(steps=arguments.steps)
    judged: dict[str, list[mood_card.Judged]] = {}
    for plan in plans:
        net = train(plan, material, measures, settings)
        path = arguments.out / (f"{plan.name}.onnx" if plan.shipped else f"folds/{plan.name}.onnx")
        path.parent.mkdir(parents=True, exist_ok=True)
        mood_export.export(net, path)
        difference = mood_export.verify(net, path)
        enter(plan, path, arguments.out)
        spent = time.process_time() - began
        print(f"{plan.name}: ONNX and PyTorch differ by {difference:.0e}; {spent:.0f} s CPU so far", flush=True)
        judged[plan.name] = evaluate(net, material, plan)
    for plan in plans:
        if plan.shipped:
            mood_card.write(arguments.out / "cards" / f"{plan.name}.md", plan.name,
                            facts(plan, arguments.out / f"{plan.name}.onnx"), judged[plan.name],
                            folds(judged) if plan.name == "mood-research" else {})
    return 0


def folds(judged: Mapping[str, Sequence[mood_card.Judged]]) -> dict[str, list[mood_card.Judged]]:
    """What the networks with something left out say of just that."""
    found: dict[str, list[mood_card.Judged]] = {}
    for plan in PLANS:
        if plan.name in judged and not plan.shipped:
            label = f"{plan.without.partition(':')[2]} left out" if plan.without else "left out"
            found.setdefault(label, []).extend(
                one for one in judged[plan.name]
                if one.clip.speaker == plan.without or (not plan.without and one.clip.corpus not in plan.corpora))
    return found


def gather(data: Path, work: Path, measures: Measures, learnt_from: set[str]) -> dict[str, Material]:
    """Every corpus in its views, from the work folder or made now; one not learnt from on the telephone alone."""
    noises = cache(partial(hearing.backgrounds, data))
    found = {}
    for corpus, clips in hearing.corpora(data).items():
        makers = {"view": lambda seed, clips=clips: hearing.view(clips, noises(), 100 + seed),
                  "telephone": lambda _, clips=clips: hearing.condition(clips, "telephone", data),
                  "throat": lambda seed, clips=clips: hearing.throats(clips, noises(), 700 + seed)}
        many = {"view": VIEWS.get(corpus, 3), "throat": THROATS.get(corpus, 3)} if corpus in learnt_from else {}
        heard = {kind: [hearing.cached(work / f"{corpus}-{kind}-{seed}.npz", partial(make, seed))
                        for seed in range(1 if kind == "telephone" else many.get(kind, 0))]
                 for kind, make in makers.items()}
        measured = {kind: [(one, measure(one, measures)) for one in several] for kind, several in heard.items()}
        found[corpus] = Material(clips, measured["view"] + measured["telephone"], measured["throat"])
        print(f"{corpus}: heard {len(clips)} clips {sum(map(len, heard.values()))} times", flush=True)
    return found


def learnt(plan: Plan, clip: speech.Clip) -> bool:
    """Whether a plan learns from a clip."""
    return clip.corpus in plan.corpora and clip.speaker != plan.without and (plan.every or clip.split == "train")


def train(plan: Plan, material: dict[str, Material], measures: Measures, settings: Fit) -> MoodNet:
    """Fit and calibrate; one that learns every speaker takes temperature and half of anger's shift from a twin."""
    held = [(corpus, at) for corpus in plan.corpora for at, clip in enumerate(material[corpus].clips)
            if clip.split == "dev"]
    twin = fit(examples(replace(plan, every=False), material), measures, settings, plan.boost)
    ends = [material[corpus].views[-1][1][material[corpus].views[-1][0].ends[at] - 1] for corpus, at in held]
    truth = np.array([hearing.CLASS_OF[material[corpus].clips[at].emotion] for corpus, at in held])
    weight = 1.0 / np.bincount(truth, minlength=CLASSES)[truth]
    net = fit(examples(plan, material), measures, settings, plan.boost, seed=1) if plan.every else twin
    correction = calibrate(logits(twin, np.stack(ends)), truth, weight)
    if plan.every:
        correction = replace(correction, shifts=correction.shifts / 2 * (np.arange(CLASSES) == 0))
    correction.apply(net)
    print(f"{plan.name}: calibrated on {len(held)} clips, scale {correction.scale:.2f}")
    return net


def examples(plan: Plan, material: dict[str, Material]) -> Examples:
    """What a plan learns from: the end of each clip in each view and one earlier hop, drawn evenly by class."""
    rows: list[Floats] = []
    labels: list[str] = []
    draws: list[float] = []
    for corpus in plan.corpora:
        part = material[corpus]
        chosen = [at for at, clip in enumerate(part.clips) if learnt(plan, clip)]
        counts = np.bincount([hearing.CLASS_OF[part.clips[at].emotion] for at in chosen], minlength=CLASSES)
        speakers = len({part.clips[at].speaker for at in chosen})
        share = np.sqrt(speakers) / np.sqrt(counts[counts > 0]).sum() if corpus != "TTS" else 0.0
        evened = even([part.clips[at] for at in chosen]) if plan.evened else [1.0] * len(chosen)
        views = [(view, 0.5 / len(group)) for group in (part.views, part.throats) for view in group]
        for at, even_out in zip(chosen, evened, strict=True):
            emotion = part.clips[at].emotion
            draw = share * even_out / np.sqrt(counts[hearing.CLASS_OF[emotion]])
            for (heard, values), often in views:
                hops = heard.clip(at)
                spoken = heard.masks[hops].mean(1).cumsum() * 0.5
                early = np.flatnonzero(spoken[:-1] > EARLY)
                rows.append(values[hops.stop - 1])
                labels.append(emotion)
                draws.append(draw * often)
                if len(early):
                    rows.append(values[hops.start + early[len(early) // 2]])
                    labels.append(emotion)
                    draws.append(draw * often / 2)
    draw = np.array(draws)
    draw[draw == 0] = plan.synthetic * draw.sum() / max(1, int((draw == 0).sum()))
    return Examples(np.stack(rows), np.eye(CLASSES, dtype=np.float32)[[hearing.CLASS_OF[name] for name in labels]],
                    np.array([hearing.AROUSAL[name] for name in labels], np.float32), draw.astype(np.float32))


def even(clips: Sequence[speech.Clip]) -> list[float]:
    """What makes women and men count the same within each class, a factor a clip; 1 where only one of them speaks."""
    groups = Counter((hearing.CLASS_OF[clip.emotion], clip.gender) for clip in clips)
    found = []
    for clip in clips:
        kind = hearing.CLASS_OF[clip.emotion]
        women, men = groups[kind, "F"], groups[kind, "M"]
        found.append((women + men) / 2 / groups[kind, clip.gender] if women and men else 1.0)
    return found


def evaluate(net: MoodNet, material: dict[str, Material], plan: Plan) -> list[mood_card.Judged]:
    """Every clip that the plan did not learn from, on the telephone."""
    judged = []
    for corpus, part in material.items():
        heard, values = part.views[-1]
        unseen = [at for at, clip in enumerate(part.clips) if not learnt(plan, clip) and corpus != "TTS"]
        if unseen:
            raw = logits(net, values[heard.ends[unseen] - 1])
            judged += [mood_card.Judged(part.clips[at], row) for at, row in zip(unseen, raw, strict=True)]
    return judged


def facts(plan: Plan, path: Path) -> dict[str, manifest.Fact]:
    free = set(plan.corpora) <= FREE
    return {
        "file": str(path.relative_to(path.parent if plan.shipped else path.parent.parent)),
        "sha256": weights.sha256(path), "rate": 8000, "labels": [*hearing.CLASSES, "arousal"],
        "training_data": [f"{corpus} ({LICENCES[corpus]})" for corpus in plan.corpora] + ["ESC-10 noise (CC BY 3.0)"],
        "training_speakers": "all" if plan.every else "split train" + f", without {plan.without}" * bool(plan.without),
        "licence": "Apache-2.0" if free else "research only (RAVDESS CC BY-NC-SA 4.0, CASIA research only)",
        "commercial_use": free, "purpose": "shipped" if plan.shipped else "benchmark: leave-one-out tables",
    }


def enter(plan: Plan, path: Path, out: Path) -> None:
    """The manifest's entry, first without, then with the golden outputs that the entry itself leads to."""
    table, entry = out / "manifest.toml", facts(plan, path)
    manifest.enter(table, plan.name, entry)
    if out.resolve() == weights.FOLDER:
        weights.manifest.cache_clear()
        manifest.enter(table, plan.name, entry | {"golden": golden.outputs(MoodModel(MoodConfig(plan.name)))})

