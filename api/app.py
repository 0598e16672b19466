"""The app factory: every route, in its place. `create` loads nothing; models and the store open before listening."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from api import feeds, problems
from api.doors import switches, tcp, uploads, websocket
from api.house import House
from api.routes import access, calls, operations
from api.routes import settings as settings_routes
from api.settings import Settings
from api.tuning import warmed
from api.web import Gate
from emotion import __version__
from emotion.config import Config, MoodConfig, WordsConfig
from emotion.engine import Engine
from emotion.words import pull

log = logging.getLogger("emotion")
CONSOLE = Path(__file__).parent / "console"
ABOUT = ("Streams of call audio in, alerts out. Everything said about a caller is an estimate of expressed emotion, "
         "not of inner feeling. The whole contract with sockets and events: docs/api.md.")


def load(settings: Settings) -> Engine:
    """The engine with its weights; WeightsError when they are missing or not allowed by the settings."""
    mood = MoodConfig(weights=settings.mood, commercial_only=settings.commercial_only)
    words = WordsConfig(fetched=settings.fetched or str(pull.CACHE), commercial_only=settings.commercial_only)
    return warmed(Engine(Config(mood=mood, words=words, threads=settings.threads)))


def create(settings: Settings, engine: Callable[[Settings], Engine] = load) -> FastAPI:
    """The app; `engine` makes the engine when the app starts."""
    switches.twilio_tokens(settings)
    switches.audiohook_secrets(settings)
    house = House(settings, engine(settings))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await house.start()
        audiosocket = await tcp.listen(house, settings)
        yield
        if audiosocket is not None:
            audiosocket.close()
        await house.stop()

    app = FastAPI(title="Emotion", version=__version__, description=ABOUT, lifespan=lifespan,
                  redoc_url=None)
    app.state.house = house
    problems.install(app)
    for module in (operations, access, calls, uploads, settings_routes, feeds, websocket, switches):
        app.include_router(module.router)

    @app.get("/", include_in_schema=False)
    async def console() -> Response:
        return FileResponse(CONSOLE / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/console", StaticFiles(directory=CONSOLE), name="console")
    app.add_middleware(Gate, house=house)
    return app
