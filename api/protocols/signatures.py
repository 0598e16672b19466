"""Who dials in: Genesys' HTTP message signature and Twilio's request signature, checked without a socket.

Sources: draft-ietf-httpbis-message-signatures as AudioHook uses it (hmac-sha256, six covered components), and
Twilio's "Validating requests" (HMAC-SHA1 over the URL). All comparisons take the same time for any signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

COVERED = frozenset({
    "@request-target", "@authority", "audiohook-organization-id", "audiohook-session-id",
    "audiohook-correlation-id", "x-api-key",
})
"""What an AudioHook signature must cover."""
AGE_S = 10.0
"""A signature is good for this long."""
SKEW_S = 3.0
"""How far ahead of ours the signer's clock may be."""
NONCE_LENGTH = 22

_MEMBER = re.compile(
    r'\s*([a-z*][a-z0-9_.*-]*)=\(( *"[\x20\x21\x23-\x5b\x5d-\x7e]*"(?: +"[\x20\x21\x23-\x5b\x5d-\x7e]*")* *)\)'
    r'((?:; *[a-z]+=(?:"[\x20\x21\x23-\x5b\x5d-\x7e]*"|\d{1,15}))*)\s*',
    re.ASCII,
)
_PARAMETER = re.compile(r'; *([a-z]+)=(?:"([^"]*)"|(\d+))', re.ASCII)
_SIGNATURE = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):\s*", re.ASCII)


class SignatureError(Exception):
    """A request that is not signed as it must be; the message is for the log, never for the peer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What of an HTTP request a signature covers: path with query, Host, and the headers by lower-case name."""

    target: str
    authority: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class NonceCache:
    """Nonces seen within the life of a signature; at most `capacity`, and full means refused."""

    capacity: int = 100_000
    _seen: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def first(self, nonce: str, now: float) -> bool:
        """True the first time; False for a replay, or while there is no room to tell."""
        while self._seen and next(iter(self._seen.values())) < now - AGE_S - SKEW_S:
            self._seen.popitem(last=False)
        if nonce in self._seen or len(self._seen) >= self.capacity:
            return False
        self._seen[nonce] = now
        return True


@dataclass(frozen=True, slots=True)
class _Claim:
    """One parsed Signature-Input member and its signature."""

    components: tuple[str, ...]
    parameters: Mapping[str, str]
    params_text: str
    signature: bytes


def verify_audiohook(request: Request, secret_of: Callable[[str], bytes | None], now: float, nonces: NonceCache) -> str:
    """Check the message signature; returns the key id, raises SignatureError.

    `secret_of` gives the client secret of an API key, None for an unknown one; `now` is Unix time in seconds.
    """
    claim = _parse(request.headers)
    _check_age(claim.parameters, now)
    key_id, nonce = claim.parameters.get("keyid", ""), claim.parameters.get("nonce", "")
    if len(nonce) < NONCE_LENGTH:
        raise SignatureError(f"nonce of {len(nonce)} characters, {NONCE_LENGTH} are needed")
    if not key_id or key_id != request.headers.get("x-api-key", "").strip():
        raise SignatureError("keyid is not the X-API-KEY")
    if claim.parameters.get("alg", "hmac-sha256") != "hmac-sha256":
        raise SignatureError("algorithm is not hmac-sha256")
    secret = secret_of(key_id)
    # an unknown key costs the same work as a known one with a wrong signature
    digest = hmac.digest(secret or secrets.token_bytes(32), _base(claim, request).encode(), "sha256")
    if not hmac.compare_digest(digest, claim.signature) or not secret:
        raise SignatureError("signature does not match")
    if not nonces.first(f"{key_id}\n{nonce}", now):
        raise SignatureError("nonce was seen before")
    return key_id


def sign_audiohook(request: Request, key_id: str, secret: bytes, nonce: str, created: int) -> dict[str, str]:
    """The two headers that sign a request, as a Genesys client would make them; for clients and tests."""
    names = ("@request-target", "@authority", *sorted(COVERED - {"@request-target", "@authority"}))
    params = (f'({" ".join(f"{chr(34)}{name}{chr(34)}" for name in names)});keyid="{key_id}";nonce="{nonce}";'
              f'alg="hmac-sha256";created={created};expires={created + 30}')
    claim = _Claim(names, {}, params, b"")
    digest = hmac.digest(secret, _base(claim, request).encode(), "sha256")
    return {"signature-input": f"sig1={params}", "signature": f"sig1=:{base64.b64encode(digest).decode()}:"}


