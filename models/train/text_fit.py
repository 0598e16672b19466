"""Fitting the text model: logistic regressions and a small hidden layer over the same features, averaged.

Two views of a turn are learned elsewhere and added to its features: how satisfied its writer is (stc3) and whether it
offends (posts, zh) or complains (tweets, en). For the turns of the training dialogues they are cross-fitted, five folds
by dialogue, so that the model does not lean on what it has seen.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

from emotion.types import Language
from emotion.words.text import BUCKETS, DENSE, SLOTS, TOP
from models.train import text_meaning
from models.train.text_data import Array, Example, Examples, dense_matrix, gram_matrix, having, label, slot_matrix

COST, RIDGE = 4.0, 1.0
TWEET_COST = 15.0
"""Best on tweets about what no training tweet is about (leave one domain out)."""
DENSE_SCALE, SLOT_SCALE, VIEW_SCALE = 0.4, 0.4, 0.5
TOPIC_SCALE = 2.0
TOPICS: dict[Language, int] = {"zh": 12, "en": 64}
TOPIC_SHARE: dict[Language, float] = {"zh": 0.0, "en": 0.5}
"""Length of the topics beside the n-grams. English ones imitate a pre-trained encoder, which knows words that its few
labels do not; for Mandarin that gained .005 QWK in cross-validation, less than its spread, at three times the size."""
FOLDS = 5
HIDDEN, NETS, EPOCHS = 48, 3, 50
HIDDEN_SHARE = 0.5
"""How much the hidden layer counts beside the logistic regressions."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights over n-grams (BUCKETS, H), dense features (DENSE, H), slots (SLOTS, H), views (2, H), topics (TOPICS, H),
    and bias (H,)."""

    grams: Array
    dense: Array
    slots: Array
    views: Array
    topics: Array
    bias: Array


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything that the exported network is made of."""

    rungs: Linear
    others: Linear
    views: Array
    """(BUCKETS + 1, 2): n-gram weights and, last, bias of both views, standardised."""
    topics: Array
    """(BUCKETS, TOPICS): what the n-grams mean; only the direction of their sum counts."""
    nets: tuple[tuple[Array, Array, Array, Array], ...]
    """Hidden layers: (DENSE + 2 + TOPICS + SLOTS, HIDDEN), (HIDDEN,), (HIDDEN, TOP), (TOP,)."""


def fit(examples: Examples, language: Language, seed: int = 0) -> Fitted:
    """All heads of one language."""
    turns = (*examples.turns, *examples.written)
    grams, dense, slots = gram_matrix(turns), dense_matrix(turns), slot_matrix(turns)
    views, seen = _views(examples, turns, language)
    topics = _topics(examples, language, seed)
    rung = label(turns, "evidence")
    meant = _meant(turns, grams, topics)
    design = _design(grams, dense, slots, seen, meant * TOPIC_SHARE[language])
    rungs = _linear([_logistic(design, rung >= least) for least in range(1, TOP + 1)], TOPIC_SHARE[language])
    inputs = np.hstack([dense * DENSE_SCALE, seen * VIEW_SCALE, meant * TOPIC_SCALE, slots.toarray()])
    nets = tuple(_net(inputs.astype(np.float32), rung, seed + number) for number in range(NETS))
    return Fitted(rungs, _others(examples, language, topics), views, topics[0], nets)


def predict(fitted: Fitted, examples: Sequence[Example]) -> NDArray[np.float64]:
    """P(rung >= 1..6) of each example, as the exported network gives it, (n, TOP)."""
    grams, dense, slots = gram_matrix(examples), dense_matrix(examples), slot_matrix(examples)
    seen = grams @ fitted.views[:-1] + fitted.views[-1]
    meant = unit(grams @ fitted.topics)
    straight = (grams @ fitted.rungs.grams + dense @ fitted.rungs.dense + slots @ fitted.rungs.slots
                + seen @ fitted.rungs.views + meant @ fitted.rungs.topics + fitted.rungs.bias)
    inputs = np.hstack([dense * DENSE_SCALE, seen * VIEW_SCALE, meant * TOPIC_SCALE, slots.toarray()])
    bent = np.mean([_sigmoid(np.maximum(inputs @ w1 + b1, 0) @ w2 + b2) for w1, b1, w2, b2 in fitted.nets], axis=0)
    return np.asarray((1 - HIDDEN_SHARE) * _sigmoid(straight) + HIDDEN_SHARE * bent)


