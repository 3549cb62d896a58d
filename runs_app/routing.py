from __future__ import annotations

from django.urls import path

from runs_app.consumers import FeedConsumer, RunConsumer

websocket_urlpatterns = [
    path("ws/runs/<str:run_id>", RunConsumer.as_asgi()),
    path("ws/feed", FeedConsumer.as_asgi()),
]
