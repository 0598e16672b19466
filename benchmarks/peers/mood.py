"""Peers of the mood task, trained on the same clips that ours learnt from: standard features and a standard classifier.

eGeMAPSv02 functionals (Eyben et al. 2016) with a support vector machine, and means and deviations of log-mel bands
with logistic regression. Levels are set equal first, as ours does not hear them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.types import HOP, RATE, Audio
from emotion.voice.logmel import LogMel

Floats = NDArray[np.float64]


def egemaps(waves: list[Audio]) -> Floats:
    """88 functionals a clip, (clips, 88)."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    rows = [smile.process_signal(_levelled(wave), RATE).to_numpy()[0] for wave in waves]
    return np.nan_to_num(np.stack(rows).astype(np.float64))


def statistics(waves: list[Audio]) -> Floats:
    """Mean and deviation of each log-mel band over the louder half of the frames, (clips, 128)."""
    front = LogMel()
    rows = []
    for wave in waves:
        padded = np.pad(_levelled(wave), (0, -len(wave) % HOP))
        state = [front.start()]
        mel = np.concatenate([front.step(state, padded[None, at:at + HOP])[0] for at in range(0, len(padded), HOP)])
        loud = mel[mel.mean(1) >= np.median(mel.mean(1))]
        rows.append(np.concatenate([loud.mean(0) - loud.mean(), loud.std(0)]))
    return np.stack(rows).astype(np.float64)


def support_vectors() -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=1.0, class_weight="balanced", decision_function_shape="ovr"))


def regression() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500, class_weight="balanced"))


PEERS: dict[str, tuple[Callable[[list[Audio]], Floats], Callable[[], Any]]] = {
    "eGeMAPS + SVM": (egemaps, support_vectors),
    "log-mel statistics + LR": (statistics, regression),
}


def judge(model: Any, features: Floats) -> Floats:
    """Decision values as shares that add to 1 over the classes, (clips, classes)."""
    values = model.decision_function(features)
    values = np.exp(values - values.max(1, keepdims=True))
    return np.asarray(values / values.sum(1, keepdims=True))


def _levelled(wave: Audio) -> Audio:
    return np.asarray(wave * 0.07 / (np.sqrt(np.mean(wave**2)) + 1e-9), np.float32)
