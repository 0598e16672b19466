"""Which bus the settings ask for."""

from __future__ import annotations

from api.bus.local import LocalBus
from api.settings import Settings, SettingsError


def choose(settings: Settings) -> LocalBus:
    """The bus of the settings; SettingsError when Redis is wanted and its library is not there."""
    if not settings.redis:
        return LocalBus()
    try:
        from api.bus.streams import StreamBus
    except ImportError:
        raise SettingsError("EMOTION_REDIS is set, but the Redis library is not installed: "
                            "pip install 'emotion[redis]'") from None
    return StreamBus(settings.redis)
