"""The golden calls: short scripts of both languages whose changes and alerts are kept in tests/data/golden."""

from __future__ import annotations

from tests.scripted import Script

NOTHING = (0.95, 0.03, 0.01, 0.005, 0.003, 0.001, 0.001)
OPEN = (0.03, 0.05, 0.12, 0.7, 0.08, 0.01, 0.01)

CALLS = [
    Script("zh-calm", "zh", 60, turns=[(5, "我想查一下订单", NOTHING, 0.0), (30, "好的 谢谢", NOTHING, 0.9)],
           heat=[(4, 8, 0.1), (28, 32, -0.2)]),
    Script("en-calm", "en", 60, turns=[(5, "I would like to check my order", NOTHING, 0.0),
                                       (30, "okay thank you", NOTHING, 0.9)], heat=[(4, 8, 0.2), (28, 32, 0.0)]),
    Script("zh-waiting", "zh", 70, waits=[(10, 25), (30, 42)], phrases=[(45, "等了半天", 2, "waiting")]),
    Script("en-third-call", "en", 60, phrases=[(12, "third time I call", 2, "repetition")],
           repeats=[(25, "my order number"), (40, "my order number")]),
    Script("zh-complaint", "zh", 60, phrases=[(12.3, "我要投诉", 5, "complaint")]),
    Script("en-complaint", "en", 60, phrases=[(12.3, "file a complaint", 5, "complaint")]),
    Script("zh-climb", "zh", 150, phrases=[(20, "怎么还没到", 1, "displeasure"), (40, "等了三天", 2, "waiting"),
                                           (60, "什么态度", 3, "judgement"), (80, "必须给个说法", 4, "demand"),
                                           (100, "我要投诉", 5, "complaint"), (120, "12315", 6, "threat")],
           heat=[(18, 30, 0.5), (38, 50, 1.2), (58, 130, 2.2)]),
    Script("en-climb-and-calm", "en", 150, phrases=[(20, "this is ridiculous", 3, "judgement"),
                                                    (40, "I want my money back", 4, "demand"),
                                                    (100, "thank", 0, "calming")],
           turns=[(120, "solved, thanks", NOTHING, 0.97)], heat=[(18, 50, 2.0), (90, 130, 0.0)]),
    Script("zh-voice-only", "zh", 60, heat=[(5, 15, 0.1), (15, 45, 3.0)], by=None),
    Script("en-voice-only", "en", 90, heat=[(5, 15, 0.0), (15, 35, 2.6), (40, 80, -0.3)],
           anger=[(5, 15, 0.05), (15, 35, 0.7), (40, 80, 0.03)], by=None),
    Script("zh-abuse", "zh", 60, phrases=[(20, "你这个人渣", 6, "abuse")], heat=[(15, 30, 2.5)]),
    Script("en-threat", "en", 60, phrases=[(20, "my lawyer will call you", 6, "threat")]),
    Script("zh-one-strike", "zh", 90, turns=[(10, "不太方便吧", (0.5, 0.25, 0.15, 0.06, 0.02, 0.01, 0.01), 0.0),
                                             (40, "单号是三七二", NOTHING, 0.0)]),
    Script("en-two-strikes", "en", 90, turns=[(10, "this is not good", OPEN, 0.0),
                                              (40, "terrible service", OPEN, 0.0)]),
    Script("zh-transfer", "zh", 80, transfers=[20, 45], interrupts=[50, 55, 60], heat=[(48, 65, 1.0)]),
    Script("en-degraded", "en", 60, heat=[(10, 50, 2.2)], degraded=("loss",)),
]
