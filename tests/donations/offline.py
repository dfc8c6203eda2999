"""Offline gifts recorded by finance: a cheque."""

import json
import uuid
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

URL = "/api/v1/donations/offline/"


def day_ago(days: int) -> str:
    return (timezone.now() - timedelta(days=days)).date().isoformat()


CHEQUE = {
    "amount": "5000.00",
    "currency": "HKD",
    "channel": "cheque",
    "received_on": day_ago(30),
    "appeal": "mali",
    "donor": {"organisation": "Chan & Co.", "email": "office@chan.example"},
}


def send(client: Client, **changes: Any) -> Any:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    return client.post(URL, json.dumps(CHEQUE | changes), content_type="application/json", headers=headers)
