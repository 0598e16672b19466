"""From an agent's click to a recalibrated alert budget: feedback stored, exported, read, fitted."""

from __future__ import annotations

import json
from pathlib import Path

from emotion.alerts import calibrate, read_feedback
from tests.service import complain, everything, serving, start


def test_feedback_goes_the_whole_way(tmp_path: Path) -> None:
    from api.serve import export_feedback

    with serving(tmp_path) as service, service.client() as client:
        for name, words in (("angry", True), ("calm", False)):
            with service.socket("/v1/stream") as socket:
                socket.send(start(call_id=name, language="zh", agent_id="lin"))
                if words:
                    complain(socket)
                else:
                    socket.send(b"\xff" * 16_000)
                socket.send('{"type": "stop"}')
                everything(socket)
        raised = [alert for alert in client.get("/v1/alerts?call=angry").json()["items"] if alert["kind"] == "raise"]
        for alert in raised:
            client.post(f"/v1/alerts/{alert['id']}/feedback", json={"verdict": "wrong"})
        settings = service.settings
    path = tmp_path / "feedback.jsonl"
    assert export_feedback(settings, "demo", path) == 2
    angry, calm = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    assert len({alert["at"] for alert in raised}) == len(angry["alerts"]) >= 1
    assert {alert["verdict"] for alert in angry["alerts"]} == {"wrong"}
    assert 0 < angry["hours"] < 0.1
    assert calm["alerts"] == []
    assert calibrate(read_feedback([angry, calm] * 200), 0.5).rate >= 0
