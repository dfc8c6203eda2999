"""Exports of lists of the admin, as filtered, to CSV and XLSX files. A file of any length takes little memory."""

import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import ClassVar, Final, cast

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Field, Model, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from logistics.admin_parts import BaseAdmin
from logistics.audit import services as audit
from logistics.matrix import is_hidden
from logistics.transactions import lock

Value = str | int | Decimal | date | datetime | None
CSV, XLSX = "csv", "xlsx"
CHUNK: Final = 2_000
# 10 s of one processor; a spreadsheet with more is hard to use.
XLSX_ROWS_MAX: Final = 50_000
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A cell that begins so is a formula to Excel and its like, which may run programs or send data away (OWASP, "CSV
# Injection"). After an apostrophe it is text.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column of an export: its heading, its value of a row, and the field that it shows, if that may be hidden."""

    title: str | Promise
    value: Callable[[Model], Value]
    shows: str = ""


def column(model: type[Model], path: str, title: str | Promise = "") -> ExportColumn:
    """Return the column of a field, or of one of a related row (`donor__name`); a choice is shown by its name."""
    *relations, name = path.split("__")
    for relation in relations:
        model = cast("type[Model]", model._meta.get_field(relation).related_model)
    field = cast("Field[object, object]", model._meta.get_field(name))
    shown = f"get_{name}_display" if field.choices else name

    def value(row: Model) -> Value:
        for relation in relations:
            row = getattr(row, relation)
            if row is None:
                return None
        found = getattr(row, shown)
        return cast(Value, found() if callable(found) else found)

    return ExportColumn(title or field.verbose_name, value, shows=path)


class ExportedAdmin(BaseAdmin):
    """A list that can be exported by those who may see it, without what is hidden from them. Exports are recorded."""

    list_after_template = "pages/export_links.html"
    export_columns: ClassVar[Sequence[ExportColumn]] = ()
    export_related: ClassVar[Sequence[str]] = ()  # fetched with the rows

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        export = path("export.<str:kind>", self.admin_site.admin_view(self.export), name=name)
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """Answer with a file of all rows that the list shows under the same filters and search."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        here = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        if kind not in (CSV, XLSX):
            return HttpResponse(status=404)
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{here}?e=1")
        if kind == XLSX and rows.order_by()[XLSX_ROWS_MAX : XLSX_ROWS_MAX + 1].exists():
            told = _("More than %(most)s rows: filter the list, or export it as CSV.") % {"most": f"{XLSX_ROWS_MAX:,}"}
            self.message_user(request, told, messages.ERROR)
            return HttpResponseRedirect(f"{here}?{request.GET.urlencode()}")
        columns = [
            one for one in self.export_columns if not (one.shows and is_hidden(request.user, self.model, one.shows))
        ]
        _record(request, self.opts.label_lower, kind, at=timezone.now())
        lines = _Lines(rows.prefetch_related(*self.export_related), columns)
        return _as_csv(lines, self._name(CSV)) if kind == CSV else _as_xlsx(lines, self._name(XLSX))

    def _name(self, kind: str) -> str:
        return f"{self.opts.verbose_name_plural}-{timezone.localdate().isoformat()}.{kind}"


@transaction.atomic
def _record(request: HttpRequest, label: str, kind: str, *, at: datetime) -> None:
    user = cast(AbstractBaseUser, request.user)
    # The filters are not recorded: a search may hold a name.
    audit.record("rows exported", lock(user), by=user, at=at, model=label, file=kind, is_filtered=bool(request.GET))


class _Lines:
    """The lines of an export, headings first, in chunks: short statements, however many rows there are.

    In the language and time zone of whoever asked: a file is written after the request has ended, which forgets both.
    """

    def __init__(self, rows: "QuerySet[Model]", columns: Sequence[ExportColumn]) -> None:
        self.rows = rows.select_related(None).order_by("-pk")
        self.columns = columns
        self.language, self.zone = translation.get_language() or "en", timezone.get_current_timezone()

    def chunks(self) -> Iterator[list[list[Value]]]:
        with self._as_asked():
            headings: list[Value] = [str(column.title) for column in self.columns]
        yield [headings]
        rows = self.rows
        while True:
            with self._as_asked():
                chunk = list(rows[:CHUNK])
                lines = [[self._told(column.value(row)) for column in self.columns] for row in chunk]
            if lines:
                yield lines
            if len(chunk) < CHUNK:
                return
            rows = self.rows.filter(pk__lt=chunk[-1].pk)

    def _told(self, value: Value) -> Value:
        """Return a moment as the reader's clock shows it: spreadsheets know no zones."""
        return value.astimezone(self.zone).replace(tzinfo=None) if isinstance(value, datetime) else value

    @contextmanager
    def _as_asked(self) -> Iterator[None]:
        with translation.override(self.language), timezone.override(self.zone):
            yield


class _Echo:
    """A file for csv.writer that returns what is written instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def _as_csv(lines: _Lines, name: str) -> StreamingHttpResponse:
    writer = csv.writer(_Echo())

    def parts() -> Iterator[bytes]:
        yield "\N{ZERO WIDTH NO-BREAK SPACE}".encode()  # by which Excel knows UTF-8
        for chunk in lines.chunks():
            yield "".join(writer.writerow([_safe(value) for value in line]) for line in chunk).encode()

    disposition = content_disposition_header(as_attachment=True, filename=name)
    return StreamingHttpResponse(
        parts(), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition}
    )


def _safe(value: Value) -> str:
    """Return a value as text that no spreadsheet program takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def _as_xlsx(lines: _Lines, name: str) -> FileResponse:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in chain.from_iterable(lines.chunks()):
        cells = [WriteOnlyCell(sheet, value=cast(str, value)) for value in line]
        for cell, value in zip(cells, line, strict=True):
            if isinstance(value, str):
                cell.data_type = "s"  # text, also when it begins like a formula
        sheet.append(cells)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the response closes it
    book.save(file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX_TYPE)
