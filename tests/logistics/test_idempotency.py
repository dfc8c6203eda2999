"""Writes happen once per Idempotency-Key, whenever they are repeated."""

import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from config.api import PROBLEM_JSON
from logistics.catalogue.models import Category
from logistics.errors import WrongState
from logistics.idempotency.api import forget_old, idempotent, run_once
from logistics.idempotency.models import IdempotencyRecord
from logistics.permissions import Anyone
from logistics.roles import Role
from tests.clients import once
from tests.makers.people import make_user
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


class Door(APIView):
    """A view decorated with `idempotent`."""

    permission_classes = (Anyone,)
    throttle_classes = ()
    refuse = False
    started = threading.Event()
    go_on = threading.Event()

    @idempotent
    def post(self, request):
        if request.data.get("slow"):
            self.started.set()
            assert self.go_on.wait(60)
        row = Category.objects.create(name_en=request.data["name"], name_fr="")
        if Door.refuse:
            raise WrongState("Not now.")
        return Response({"id": row.pk, "weight": "1.500"}, status=201)


@pytest.fixture(autouse=True)
def _allowing():
    Door.refuse = False
    Door.started.clear()
    Door.go_on.clear()


def post(body, *, user=None, headers=None, path="/door/"):
    request = APIRequestFactory().post(path, body, format="json", headers=headers or {})
    if user:
        force_authenticate(request, user)
    response = Door.as_view()(request)
    response.render()
    return response


def test_a_write_without_a_key_is_refused():
    response = post({"name": "Beds"})

    assert (response.status_code, response.data["code"]) == (400, "idempotency_key_missing")
    assert response["Content-Type"] == PROBLEM_JSON
    assert not Category.objects.exists()


def test_the_same_key_and_body_give_the_same_response():
    headers = once()
    first = post({"name": "Beds", "n": 1}, headers=headers)

    second = post({"n": 1, "name": "Beds"}, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert json.loads(first.content) == json.loads(second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Category.objects.count() == 1


@pytest.mark.parametrize("change", [{"body": {"name": "Desks"}}, {"path": "/other/"}])
def test_another_body_or_route_under_the_key_is_refused(change):
    headers = once()
    post({"name": "Beds"}, headers=headers)

    response = post(change.get("body", {"name": "Beds"}), headers=headers, path=change.get("path", "/door/"))

    assert (response.status_code, response.data["code"]) == (422, "idempotency_key_reused")
    assert Category.objects.count() == 1


def test_keys_are_separate_for_each_caller():
    headers, ours, theirs = once(), make_user(Role.WAREHOUSE), make_user(Role.WAREHOUSE)
    post({"name": "Beds"}, user=ours, headers=headers)

    response = post({"name": "Desks"}, user=theirs, headers=headers)

    assert response.status_code == 201
    assert Category.objects.count() == 2


def test_a_refusal_does_not_use_up_the_key():
    headers = once()
    Door.refuse = True
    assert post({"name": "Beds"}, headers=headers).status_code == 409
    assert not Category.objects.exists()
    Door.refuse = False

    assert post({"name": "Beds"}, headers=headers).status_code == 201


def test_an_error_response_is_rolled_back_and_not_stored():
    request = APIRequestFactory().post("/door/", {}, format="json", headers=once())
    request = APIView().initialize_request(request)

    def act():
        Category.objects.create(name_en="Beds", name_fr="")
        return Response({}, status=400)

    assert run_once(request, act).status_code == 400

    assert not Category.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def test_a_response_without_a_body_is_stored():
    request = APIRequestFactory().post("/door/", {}, format="json", headers=once())
    request = APIView().initialize_request(request)

    assert [run_once(request, lambda: Response(status=204)).status_code for _ in range(2)] == [204, 204]


def test_a_secret_is_shown_once_and_not_stored():
    request = APIRequestFactory().post("/door/", {}, format="json", headers=once())
    request = APIView().initialize_request(request)

    answers = [
        run_once(request, lambda: Response({"id": 1, "key": "a.secret"}), shown_once=["key"]).data for _ in range(2)
    ]

    assert answers == [{"id": 1, "key": "a.secret"}, {"id": 1, "key": None}]
    assert "a.secret" not in str(IdempotencyRecord.objects.values())


def test_a_token_in_the_path_is_not_stored():
    assert post({"name": "Beds"}, headers=once(), path="/door/s3cret-t0ken/").status_code == 201

    assert "s3cret-t0ken" not in str(IdempotencyRecord.objects.values().get())


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_running_the_second_must_wait():
    headers, answers = once(), []

    def first():
        answers.append(post({"name": "Beds", "slow": True}, headers=headers))
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert Door.started.wait(60)
    second = post({"name": "Beds", "slow": True}, headers=headers)
    Door.go_on.set()
    thread.join()

    assert (second.status_code, second.data["code"], second["Retry-After"]) == (409, "still_running", "2")
    assert answers[0].status_code == 201


@pytest.mark.django_db(transaction=True)
def test_only_one_of_eight_concurrent_requests_has_an_effect():
    headers = once()

    statuses = in_threads(lambda _: post({"name": "Beds"}, headers=headers).status_code)

    assert Category.objects.count() == 1
    assert set(statuses) <= {201, 409}
    assert 201 in statuses


def test_keys_are_deleted_after_ninety_days():
    post({"name": "Beds"}, headers=once())
    post({"name": "Desks"}, headers=once())
    old = IdempotencyRecord.objects.order_by("pk")[:1].get()
    IdempotencyRecord.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=91))

    assert forget_old() == 1


def test_a_key_that_is_too_short_is_refused():
    assert post({"name": "Beds"}, headers={"Idempotency-Key": str(uuid4())[:10]}).status_code == 400
