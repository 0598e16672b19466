"""Recordings in: many at once as a form, or one in pieces that can be resumed; results as JSON, CSV and a page."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from pydantic import BaseModel, Field
from sqlalchemy import delete, select
from starlette.responses import Response

from api.house import House
from api.problems import HttpError, absent
from api.recordings import found_row, shown
from api.report_page import page_of
from api.routes.common import NAME, Cursor, Document, Limit, Name, clean, house_of, page, place
from api.security import ADMINS, UPLOADERS, Principal
from api.store import calls as stored
from api.store.calls import Scope
from api.store.tables import recordings
from emotion.transcripts import TranscriptError, utterance

router = APIRouter(tags=["recordings"])
CHUNK = 4 << 20
"""Bytes of a piece that we suggest."""
BLOCK = 1 << 20
MOST_FILES = 50
OPEN_UPLOADS = 100
FORGOTTEN_S = 24 * 3600.0
COLUMNS = ("at", "rung", "confidence", "forecast", "heat", "speech", "agent_speech", "pitch", "pitch_z", "rate",
           "rate_z", "loudness", "loudness_z", "phrases", "degraded")
ShortName = Annotated[str, Field(pattern=NAME)]
HeldOver = Literal["zh", "en", "auto"]


class Options(BaseModel):
    """How a recording is to be taken."""

    language: HeldOver = "auto"
    caller_channel: Annotated[int, Field(ge=0, le=1)] = 0
    consent: bool = False
    agent_id: ShortName | None = None
    team: ShortName | None = None
    transcript: Annotated[list[Document] | None, Field(max_length=20_000)] = None


class NewUpload(Options):
    name: Annotated[str, Field(min_length=1, max_length=256)]
    size: Annotated[int, Field(ge=1)]


@dataclass(slots=True)
class Upload:
    """One file on its way up; its facts lie beside the bytes, so that it survives a restart."""

    id: str
    tenant: str
    name: str
    size: int
    options: dict[str, Any]
    created: float


# ── whole files ─────────────────────────────────────────────────────────────────────────────────

def may_upload(request: Request) -> Principal:
    """Asked before the form is looked at."""
    return house_of(request).guard.require(request, UPLOADERS)


@router.post("/v1/recordings", status_code=202)
async def add_recordings(request: Request, who: Annotated[Principal, Depends(may_upload)],
                         file: Annotated[list[UploadFile], File(max_length=MOST_FILES)],
                         language: Annotated[HeldOver, Form()] = "auto",
                         caller_channel: Annotated[int, Form(ge=0, le=1)] = 0,
                         consent: Annotated[bool, Form()] = False,
                         agent_id: Annotated[str | None, Form(pattern=NAME)] = None,
                         team: Annotated[str | None, Form(pattern=NAME)] = None,
                         transcript: Annotated[str | None, Form(max_length=4_000_000)] = None) -> dict[str, Any]:
    """Recordings as a form; each is analysed in its turn."""
    house = house_of(request)
    script = _script(transcript)
    options = _checked(who, Options(language=language, caller_channel=caller_channel, consent=consent,
                                    agent_id=agent_id, team=team, transcript=script))
    items = [await _take(house, who, upload, options) for upload in file]
    if all(item["state"] == "failed" for item in items):
        raise HttpError(422, "not-audio", "; ".join(str(item["problem"]) for item in items)[:2000],
                        "give wav, flac, ogg, mp3 or raw G.711, mono or two channels")
    house.ledger.looked(who, "recordings uploaded", f"{len(items)} files")
    return {"items": items}


async def _take(house: House, who: Principal, upload: UploadFile, options: dict[str, Any]) -> dict[str, Any]:
    _room(house)
    name, recording = _plain(upload.filename), secrets.token_hex(8)
    path = house.recordings.path(recording, name)
    with path.open("wb") as out:
        while block := await upload.read(BLOCK):
            await asyncio.to_thread(out.write, block)
    return await house.recordings.add(who, recording, name, options)


# ── in pieces ───────────────────────────────────────────────────────────────────────────────────

@router.post("/v1/uploads", status_code=201)
async def begin_upload(request: Request, body: NewUpload) -> dict[str, Any]:
    """Begin a file that goes up in pieces."""
    house = house_of(request)
    who = house.guard.require(request, UPLOADERS)
    _room(house)
    if body.size > house.settings.upload_mb * 1e6:
        raise HttpError(413, "too-large", f"{body.size} bytes are over {house.settings.upload_mb:g} MB",
                        "split the recording, or raise EMOTION_UPLOAD_MB")
    options = _checked(who, body)
    folder = _folder(house)
    if sum(_sweep(path) for path in folder.glob("*.json")) >= OPEN_UPLOADS:
        raise HttpError(429, "too-many", "too many files are on their way up", "finish or wait a day")
    upload = Upload(secrets.token_hex(8), who.tenant, _plain(body.name), body.size, options, time.time())
    (folder / f"{upload.id}.json").write_text(json.dumps(asdict(upload)), "utf-8")
    (folder / f"{upload.id}.part").touch()
    return {"upload": upload.id, "offset": 0, "chunk": min(CHUNK, int(house.settings.body_mb * 1e6))}


@router.head("/v1/uploads/{upload}")
async def upload_state(request: Request, upload: Name) -> Response:
    """How far a file has come."""
    house = house_of(request)
    facts, part = _find(house, house.guard.require(request, UPLOADERS), upload)
    return Response(headers={"Upload-Offset": str(part.stat().st_size), "Upload-Length": str(facts.size)})


@router.patch("/v1/uploads/{upload}", status_code=204)
async def continue_upload(request: Request, upload: Name) -> Response:
    """The next piece; the last one makes a recording of it."""
    house = house_of(request)
    who = house.guard.require(request, UPLOADERS)
    facts, part = _find(house, who, upload)
    offset = part.stat().st_size
    if request.headers.get("upload-offset") != str(offset):
        raise HttpError(409, "wrong-offset", f"{offset} bytes are here, the piece is meant for "
                        f"{request.headers.get('upload-offset', 'nowhere')[:40]}",
                        "ask HEAD for Upload-Offset and go on from there", {"Upload-Offset": str(offset)})
    with part.open("ab") as out:
        async for block in request.stream():
            if offset + len(block) > facts.size:
                raise HttpError(413, "too-large", f"more than the {facts.size} bytes that were announced",
                                "begin again with the right size")
            await asyncio.to_thread(out.write, block)
            offset += len(block)
    if offset < facts.size:
        return Response(status_code=204, headers={"Upload-Offset": str(offset)})
    part.rename(house.recordings.path(upload, facts.name))
    part.with_suffix(".json").unlink()
    row = await house.recordings.add(who, upload, facts.name, facts.options)
    if row["state"] == "failed":
        raise HttpError(422, "not-audio", str(row["problem"]), "give wav, flac, ogg, mp3 or raw G.711")
    house.ledger.looked(who, "recording uploaded", upload)
    return Response(json.dumps(row), 202, {"Upload-Offset": str(offset)}, "application/json")


# ── results ─────────────────────────────────────────────────────────────────────────────────────

@router.get("/v1/recordings")
async def list_recordings(request: Request, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """Recordings, newest first."""
    house = house_of(request)
    who = house.guard.require(request, UPLOADERS)
    query = select(recordings).where(recordings.c.tenant == who.tenant)
    if who.team is not None:
        query = query.where(recordings.c.team == who.team)
    if (before := place(cursor, float, str)) is not None:
        query = query.where((recordings.c.created < before[0])
                            | ((recordings.c.created == before[0]) & (recordings.c.recording < before[1])))
    query = query.order_by(recordings.c.created.desc(), recordings.c.recording.desc()).limit(limit)
    await house.store.flush()
    rows = await house.store.read(lambda connection: connection.execute(query).mappings().all())
    return page([shown(dict(row)) for row in rows], limit,
                [rows[-1]["created"], rows[-1]["recording"]] if rows else None)


@router.get("/v1/recordings/{recording}")
async def one_recording(request: Request, recording: Name) -> dict[str, Any]:
    """How far a recording has come."""
    house = house_of(request)
    return shown(await _row(house, house.guard.require(request, UPLOADERS), recording))


@router.get("/v1/recordings/{recording}/report.{form}")
async def report(request: Request, recording: Name, form: Literal["json", "csv", "html"],
                 language: Literal["zh", "en"] = "zh") -> Response:
    """What was found: all of it as JSON, the readings as CSV, or a page to read."""
    house = house_of(request)
    who = house.guard.require(request, UPLOADERS)
    row = await _row(house, who, recording)
    if row["state"] != "done":
        raise HttpError(409, "not-done", f"the recording is {row['state']}: {row['problem'] or 'wait for it'}",
                        "ask GET /v1/recordings/ID for its progress")
    card = await house.store.read(lambda connection: stored.find(connection, Scope(who.tenant), row["call"]))
    if card is None:
        raise absent("result; its call was deleted")
    found = await house.store.read(lambda connection: stored.timeline(connection, who.tenant, row["call"]))
    house.ledger.looked(who, "report seen", recording)
    if form == "csv":
        return Response(_csv(found["readings"]), media_type="text/csv; charset=utf-8",
                        headers={"Content-Disposition": f'attachment; filename="{recording}.csv"'})
    if form == "html":
        return Response(page_of(row["name"], card["summary"], found, language), media_type="text/html; charset=utf-8")
    document = {"note": "estimate of expressed emotion", "recording": shown(row), "summary": card["summary"], **found}
    return Response(json.dumps(document, ensure_ascii=False), media_type="application/json")


@router.delete("/v1/recordings/{recording}", status_code=204)
async def delete_recording(request: Request, recording: Name) -> None:
    """Delete the result and its call."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    row = await _row(house, who, recording)
    house.recordings.path(recording, row["name"]).unlink(missing_ok=True)
    where = (recordings.c.tenant == who.tenant) & (recordings.c.recording == recording)
    await house.store.write(lambda connection: connection.execute(delete(recordings).where(where)).rowcount)
    if row["call"]:
        await house.store.write(lambda connection: stored.forget(connection, who.tenant, [row["call"]]))
        house.recorder.forget(who.tenant, row["call"])
        house.complaints.forget(who.tenant, row["call"])
    house.ledger.looked(who, "recording deleted", recording)


