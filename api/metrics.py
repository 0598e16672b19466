"""Prometheus metrics of one service process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0)


class Metrics:
    """One registry a process, so that two apps in one test do not share numbers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.live = Gauge("emotion_live_calls", "Calls that are open", ["door"], registry=self.registry)
        self.lag = Gauge("emotion_lag_seconds", "Longest wait of audio for the engine", registry=self.registry)
        self.dropped = Counter("emotion_dropped_seconds", "Audio given up for lack of time", registry=self.registry)
        self.gaps = Counter("emotion_gap_seconds", "Audio that senders reported lost", registry=self.registry)
        self.hop = Histogram("emotion_hop_to_result_seconds", "From a hop's last packet to its result",
                             buckets=LATENCY, registry=self.registry)
        self.hops = Counter("emotion_hops", "Hops of 0.5 s that were analysed", registry=self.registry)
        self.alerts = Counter("emotion_alerts", "Alerts", ["rung", "audience"], registry=self.registry)
        self.changes = Counter("emotion_changes", "Changes of rung", ["rung"], registry=self.registry)
        self.ended = Counter("emotion_calls_ended", "Calls that ended", ["reason"], registry=self.registry)
        self.faults = Counter("emotion_faults", "Bad input of senders", ["door", "code"], registry=self.registry)
        self.readers = Gauge("emotion_event_readers", "Open event streams", registry=self.registry)
        self.webhooks = Counter("emotion_webhook_deliveries", "Webhook deliveries", ["result"], registry=self.registry)
        self.requests = Counter("emotion_http_requests", "HTTP requests", ["method", "status"], registry=self.registry)
        self.waiting = Gauge("emotion_store_queue", "Writes that wait for the database", registry=self.registry)
        self.lost = Gauge("emotion_store_lost", "Writes that were given up", registry=self.registry)
        self.model = Gauge("emotion_model_info", "Weights in use", ["name", "sha256", "licence"],
                           registry=self.registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
