"""Who talks when: dead air, hold, overlap, interruption, talk share. Silence and speech only, no feelings.

Definitions (after what call-analytics products use, see TalkConfig): dead air is silence of both sides that lasts
over `dead_air_s`; an interruption is an overlap that lasts over `interruption_s`, counted for the side that began
to talk later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion.config import TalkConfig
from emotion.types import FRAMES, HOP, RATE, Activity, Span, Talk

_FRAME_S = HOP / RATE / FRAMES


@dataclass(frozen=True, slots=True)
class Notes:
    """What the client or the words announced for one hop."""

    hold: bool = False
    transfers: int = 0
    """Transfers announced so far."""
    acknowledged: Span | None = None
    agent_words: bool = False
    """The agent's words are known, so that an acknowledgement would have been noticed."""


@dataclass(slots=True)
class TalkState:
    """Counters of one call, in frames of 10 ms."""

    frames: int = 0
    silent: int = 0
    waited: int = 0
    held: int = 0
    caller_run: int = 0
    agent_run: int = 0
    overlap_run: int = 0
    caller_total: int = 0
    agent_total: int = 0
    caller_interrupts: int = 0
    agent_interrupts: int = 0
    acknowledged: int | None = None


class TalkMeter:
    """Silence, overlap and turns of both sides."""

    def __init__(self, config: TalkConfig) -> None:
        self._dead_air = round(config.dead_air_s / _FRAME_S)
        self._interruption = round(config.interruption_s / _FRAME_S)

    def start(self) -> TalkState:
        return TalkState()

    def step(self, states: Sequence[TalkState], callers: Sequence[Activity], agents: Sequence[Activity | None],
             notes: Sequence[Notes]) -> list[Talk]:
        """One hop of every call: activities of both sides (agent None: not there) and the client's notes."""
        return [self._one(*call) for call in zip(states, callers, agents, notes, strict=True)]

    def _one(self, state: TalkState, caller: Activity, agent: Activity | None, notes: Notes) -> Talk:
        state.frames += FRAMES
        ours = int(caller.speech.sum())
        theirs = int(agent.speech.sum()) if agent else 0
        both = int((caller.speech & agent.speech).sum()) if agent else 0
        if agent:
            self._interruptions(state, caller, agent, both)
            self._silence(state, caller, agent, notes.hold)
        state.held = state.held + FRAMES if notes.hold else 0
        state.waited += FRAMES if notes.hold else 0
        state.caller_total += ours
        state.agent_total += theirs
        if notes.acknowledged:
            state.acknowledged = state.frames
        total = state.caller_total + state.agent_total
        return Talk(
            caller=ours * _FRAME_S,
            agent=theirs * _FRAME_S if agent else None,
            overlap=both * _FRAME_S,
            dead_air=state.silent * _FRAME_S if agent else None,
            hold=state.held * _FRAME_S,
            waited=state.waited * _FRAME_S,
            caller_interrupts=state.caller_interrupts,
            agent_interrupts=state.agent_interrupts,
            caller_share=state.caller_total / total if agent and total else None,
            transfers=notes.transfers,
            unacknowledged=(state.frames - (state.acknowledged or 0)) * _FRAME_S if notes.agent_words else None,
        )

    def _silence(self, state: TalkState, caller: Activity, agent: Activity, hold: bool) -> None:
        speech = caller.speech | agent.speech
        if hold:
            state.silent = 0
            return
        edges = np.flatnonzero(np.diff(np.concatenate([[True], speech, [True]]).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2):
            run = state.silent + int(end - begin) if begin == 0 else int(end - begin)
            before = state.silent if begin == 0 else 0
            if run >= self._dead_air:
                state.waited += run - before if before >= self._dead_air else run
        state.silent = _trailing(~speech, state.silent)

    def _interruptions(self, state: TalkState, caller: Activity, agent: Activity, both: int) -> None:
        if not both:
            state.overlap_run = 0
            state.caller_run = _trailing(caller.speech, state.caller_run)
            state.agent_run = _trailing(agent.speech, state.agent_run)
            return
        for ours, theirs in zip(caller.speech.tolist(), agent.speech.tolist(), strict=True):
            state.caller_run = state.caller_run + 1 if ours else 0
            state.agent_run = state.agent_run + 1 if theirs else 0
            state.overlap_run = state.overlap_run + 1 if ours and theirs else 0
            if state.overlap_run == self._interruption:
                if state.caller_run < state.agent_run:
                    state.caller_interrupts += 1
                elif state.agent_run < state.caller_run:
                    state.agent_interrupts += 1


def _trailing(flags: np.ndarray, before: int) -> int:
    """Length of the run of true frames that reaches the end of the hop, with what came before it."""
    false = np.flatnonzero(~flags)
    return before + len(flags) if not len(false) else len(flags) - 1 - int(false[-1])
