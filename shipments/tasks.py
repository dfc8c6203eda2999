"""Celery tasks of this app. Each is one service call and is safe to repeat."""

from celery import shared_task
from django.utils import timezone

from shipments.imports import services as imports


@shared_task(name="shipments.read_upload")
def read_upload(upload_id: str) -> None:
    imports.read_upload(upload_id, at=timezone.now())
