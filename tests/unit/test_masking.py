from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from jobs_app.masking import Masker

SECRET = "pa ss/wörd+\"'\\&"


def test_every_usual_form_is_masked() -> None:
    masker = Masker([SECRET])
    for form in (SECRET, quote(SECRET), quote(SECRET, safe=""), quote_plus(SECRET), repr(SECRET)):
        assert masker.mask(f"<{form}>").strip("<>'\"") == "***"
    assert "wörd" not in masker.mask(json.dumps({"p": SECRET}, ensure_ascii=False))
    assert "u00f6rd" not in masker.mask(json.dumps({"p": SECRET}))


@given(st.text(min_size=9, max_size=40), st.text(max_size=9), st.text(max_size=9))
def test_a_secret_inside_base64_is_masked(secret: str, before: str, after: str) -> None:
    raw = [part.encode("utf-8", "replace") for part in (before, secret, after)]
    whole = base64.b64encode(b"".join(raw)).decode()
    start, end = -(-len(raw[0]) // 3) * 4, (len(raw[0]) + len(raw[1])) // 3 * 4
    assert whole[start:end] not in Masker([secret]).mask(whole)


@given(st.text(min_size=6, max_size=40), st.text(), st.text())
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    masked = Masker([secret]).mask(before + secret + after)
    assert secret not in masked.replace("***", "\0")


def test_short_values_and_other_types_stay() -> None:
    masker = Masker(["short"])
    masker.add(None)
    masker.add(123456789)
    assert masker.mask("short 123456789") == "short 123456789"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Masker(["secret", "secret-longer"]).mask("secret-longer") == "***"


def test_a_tree_is_masked_with_its_keys() -> None:
    masker = Masker(["s3cret-word"])
    assert masker.mask_tree({"s3cret-word": ["a s3cret-word", 1, None]}) == {"***": ["a ***", 1, None]}
