"""The way in and out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.looks import SIZES, THEMES, assert_fit
from tests.people import PASSWORD, root

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_stranger_signs_in_and_lands_where_they_wanted(page_for: OpenPage) -> None:
    root()
    page = page_for(None, "/nomaflow?q=tag:etl")
    expect(page).to_have_url(re.compile(r"/nomaflow/sign-in\?next="))
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("That name and password do not match.")
    sign_in(page)
    expect(page).to_have_url(re.compile(r"/nomaflow\?q=tag:etl$"))
    page.get_by_role("button", name="Sign out root").click()
    expect(page).to_have_url(re.compile(r"/nomaflow/sign-in$"))


def test_another_host_is_no_place_to_go_next(page_for: OpenPage) -> None:
    root()
    page = page_for(None, "/nomaflow/sign-in?next=//evil.example/")
    sign_in(page)
    expect(page).to_have_url(re.compile(r"/nomaflow$"))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits(page_for: OpenPage, theme: str, width: int, height: int) -> None:
    assert_fit(page_for(None, "/nomaflow/sign-in", theme=theme, width=width, height=height))
