"""The way in and out. Where to go next is taken from the address only when it is on this host."""

from __future__ import annotations

from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    """Says the same of an unknown name, a wrong password and a disabled user."""

    error_messages = {
        "invalid_login": _("That name and password do not match."),
        "inactive": _("That name and password do not match."),
    }


class SignIn(views.LoginView):
    template_name = "nomaflow/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(views.LogoutView):
    http_method_names = ["post", "options"]
