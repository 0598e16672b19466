"""What no voice is, and what a line does to a voice: unknown is None in every feature, and nothing of it is anger."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.listen import Ears
from emotion.audio import g711
from emotion.baseline import Baseline, raised
from emotion.types import HOP, RATE, Audio, Shift, Voice
from tests.conftest import SAMPLES, tone

EARS = Ears()


def line(wave: Audio) -> Audio:
    """Through mu-law, as every telephone has it."""
    return g711.decode_ulaw(g711.encode_ulaw(np.clip(wave, -1, 1).astype(np.float32)))


@cache
def caller(seconds: int = 13) -> Audio:
    """The seconds in which the caller of the Mandarin sample (synthetic speech) speaks most."""
    samples, rate = soundfile.read(SAMPLES / "zh.ogg", dtype="float32")
    assert rate == RATE
    speaks = np.abs(samples[:len(samples) // RATE * RATE, 0]).reshape(-1, RATE).mean(axis=1) > 0.005
    start = int(np.convolve(speaks, np.ones(seconds), "valid").argmax())
    return np.asarray(samples[start * RATE:(start + seconds) * RATE, 0], np.float32)


def listen(wave: Audio) -> list[tuple[Voice, Shift | None]]:
    """Voice and shift of every hop of a call by the engine's own stages."""
    state = Baseline().start("zh")
    return [(voice, Baseline().step([state], [voice], [None], [0])[0]) for voice in EARS.listen([wave])[0].voices]