def _others(examples: Examples, language: Language, topics: Sequence[Array]) -> Linear:
    eased = having(examples.turns, "calming")
    tasks: list[tuple[Sequence[Example], str]] = [(eased, "calming"), (examples.wholes, "satisfaction")]
    if language == "en":
        tasks += [(having(examples.others, name), name) for name in ("complaint", "severity")]
    columns = []
    for rows, name in tasks:
        grams = gram_matrix(rows)
        design = _design(grams, dense_matrix(rows), slot_matrix(rows), np.zeros((len(rows), 2), np.float32),
                         _meant(rows, grams, topics) * TOPIC_SHARE[language])
        wanted = label(rows, name)
        columns.append(_logistic(design, wanted > 0.5, TWEET_COST if name == "complaint" else COST)
                       if name in {"calming", "complaint"} else _ridge(design, wanted))
    return _linear(columns, TOPIC_SHARE[language])


def _design(grams: csr_matrix, dense: Array, slots: csr_matrix, seen: Array, meant: Array) -> csr_matrix:
    return hstack([grams, csr_matrix(dense * DENSE_SCALE), slots * SLOT_SCALE, csr_matrix(seen * VIEW_SCALE),
                   csr_matrix(meant)]).tocsr()


def _linear(columns: Sequence[Array], share: float) -> Linear:
    """Columns of weights over the design, bias last, taken apart and their scales undone."""
    whole = np.stack(columns, axis=1)
    parts = np.split(whole, np.cumsum([BUCKETS, DENSE, SLOTS, 2, len(whole) - BUCKETS - DENSE - SLOTS - 3]))
    return Linear(parts[0], parts[1] * DENSE_SCALE, parts[2] * SLOT_SCALE, parts[3] * VIEW_SCALE,
                  parts[4] * share, parts[5][0])


def _logistic(matrix: csr_matrix, target: NDArray[np.bool_], cost: float = COST) -> Array:
    """Weights and, last, bias; a question asked of tweets is balanced, for their mix is nobody's."""
    balance = "balanced" if cost == TWEET_COST else None
    model = LogisticRegression(C=cost, solver="liblinear", class_weight=balance).fit(matrix, target)
    return np.concatenate([model.coef_[0], model.intercept_]).astype(np.float32)


def _ridge(matrix: csr_matrix, target: NDArray[np.float64]) -> Array:
    model = Ridge(alpha=RIDGE).fit(matrix, target)
    return np.concatenate([model.coef_, [model.intercept_]]).astype(np.float32)


def _views(examples: Examples, labelled: Sequence[Example], language: Language) -> tuple[Array, Array]:
    """The two views as weights over n-grams (BUCKETS + 1, 2), and what they say of the turns, cross-fitted (n, 2)."""
    other = "complaint" if language == "en" else "offence"
    content, elsewhere = gram_matrix(examples.dialogues), gram_matrix(examples.others)
    turns = gram_matrix(labelled)
    mood = label(examples.dialogues, "satisfaction")
    columns = [_ridge(content, mood), _logistic(elsewhere, label(examples.others, other) > 0.5)]
    whole = np.stack(columns, axis=1)
    seen = np.asarray(turns @ whole[:-1] + whole[-1])
    fold = np.array([_fold(example.group) for example in labelled])
    told = np.array([_fold(example.group) for example in examples.dialogues])
    for number in range(FOLDS):
        held = _ridge(content[told != number], mood[told != number])
        seen[fold == number, 0] = turns[fold == number] @ held[:-1] + held[-1]
    centre, spread = seen.mean(axis=0), seen.std(axis=0)
    whole[-1] -= centre
    return (whole / spread).astype(np.float32), ((seen - centre) / spread).astype(np.float32)