def verify_twilio(signature: str, url: str, auth_token: str) -> bool:
    """Whether X-Twilio-Signature fits the URL that was configured in TwiML.

    Twilio signs the URL as it was written; what stands before us may have lost its scheme, port or last slash.
    """
    given = signature.encode()
    # no early exit: every form is tried whatever the answer
    matches = [hmac.compare_digest(twilio_signature(form, auth_token).encode(), given) for form in _forms(url)]
    return any(matches)


def twilio_signature(url: str, auth_token: str) -> str:
    """base64(HMAC-SHA1(token, URL)): what Twilio sends for a request without POST fields."""
    return base64.b64encode(hmac.new(auth_token.encode(), url.encode(), hashlib.sha1).digest()).decode()


def _forms(url: str) -> list[str]:
    rest = url.split("://", 1)[-1]
    host, _, path = rest.partition("/")
    name, colon, port = host.rpartition(":")
    hosts = {host, name} if colon and port in ("443", "80") else {host}
    hosts |= set() if colon else {f"{host}:443"}
    stem = path.rstrip("/")
    paths = {f"/{path}", f"/{stem}", f"/{stem}/"} | ({""} if not path else set())
    schemes = ("wss", "https", "ws", "http")
    return [f"{scheme}://{at}{form}" for scheme in schemes for at in sorted(hosts) for form in sorted(paths)]


def _parse(headers: Mapping[str, str]) -> _Claim:
    inputs = _members(_MEMBER, headers.get("signature-input", ""))
    signatures = _members(_SIGNATURE, headers.get("signature", ""))
    if not inputs or not signatures:
        raise SignatureError("request is not signed")
    label, match = next(iter(inputs.items()))
    if label not in signatures:
        raise SignatureError("signature-input and signature have different labels")
    parameters: dict[str, str] = {}
    for name, text, number in _PARAMETER.findall(match[3]):
        if name in parameters or name not in {"alg", "created", "expires", "keyid", "nonce"}:
            raise SignatureError(f"signature parameter {name!r} is unknown or repeated")
        parameters[name] = text or number
    components = tuple(re.findall(r'"([^"]*)"', match[2]))
    if len(set(components)) != len(components) or not set(components) >= COVERED:
        raise SignatureError(f"covered components are {components}")
    try:
        signature = base64.b64decode(signatures[label][2], validate=True)
    except binascii.Error as error:
        raise SignatureError("signature is not base64") from error
    quoted = " ".join(f'"{name}"' for name in components)
    return _Claim(components, parameters, f"({quoted}){match[3].replace('; ', ';')}", signature)


def _members(pattern: re.Pattern[str], header: str) -> dict[str, re.Match[str]]:
    """The members of a structured-field dictionary by label; none of them if one is malformed."""
    members: dict[str, re.Match[str]] = {}
    at = 0
    while at < len(header):
        match = pattern.match(header, at)
        if match is None:
            return {}
        members[match[1]] = match
        at = match.end()
        if at < len(header):
            if header[at] != ",":
                return {}
            at += 1
    return members


def _check_age(parameters: Mapping[str, str], now: float) -> None:
    created, expires = parameters.get("created", ""), parameters.get("expires", "")
    if not created.isdigit() or (expires and not expires.isdigit()):
        raise SignatureError("signature has no time of creation")
    if not now - AGE_S <= int(created) <= now + SKEW_S:
        raise SignatureError(f"signature is {now - int(created):.1f} s old, {AGE_S:.0f} s are allowed")
    if expires and int(expires) < now:
        raise SignatureError("signature has expired")


def _base(claim: _Claim, request: Request) -> str:
    """The signature base: one line a component, and the parameters last."""
    lines = [f'"{name}": {_value(name, request)}' for name in claim.components]
    return "\n".join([*lines, f'"@signature-params": {claim.params_text}'])


def _value(name: str, request: Request) -> str:
    if name == "@request-target":
        return request.target
    if name == "@authority":
        return request.authority.lower()
    if name.startswith("@") or name not in request.headers:
        raise SignatureError(f"component {name!r} is not there")
    return re.sub(r"[ \t]*\r\n[ \t]+", " ", request.headers[name].strip())
