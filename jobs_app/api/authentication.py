"""Who is asking: a browser's session, or `Authorization: Token <token>`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from jobs_app import tokens


class TokenAuthentication(BaseAuthentication):
    """The header wins over a session: a script that sends a wrong token must hear so."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        word, _sep, plain = get_authorization_header(request).decode("latin-1").partition(" ")
        if word.lower() != "token":
            return None
        user = tokens.authenticate(plain.strip())
        if user is None:
            raise AuthenticationFailed(_("The token is not valid."))
        return user, user.nomaflow_token

    def authenticate_header(self, request: Request) -> str:
        return "Token"
