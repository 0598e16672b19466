"""AudioHook's HTTP message signature and Twilio's request signature, against published examples."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.protocols.signatures import (
    AGE_S,
    NonceCache,
    Request,
    SignatureError,
    sign_audiohook,
    twilio_signature,
    verify_audiohook,
    verify_twilio,
)

KEY, SECRET = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh", base64.b64decode("TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=")
CREATED = 1641013200
PUBLISHED = Request(
    target="/api/v1/voicebiometrics/ws",
    authority="audiohook.example.com",
    headers={
        "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
        "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
        "x-api-key": KEY,
        "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
        "signature-input": 'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" '
                           '"audiohook-correlation-id" "x-api-key");keyid="SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";'
                           'nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430',
    },
)
"""The example of Genesys' documentation: its signature was not made by this code."""


def secret_of(key: str) -> bytes | None:
    return SECRET if key == KEY else None


def check(request: Request = PUBLISHED, now: float = CREATED + 1, nonces: NonceCache | None = None) -> str:
    return verify_audiohook(request, secret_of, now, nonces or NonceCache())


def changed(**headers: str) -> Request:
    return replace(PUBLISHED, headers={**PUBLISHED.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})


def test_the_published_example_is_accepted() -> None:
    assert check() == KEY


def test_the_host_may_be_written_in_capitals() -> None:
    assert check(replace(PUBLISHED, authority="AudioHook.Example.COM")) == KEY


@pytest.mark.parametrize("request_", [
    replace(PUBLISHED, target="/api/v1/voicebiometrics/ws?x=1"),
    replace(PUBLISHED, authority="evil.example.com"),
    changed(audiohook_session_id="30b0e395-84d3-4570-ac13-9a62d8f514c1"),
    changed(audiohook_organization_id="30b0e395-84d3-4570-ac13-9a62d8f514c1"),
    changed(x_api_key="another"),
    changed(signature="sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJi4=:"),
    changed(signature="sig2=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:"),
    changed(signature="sig1=:not base64:"),
    changed(signature=""),
    changed(signature_input=""),
    changed(signature_input=PUBLISHED.headers["signature-input"].replace('"x-api-key"', '"host"')),
    changed(signature_input=PUBLISHED.headers["signature-input"].replace('"@authority" ', "")),
    changed(signature_input=PUBLISHED.headers["signature-input"].replace("hmac-sha256", "hmac-md5")),
    changed(signature_input=PUBLISHED.headers["signature-input"].replace("VGhpc0lzQVVuaXF1ZU5vbmNl", "short")),
    changed(signature_input=PUBLISHED.headers["signature-input"].replace(";created=1641013200", "")),
    changed(signature_input=PUBLISHED.headers["signature-input"] + ";tag=1"),
    changed(signature_input=PUBLISHED.headers["signature-input"].replace("3282026430", "1641013200")),
], ids=lambda request: "")
def test_anything_changed_is_refused(request_: Request) -> None:
    with pytest.raises(SignatureError):
        check(request_, now=CREATED + 1)


def test_a_missing_header_is_refused() -> None:
    headers = {name: value for name, value in PUBLISHED.headers.items() if name != "audiohook-correlation-id"}
    with pytest.raises(SignatureError):
        check(replace(PUBLISHED, headers=headers))


@pytest.mark.parametrize("age", [-4.0, AGE_S + 0.5, 1e6])
def test_too_old_or_from_the_future_is_refused(age: float) -> None:
    with pytest.raises(SignatureError, match="old"):
        check(now=CREATED + age)


@pytest.mark.parametrize("age", [-2.5, 0.0, AGE_S])
def test_ten_seconds_and_a_little_skew_are_allowed(age: float) -> None:
    assert check(now=CREATED + age) == KEY


def test_a_replayed_nonce_is_refused() -> None:
    nonces = NonceCache()
    check(nonces=nonces)
    with pytest.raises(SignatureError, match="nonce"):
        check(nonces=nonces)


def test_a_wrong_signature_does_not_use_up_the_nonce() -> None:
    nonces = NonceCache()
    with pytest.raises(SignatureError):
        check(changed(signature="sig1=:AAAA:"), nonces=nonces)
    assert check(nonces=nonces) == KEY


def test_a_full_nonce_cache_refuses_and_empties_with_time() -> None:
    nonces = NonceCache(capacity=2)
    assert [nonces.first(name, 0.0) for name in "abc"] == [True, True, False]
    assert nonces.first("c", 20.0)
    assert nonces.first("a", 20.0)


def test_what_we_sign_we_accept() -> None:
    headers = {name: value for name, value in PUBLISHED.headers.items() if not name.startswith("signature")}
    unsigned = Request("/v1/audiohook", "localhost:8000", headers)
    signed = replace(unsigned, headers={**headers, **sign_audiohook(unsigned, KEY, SECRET, "n" * 24, CREATED)})
    assert check(signed) == KEY


def test_an_unknown_key_fails_like_a_wrong_signature() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        verify_audiohook(PUBLISHED, lambda _: None, CREATED, NonceCache())


@given(st.text(max_size=200), st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_header_is_refused_without_another_error(signature: str, signature_input: str) -> None:
    with pytest.raises(SignatureError):
        check(changed(signature=signature, signature_input=signature_input))


@given(st.integers(0, 400), st.characters())
@settings(max_examples=150, deadline=None)
def test_one_changed_character_is_refused(at: int, letter: str) -> None:
    text = PUBLISHED.headers["signature-input"]
    at %= len(text)
    other = text[:at] + letter + text[at + 1 :]
    if other.replace("; ", ";").split() != text.split():
        with pytest.raises(SignatureError):
            check(changed(signature_input=other))


def test_twilios_published_example() -> None:
    """From Twilio's 'Validating requests': HMAC-SHA1 of the URL with the token 12345."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = "CallSidCA1234567890ABCDECaller+14158675310Digits1234From+14158675310To+18005551212"
    assert twilio_signature(url + fields, "12345") == "GvWf1cFY/Q7PnoempGyD5oXAezc="


@pytest.mark.parametrize("signed_as", [
    "wss://calls.example.com/v1/twilio", "wss://calls.example.com:443/v1/twilio",
    "https://calls.example.com/v1/twilio", "wss://calls.example.com/v1/twilio/",
])
def test_the_forms_in_which_twilio_signs_one_address(signed_as: str) -> None:
    assert verify_twilio(twilio_signature(signed_as, "token"), "ws://calls.example.com/v1/twilio", "token")


@pytest.mark.parametrize("signature", ["", "AAAA", "GvWf1cFY/Q7PnoempGyD5oXAezc=", "\u00fc"])
def test_a_wrong_twilio_signature_is_refused(signature: str) -> None:
    assert not verify_twilio(signature, "wss://calls.example.com/v1/twilio", "token")


def test_twilios_signature_of_another_address_or_token_is_refused() -> None:
    good = twilio_signature("wss://calls.example.com/v1/twilio", "token")
    assert not verify_twilio(good, "wss://calls.example.com/v1/other", "token")
    assert not verify_twilio(good, "wss://calls.example.org/v1/twilio", "token")
    assert not verify_twilio(good, "wss://calls.example.com/v1/twilio", "other")