def music(seconds: float, root: float = 220.0, beat: float = 0.5, seed: int = 0) -> Audio:
    """What waits in a queue: four chords, a melody over them, a drum; harmonic, loud and never a voice."""
    rng = np.random.default_rng(seed)
    wave = np.zeros(round(seconds * RATE) + 4 * RATE)

    def play(at: float, semitones: float, lasts: float, level: float) -> None:
        time = np.arange(round(lasts * RATE)) / RATE
        hertz = root * 2 ** (semitones / 12)
        sound = sum(np.sin(2 * np.pi * k * hertz * time) / k**1.4 for k in range(1, 9) if k * hertz < 3800)
        edges = np.minimum(1, time / 0.02) * np.minimum(1, (lasts - time) / 0.03) * np.exp(-time)
        start = round(at * RATE)
        wave[start:start + len(time)] += level * sound * edges

    for count in range(int(seconds / beat)):
        now = count * beat
        if count % 4 == 0:
            for third in (0, 4, 7):
                play(now, third + (0, -3, 5, 7)[count // 4 % 4], 4 * beat, 0.4)
        for half in (0.0, 0.5):
            play(now + half * beat, 12 + rng.choice([0, 2, 4, 7, 9, 12]), beat / 2, 0.5)
        drum = np.arange(800) / RATE
        start = round(now * RATE)
        wave[start:start + 800] += np.sin(2 * np.pi * 90 * drum) * np.exp(-30 * drum)
    wave = wave[:round(seconds * RATE)]
    return np.asarray(0.1 * wave / np.sqrt(np.mean(wave**2)), np.float32)


def repeated(wave: Audio, seconds: float = 6.0) -> Audio:
    return np.resize(wave, round(seconds * RATE)).astype(np.float32)


def pause(seconds: float) -> Audio:
    return np.zeros(round(seconds * RATE), np.float32)


NO_VOICE = {
    "silence": pause(6),
    "DTMF": repeated(np.concatenate([tone(697, 0.2) + tone(1209, 0.2), pause(0.1), tone(852, 0.2) + tone(1477, 0.2),
                                     pause(0.1)])),
    "ring-back, China": repeated(np.concatenate([tone(450, 1), pause(4)]), 12),
    "ring-back, America": repeated(np.concatenate([tone(440, 2) + tone(480, 2), pause(4)]), 12),
    "busy": repeated(np.concatenate([tone(450, 0.35), pause(0.35)])),
    "fax": repeated(np.concatenate([tone(1100, 0.5), pause(3)]), 8),
    "music on hold": music(10),
    "music on hold, low and slow": music(10, root=130, beat=0.75, seed=1),
    "music on hold, high and fast": music(10, root=330, beat=0.35, seed=2),
    "comfort noise": np.random.default_rng(1).normal(0, 0.002, 6 * RATE).astype(np.float32),
    "loud noise": np.random.default_rng(2).normal(0, 0.1, 6 * RATE).astype(np.float32),
    "DC offset": np.full(6 * RATE, 0.3, np.float32),
    "full-scale square wave": np.sign(tone(50, 6)).astype(np.float32),
    "clipped music": np.clip(20 * music(6, seed=3), -1, 1),
}


@pytest.mark.parametrize("what", NO_VOICE)
def test_what_is_no_voice_is_unknown(what: str) -> None:
    """Pitch, rate, loudness, quality, shift and heat: None, never 0."""
    for voice, shift in listen(line(NO_VOICE[what])):
        assert (voice.pitch, voice.rate, voice.loudness, voice.quality) == (None,) * 4, f"a voice in {what}"
        assert shift is None


def test_a_voice_is_known() -> None:
    """The measure of the tests above: the same stages do speak when somebody does."""
    found = [(voice.pitch, voice.rate, voice.loudness, voice.quality) for voice, _ in listen(line(caller()))]
    assert sum(None not in one for one in found) > 6


def test_a_ten_second_drop_out_is_unknown_and_changes_nothing_after() -> None:
    wave = line(caller())
    whole = listen(wave)
    broken = listen(np.concatenate([wave[:10 * HOP], pause(10), wave[10 * HOP:]]))
    for voice, shift in broken[11:30]:
        assert (voice.pitch, voice.loudness, voice.quality, shift) == (None,) * 4
    assert broken[29][0].rate is None
    before, after = (last(found) for found in (whole, broken))
    for name in ("pitch", "effort", "quality"):
        assert getattr(after, name).z == pytest.approx(getattr(before, name).z, abs=0.3), name
    assert after.heat == pytest.approx(before.heat, abs=0.3)


def last(found: list[tuple[Voice, Shift | None]]) -> Shift:
    """The last shift with a pitch and a quality."""
    return next(shift for _, shift in reversed(found) if shift and shift.pitch and shift.quality and shift.effort)


@pytest.mark.parametrize("offset", [0.05, 0.3])
def test_a_dc_offset_leaves_the_voice_as_it_was(offset: float) -> None:
    """Before mu-law's coarse steps far from zero come in, which is noise of its own."""
    plain, moved = (middles(caller() + np.float32(add)) for add in (0.0, offset))
    assert moved[:3] == pytest.approx(plain[:3], abs=0.5)
    assert moved[3:] == pytest.approx(plain[3:], abs=1.0)


def middles(wave: Audio) -> list[float]:
    """Medians over a call: pitch, rate, effort, Hammarberg index, HNR, level."""
    voices = [voice for voice, _ in listen(wave)]
    rows = [(voice.pitch.median, voice.rate.syllables, voice.loudness.effort, voice.quality.hammarberg,
             voice.quality.hnr, voice.loudness.level) for voice in voices
            if voice.pitch and voice.rate and voice.loudness and voice.quality]
    assert len(rows) > 6
    return [float(value) for value in np.median(np.array(rows, float), axis=0)]


@pytest.mark.parametrize("gain", [8.0, 30.0])
def test_clipping_moves_neither_pitch_nor_rate(gain: float) -> None:
    plain, clipped = (middles(line(np.clip(wave, -1, 1))) for wave in (caller(), gain * caller()))
    assert clipped[0] == pytest.approx(plain[0], abs=0.5)
    assert clipped[1] == pytest.approx(plain[1], rel=0.15)


def mild(wave: Audio) -> Audio:
    return np.asarray(np.clip(4 * wave, -1, 1), np.float32)


def hard(wave: Audio) -> Audio:
    return np.asarray(np.clip(20 * wave, -1, 1), np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [mild, hard])
def test_calm_speech_that_is_clipped_from_some_moment_on_is_not_anger(data: Path,
                                                                      spoil: Callable[[Audio], Audio]) -> None:
    """Real neutral speech; 12 s in, the line begins to clip: at most one speaker in six counts as raised by that."""
    from benchmarks import simulate
    from benchmarks.datasets import speech
    from benchmarks.tasks.baseline import compose

    calls = compose(speech.clips(data), 0, orders=1)[::5]
    alarms = []
    for call in calls:
        wave = simulate.band(call.calm[:24 * RATE])
        changed = 12 * RATE // HOP
        found = listen(line(np.concatenate([wave[:12 * RATE], spoil(wave[12 * RATE:])])))
        plain = listen(line(wave))
        alarms.append(any(shift is not None and raised(shift) for _, shift in found[changed:])
                      and not any(shift is not None and raised(shift) for _, shift in plain[changed:]))
    assert np.mean(alarms) <= 1 / 6
