"""Emails staff when jobs have failed for good: pages say "Staff have been notified" of these."""

from datetime import timedelta

from django.contrib import admin
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from logistics import matrix
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.mail import readers
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.people.models import User
from logistics.roles import STAFF_ROLES

# One email an hour for each kind of job, because one cause may stop thousands.
INTERVAL = timedelta(hours=1)


def watch_jobs() -> None:
    """Have staff told of dead jobs of each kind that somebody may retry. Called when all apps' models are loaded."""
    for model in jobs.job_models():
        if roles := matrix.roles_that_change(model) & STAFF_ROLES:
            name = format_lazy(_("failed: {what}"), what=model._meta.verbose_name_plural)
            readers.register(roles, {kind_of(model): name}, optional=[kind_of(model)])
            jobs.when_ended(model, tell_if_dead)


def kind_of(model: type[Model]) -> str:
    """Return the kind of mail that tells of a model's dead jobs."""
    return f"failed-{model._meta.model_name}"


def tell_if_dead(job: Job) -> None:
    """Email the staff who may retry a dead job, unless they were told of one of its kind within the last hour.

    Runs in the transaction that marks the job dead; does nothing about one that is done. A mail that tells of mails
    and fails itself is not told of.
    """
    model = type(job)
    kind = kind_of(model)
    if job.state != Job.State.DEAD or (isinstance(job, Email) and job.kind == kind) or _was_told(kind):
        return
    dead = model._default_manager.filter(state=Job.State.DEAD).count()
    for user in _those_who_retry(job):
        with translation.override(user.language):
            what = str(model._meta.verbose_name_plural)
        context = {"name": user.name, "what": what, "count": dead, "path": _list_of(model)}
        mail.notify(kind, to=user.email, template="notices/mail/failed.txt", context=context, language=user.language)


def _was_told(kind: str) -> bool:
    """Return whether a mail of this kind was queued within the last hour; of two jobs that die at once, one is told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [kind])
    return Email.objects.filter(kind=kind, created_at__gt=Now() - INTERVAL).exists()


def _those_who_retry(job: Job) -> QuerySet[User]:
    roles = matrix.roles_that_change(type(job)) & STAFF_ROLES
    if isinstance(job, Email):
        roles &= readers.readers_of(job.kind)
    has_one = Q()
    for role in roles:
        has_one |= Q(roles__contains=[role])
    return User.objects.at_work(at=timezone.now()).filter(has_one)


def _list_of(model: type[Model]) -> str:
    if not admin.site.is_registered(model):
        return "/admin/"
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + "?state__exact=dead"
