"""What stands between a switch and its protocol: settings of secrets, addresses, names and fields."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.doors import switches, tcp
from api.protocols.events import Started
from api.protocols.fields import identifier, kept, language_of, sides_of, truth, with_fields
from api.settings import Settings, SettingsError

SECRET = base64.b64encode(b"secret").decode()


def test_secrets_of_several_tenants() -> None:
    settings = Settings(twilio_tokens="a=1, b=2=3", audiohook_keys=f"a=k==:{SECRET},b=l:{SECRET}")
    assert switches.twilio_tokens(settings) == [("a", "1"), ("b", "2=3")]
    assert switches.audiohook_secrets(settings) == {"k==": ("a", b"secret"), "l": ("b", b"secret")}
    assert switches.twilio_tokens(Settings()) == []
    assert switches.audiohook_secrets(Settings()) == {}


@pytest.mark.parametrize("text", ["token", "=token", "a=", "a"])
def test_a_twilio_setting_that_makes_no_sense(text: str) -> None:
    with pytest.raises(SettingsError, match="EMOTION_TWILIO_TOKENS"):
        switches.twilio_tokens(Settings(twilio_tokens=text))


@pytest.mark.parametrize("text", ["a=k", "a=k:", "a=:c2VjcmV0", "a=k:not base64", "k:c2VjcmV0", "a=k:c2VjcmV"])
def test_an_audiohook_setting_that_makes_no_sense_never_shows_the_secret(text: str) -> None:
    with pytest.raises(SettingsError, match="EMOTION_AUDIOHOOK_KEYS") as caught:
        switches.audiohook_secrets(Settings(audiohook_keys=text))
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize(("host", "private"), [
    ("127.0.0.1", True), ("localhost", True), ("::1", True), ("10.1.2.3", True), ("192.168.0.9", True),
    ("fd00::1", True), ("0.0.0.0", False), ("::", False), ("8.8.8.8", False), ("2001:4860:4860::8888", False),
    ("pbx.example.com", False),
])
def test_which_addresses_are_private(host: str, private: bool) -> None:
    assert tcp.is_private(host) is private


def test_audiosocket_listens_on_a_public_address_only_if_told() -> None:
    house: Any = SimpleNamespace(announced=lambda tenant, call: None)
    settings = Settings(audiosocket_host="0.0.0.0", audiosocket_port=1)
    with pytest.raises(SettingsError, match="AUDIOSOCKET_HOST"):
        asyncio.run(tcp.listen(house, settings))
    assert asyncio.run(tcp.listen(house, replace(settings, audiosocket_port=0))) is None


def test_the_password_of_basic_authentication() -> None:
    assert switches._password(base64.b64encode(b"user:em_a:b").decode()) == "em_a:b"
    assert switches._password("not base64!") == ""
    assert switches._password(base64.b64encode(b"nobody").decode()) == ""


@given(st.one_of(st.text(max_size=200), st.integers(), st.none(), st.booleans(), st.lists(st.text())))
def test_any_value_is_an_id_of_the_contract_or_none(value: object) -> None:
    name = identifier(value)
    assert name is None or (1 <= len(name) <= 128 and all(c.isascii() and (c.isalnum() or c in "_.:@+-") for c in name))


@pytest.mark.parametrize(("tag", "language"), [
    ("zh", "zh"), ("zh-CN", "zh"), ("cmn-Hans", "zh"), ("en_GB", "en"), ("EN", "en"),
    ("de", "auto"), (None, "auto"), (3, "auto"),
])
def test_language_tags(tag: object, language: str) -> None:
    assert language_of(tag) == language


def test_words_for_true_and_for_sides() -> None:
    assert [truth(word) for word in (True, "Yes", "1")] == [True] * 3
    assert [truth(word) for word in (False, "off", "", 0)] == [False] * 4
    assert truth("maybe") is None
    assert sides_of("agent, caller") == ("agent", "caller")
    assert [sides_of(value) for value in ("", "x", "caller,caller", None, 5, ["caller", "x"])] == [None] * 6


def test_fields_that_make_no_sense_are_left_out() -> None:
    start = Started("c", "mulaw", 8000, agent_id="a", consent=True)
    nonsense = {"agent_id": "  ", "consent": "maybe", "call_id": [], "encoding": "alaw", "x": 1}
    assert with_fields(start, nonsense) == start
    assert with_fields(start, {"consent": "no"}).consent is False


def test_what_is_kept_of_metadata_names_nobody_and_can_be_stored() -> None:
    given_ = {"queue": "billing", "from": "+4930", "callerName": "J", "caller_id": "4930", "nested": {"a": 1},
              "n": 1, "bad": "\ud800\0", "none": None, "long": "x" * 1000}
    assert kept(given_) == {"queue": "billing", "n": "1", "bad": "?", "long": "x" * 256}
    assert len(kept({str(n): n for n in range(100)})) == 32
