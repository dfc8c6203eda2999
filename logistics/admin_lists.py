"""Lists of the admin: pages like the API's, which cost the same at any depth and count no rows (logistics.lists)."""

from collections.abc import Iterable, Mapping

from django.contrib.admin import AllValuesFieldListFilter, ListFilter, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DataError
from django.db.models import BooleanField, Field, Model, UniqueConstraint
from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.views import ChangeList

from logistics import lists
from logistics.lists import Position

Offer = str | type[SimpleListFilter] | tuple[str, type[ListFilter]]  # an item of `list_filter`
LAST = "last"  # ?p=last


class PagesWithoutNumbers:
    """What the template reads of a paginator: pages have no numbers."""

    template_name = "pages/admin_pages.html"

    def get_elided_page_range(self, number: int) -> Iterable[int]:
        return ()


class KeysetChangeList(ChangeList):
    """Rows are found by the place where a page begins, not by its number, and their number is estimated.

    `?p=` holds the place, or "last".
    """

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)
        if not self.is_popup:
            self.title = capfirst(self.opts.verbose_name_plural)  # Django's would be "Select donation to change"

    def get_results(self, request: HttpRequest) -> None:
        order = tuple(self.queryset.query.order_by)
        try:
            page = lists.page_of(self.queryset, order, _asked(request, order), self.list_per_page)
        except (ValidationError, ValueError, DataError) as error:
            raise IncorrectLookupParameters from error
        self.result_list = page.rows
        self.multi_page = bool(page.previous or page.next)
        # A search is not counted: it would read every row that it finds.
        self.is_open_ended = self.multi_page and bool(self.query)
        self.result_count, self.is_estimated = len(page.rows), False
        if self.multi_page and not self.query:
            self.result_count, is_exact = lists.about(self.queryset)
            self.is_estimated = not is_exact
        # The same, so that Unfold does not show the number as exact beside the title.
        self.full_result_count, self.show_full_result_count = self.result_count, False
        self.can_show_all, self.show_admin_actions = False, True
        self.paginator = PagesWithoutNumbers()
        self.pages = {
            "first": self.get_query_string(remove=[PAGE_VAR]) if page.previous else "",
            "previous": self._at(page.previous),
            "next": self._at(page.next),
            "last": self.get_query_string({PAGE_VAR: LAST}) if page.next else "",
        }

    def _at(self, position: Position | None) -> str:
        return str(self.get_query_string({PAGE_VAR: position.encoded()})) if position else ""

    def get_ordering_field(self, field_name: str) -> str | None:
        """Ignore `?o=` of a column that does not sort this list; its heading has no link."""
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def _get_deterministic_ordering(self, ordering: Iterable[str]) -> list[str]:
        """Let the key decide among equal rows in the direction of the column; Django appends it newest first."""
        ordering, key = [*ordering], self.model._meta.pk.name
        while len(ordering) > 1 and ordering[-1].lstrip("-") in (key, "pk"):
            ordering.pop()
        within = getattr(self.model_admin, "sorted_within", {})
        return list(lists.ending_with_the_key([*lists.within(ordering or ["-pk"], within)], key=key))


def _asked(request: HttpRequest, order: tuple[str, ...]) -> Position | None:
    text = request.GET.get(PAGE_VAR, "")
    if text == LAST:
        return Position(order, (), backwards=True)
    return Position.decoded(text, order) if text else None


class StoredValuesFilter(AllValuesFieldListFilter):
    """Filter by the values of an indexed column. Django would read every row to find them."""

    def __init__(self, field: "Field[object, object]", *more: object, **named: object) -> None:
        super().__init__(field, *more, **named)  # type: ignore[arg-type]  # passed on
        self.lookup_choices = lists.stored_values(field.model, str(field.column))  # type: ignore[assignment]


def offered(model: type[Model], asked: Offer) -> Offer:
    """Return a list filter, whose choices are read from an index if they are the values of a column."""
    try:
        field = model._meta.get_field(asked) if isinstance(asked, str) else None
    except FieldDoesNotExist:  # of another model
        return asked
    if not isinstance(asked, str) or not isinstance(field, Field) or field.is_relation or field.choices:
        return asked
    return asked if isinstance(field, BooleanField) else (asked, StoredValuesFilter)


def sortable(model: type[Model], within: Mapping[str, str]) -> set[str]:
    """Return the columns by which a long list can be sorted: an index has its rows in this order.

    `within`: the columns that are sorted within another one, which comes before them in the index.
    """
    key = model._meta.pk.name
    found = {key, "pk"}
    found |= {each.name for each in model._meta.concrete_fields if each.unique and not each.null}
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and len(constraint.fields) == 1 and not constraint.condition:
            found |= set(constraint.fields)
    for index in model._meta.indexes:
        names, directions = [name for name, _ in index.fields_orders], {order for _, order in index.fields_orders}
        if names[-1:] != [key] or len(directions) != 1 or index.condition:
            continue
        if len(names) == 2 or (len(names) == 3 and within.get(names[1]) == names[0]):
            found.add(names[-2])
    columns = {each.name for each in model._meta.concrete_fields if not each.null and not each.is_relation}
    return found & (columns | {"pk"})
