"""The peer of a dispatch: Celery alone on the same broker, its task stamping the time it began."""

from __future__ import annotations

import os
import time

from celery import Celery
from redis import Redis

BROKER = os.environ["NOMAFLOW_BROKER_URL"]
REDIS = Redis.from_url(BROKER.replace("redis+socket://", "unix://", 1))
QUEUE, BODY, ANSWERS = "bare", "bare.body", "bare-answers"

app = Celery("bare", broker=BROKER)
app.conf.update(
    task_ignore_result=True,
    task_default_queue=QUEUE,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    broker_connection_retry_on_startup=True,
)


@app.task(name=BODY)
def body() -> None:
    REDIS.rpush(ANSWERS, repr(time.time()))


def publish_and_wait() -> float:
    """Seconds from the call that publishes to the task's first line."""
    begun = time.time()
    app.send_task(BODY, queue=QUEUE)
    answer = REDIS.blpop([ANSWERS], timeout=60)
    assert isinstance(answer, (list, tuple)), "the bare worker did not answer"
    return float(answer[1]) - begun