def _csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        flat = {**row, "phrases": " ".join(phrase["text"] for phrase in row["phrases"]),
                "degraded": " ".join(row["degraded"])}
        writer.writerow(["" if flat[name] is None else _safe(flat[name]) for name in COLUMNS])
    return out.getvalue()


def _safe(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is quoted."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value


# ── checks ──────────────────────────────────────────────────────────────────────────────────────

async def _row(house: House, who: Principal, recording: str) -> dict[str, Any]:
    await house.store.flush()
    row = await house.store.read(lambda connection: found_row(connection, who.tenant, recording))
    if row is None or (who.team is not None and row["team"] != who.team):
        raise absent("recording")
    return row


def _room(house: House) -> None:
    if house.draining:
        raise HttpError(503, "draining", "the service is going down", "try again in a minute", {"Retry-After": "60"})
    if house.recordings.full:
        raise HttpError(503, "too-many", "too many recordings wait", "try again later", {"Retry-After": "60"})


def _checked(who: Principal, options: Options) -> dict[str, Any]:
    """Options as they are stored; a team's key uploads for its team only."""
    if who.team is not None and options.team not in {None, who.team}:
        raise HttpError(403, "forbidden", "this key is for its own team", "leave team out")
    try:
        for number, entry in enumerate(options.transcript or (), 1):
            utterance(entry, f"entry {number}")
    except (TranscriptError, OverflowError) as fault:
        raise HttpError(422, "bad-transcript", str(fault), "see docs/api.md, 'Recordings'") from None
    return {"language": options.language, "caller_channel": options.caller_channel, "consent": options.consent,
            "agent_id": options.agent_id, "team": options.team or who.team, "transcript": options.transcript}


def _script(text: str | None) -> list[dict[str, Any]] | None:
    if not text:
        return None
    try:
        script = clean(json.loads(text))
    except (ValueError, RecursionError):
        script = None
    if not isinstance(script, list) or not all(isinstance(entry, dict) for entry in script):
        raise HttpError(422, "bad-transcript", "the transcript is no JSON list of objects",
                        'send [{"channel", "start", "end", "text"}, …]')
    return script


def _plain(name: str | None) -> str:
    """A file's name without its folders and without anything that does not print."""
    plain = Path((name or "").replace("\\", "/")).name
    return "".join(letter for letter in plain if letter.isprintable())[-200:] or "recording"


def _folder(house: House) -> Path:
    folder = Path(house.settings.files) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sweep(facts: Path) -> bool:
    """Whether an upload is still young; an old one is removed."""
    if time.time() - facts.stat().st_mtime < FORGOTTEN_S:
        return True
    facts.with_suffix(".part").unlink(missing_ok=True)
    facts.unlink(missing_ok=True)
    return False


def _find(house: House, who: Principal, upload: str) -> tuple[Upload, Path]:
    path = _folder(house) / f"{upload}.json"
    if not upload.isalnum() or not path.is_file():
        raise absent("upload")
    facts = Upload(**json.loads(path.read_text("utf-8")))
    if facts.tenant != who.tenant or (who.team is not None and facts.options["team"] != who.team):
        raise absent("upload")
    return facts, path.with_suffix(".part")
