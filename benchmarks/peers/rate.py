"""Public counters of syllables behind one signature: (samples, rate) -> how many syllables."""

from __future__ import annotations

import numpy as np

from emotion.types import Audio


def de_jong_wempe(samples: Audio, rate: int, dip: float = 2.0) -> float:
    """Peaks of Praat's intensity that are voiced and stand `dip` dB over the valley before (de Jong & Wempe 2009)."""
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    intensity = sound.to_intensity(50)
    times, level = intensity.xs(), intensity.values[0]
    pitch = sound.to_pitch_ac(time_step=0.02, pitch_floor=30, max_number_of_candidates=4, silence_threshold=0.03,
                              voicing_threshold=0.25, pitch_ceiling=450)
    threshold = max(np.quantile(level, 0.99) - 25, level.min())
    peaks = [at for at in range(1, len(level) - 1)
             if level[at - 1] < level[at] >= level[at + 1] and level[at] > threshold]
    count, last = 0, None
    for at in peaks:
        if last is None or level[last] - level[last:at + 1].min() > dip:
            hertz = pitch.get_value_at_time(float(times[at]))
            count += int(not np.isnan(hertz))
            last = at
        elif level[at] > level[last]:
            last = at
    return float(count)


def onsets(samples: Audio, rate: int) -> float:
    """librosa.onset.onset_detect with its defaults at 10 ms."""
    import librosa

    return float(len(librosa.onset.onset_detect(y=samples, sr=rate, hop_length=rate // 100)))


COUNTERS = {"de jong & wempe": de_jong_wempe, "librosa onsets": onsets}
