"""The part of an admin form with which staff upload, replace or remove a picture."""

from typing import ClassVar, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanWidget

from logistics.errors import Invalid
from logistics.forms import TidyModelForm
from logistics.pictures import FILE_MAX, services
from logistics.pictures.models import Picture


class PictureForm(TidyModelForm):
    """Put it before VersionedForm among the bases: `values` then names the row's picture as it shall be."""

    picture_name: ClassVar = "picture"
    picture_is_logo: ClassVar = False

    picture_file = forms.FileField(required=False, widget=UnfoldAdminFileFieldWidget, label=_("Picture"))
    remove_picture = forms.BooleanField(required=False, widget=UnfoldBooleanWidget, label=_("Remove the picture"))

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        if self.picture_is_logo:
            self.fields["picture_file"].label = _("Logo")
            self.fields["remove_picture"].label = _("Remove the logo")
        self.fields["picture_file"].help_text = _("JPEG, PNG or WebP, at most 10 MB")
        if shown := self._present():
            self.fields["picture_file"].help_text = format_html(
                '{}<br><img src="{}" width="160" alt="">', self.fields["picture_file"].help_text, shown.small_path
            )

    def _present(self) -> Picture | None:
        return cast("Picture | None", getattr(self.instance, self.picture_name))

    def clean_picture_file(self) -> Picture | None:
        """Return the uploaded picture, stored as we encode it."""
        file = cast("UploadedFile[bytes] | None", self.cleaned_data["picture_file"])
        if not file:
            return None
        try:
            return services.store(file.read(FILE_MAX + 1), field="picture_file", is_logo=self.picture_is_logo)
        except Invalid as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def values(self) -> dict[str, object]:
        """Return all fields, with the picture in place of those that change it."""
        values = cast("dict[str, object]", super().values())  # type: ignore[misc]  # of VersionedForm
        uploaded, is_removed = values.pop("picture_file", None), values.pop("remove_picture", False)
        return values | {self.picture_name: uploaded or (None if is_removed else self._present())}