def _fold(group: str) -> int:
    return zlib.crc32(group.encode()) % FOLDS


def _topics(examples: Examples, language: Language, seed: int) -> tuple[Array, ...]:
    """Projections of the n-grams (BUCKETS, TOPICS): from all texts, then as each fold should see them.

    English: what a pre-trained encoder would say. Mandarin: latent semantic analysis of all dialogues, labelled or not
    (Deerwester et al. 1990).
    """
    if examples.sentences is not None:
        return text_meaning.imitate(examples.sentences, TOPICS[language], _fold, FOLDS)
    grams = gram_matrix(examples.dialogues)
    seldom = np.log((1 + grams.shape[0]) / (1 + np.bincount(grams.indices, minlength=BUCKETS))) + 1
    svd = TruncatedSVD(TOPICS[language], random_state=seed).fit(grams @ diags(seldom))
    return (np.asarray(svd.components_.T * seldom[:, None], np.float32),) * (1 + FOLDS)


def _meant(examples: Sequence[Example], grams: csr_matrix, topics: Sequence[Array]) -> Array:
    """What training texts mean, each as imitated without its own fold, (n, TOPICS)."""
    fold = np.array([_fold(example.group) for example in examples])
    meant = np.zeros((len(examples), topics[0].shape[1]), np.float32)
    for number in range(FOLDS):
        meant[fold == number] = grams[fold == number] @ topics[1 + number]
    return unit(meant)


def unit(topics: Array) -> Array:
    return np.asarray(topics / (np.linalg.norm(topics, axis=1, keepdims=True) + 1e-6), np.float32)


def _net(inputs: Array, rung: NDArray[np.float64], seed: int) -> tuple[Array, Array, Array, Array]:
    """One hidden layer with dropout, trained on all thresholds at once."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    data = torch.from_numpy(inputs)
    target = torch.from_numpy(np.stack([rung >= least for least in range(1, TOP + 1)], axis=1).astype(np.float32))
    first, second = nn.Linear(inputs.shape[1], HIDDEN), nn.Linear(HIDDEN, TOP)
    net = nn.Sequential(nn.Dropout(0.2), first, nn.ReLU(), nn.Dropout(0.3), second)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(data)), 64):
            loss = nn.functional.binary_cross_entropy_with_logits(net(data[rows]), target[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    weights = (first.weight.T, first.bias, second.weight.T, second.bias)
    return tuple(part.detach().numpy().copy() for part in weights)  # type: ignore[return-value]


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-values)))


def cross_validate(examples: Examples, language: Language, folds: int, seed: int = 0) -> NDArray[np.float64]:
    """P(rung >= 1..6) of every labelled turn by a model that has not seen its dialogue; prints how good that is."""
    from benchmarks.metrics.ladder import macro_f1, mae, qwk

    fold = np.array([zlib.crc32(f"{seed}{example.group}".encode()) % folds for example in examples.turns])
    found = np.zeros((len(examples.turns), TOP))
    for number in range(folds):
        seen = tuple(e for e, where in zip(examples.turns, fold, strict=True) if where != number)
        fresh = tuple(e for e, where in zip(examples.turns, fold, strict=True) if where == number)
        hidden = {example.group for example in fresh}
        dialogues = tuple(dialogue for dialogue in examples.dialogues if dialogue.group not in hidden)
        sentences = examples.sentences.without(hidden) if examples.sentences is not None else None
        kept = replace(examples, turns=seen, dialogues=dialogues, sentences=sentences)
        fitted = fit(kept, language, seed)
        found[fold == number] = predict(fitted, fresh)
    rung = label(examples.turns, "evidence").astype(int)
    median = (np.minimum.accumulate(found, axis=1) >= 0.5).sum(axis=1)
    print(f"{language}: cross-validated QWK {qwk(rung, median):.3f}, macro-F1 {macro_f1(rung, median):.3f}, "
          f"MAE {mae(rung, median):.2f}", flush=True)
    return found
