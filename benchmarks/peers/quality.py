"""Voice quality by openSMILE (eGeMAPSv02) and Praat, behind one signature: (samples, rate) -> means over voiced frames.

Keys are those of emotion.types.Quality and its units; NaN where a tool has no such measure or heard no voice.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from emotion.types import Audio

MEASURES = ("jitter", "shimmer", "hnr", "alpha_ratio", "hammarberg")
_COLUMNS = {"jitter": "jitterLocal_sma3nz", "shimmer": "shimmerLocaldB_sma3nz", "hnr": "HNRdBACF_sma3nz",
            "alpha_ratio": "alphaRatio_sma3", "hammarberg": "hammarbergIndex_sma3"}


def opensmile(samples: Audio, rate: int) -> dict[str, float]:
    """eGeMAPSv02 low-level descriptors, mean over frames with an f0; its alpha ratio is upside down against ours."""
    frames = _smile().process_signal(samples, rate)
    voiced = frames[frames["F0semitoneFrom27.5Hz_sma3nz"] > 0]
    if not len(voiced):
        return dict.fromkeys(MEASURES, float("nan"))
    found = {name: float(voiced[column].mean()) for name, column in _COLUMNS.items()}
    return {**found, "alpha_ratio": -found["alpha_ratio"]}


def praat(samples: Audio, rate: int) -> dict[str, float]:
    """Praat's local jitter, local shimmer in dB and mean harmonicity, with its usual settings, 60-500 Hz."""
    import parselmouth
    from parselmouth.praat import call

    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    points = call(sound, "To PointProcess (periodic, cc)", 60, 500)
    return {"jitter": call(points, "Get jitter (local)", 0, 0, 1e-4, 0.02, 1.3),
            "shimmer": call([sound, points], "Get shimmer (local_dB)", 0, 0, 1e-4, 0.02, 1.3, 1.6),
            "hnr": call(call(sound, "To Harmonicity (cc)", 0.01, 60, 0.1, 1.0), "Get mean", 0, 0),
            "alpha_ratio": float("nan"), "hammarberg": float("nan")}


PEERS = {"opensmile": opensmile, "praat": praat}


@cache
def _smile() -> Any:
    import opensmile as package

    return package.Smile(feature_set=package.FeatureSet.eGeMAPSv02,
                         feature_level=package.FeatureLevel.LowLevelDescriptors)
