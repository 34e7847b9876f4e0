"""Lists imported at the desk: upload a file, see what would become of each row, then import it."""

from abc import abstractmethod
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer, User
from evently.lists import ImportUnderWay, ListReport, NoList

from .forms import import_page
from .scope import ScopedAdmin, is_superuser, teams

LARGEST = 1_200_000  # bytes; signed and compressed it must fit into a form field. Larger files are for the command
HALF_AN_HOUR = 1800


class ListFileForm(forms.Form):
    organizer = forms.ModelChoiceField(Organizer.objects.none(), label=_("For"), empty_label=None)
    file = forms.FileField(label=_("File"))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST:
            raise ValidationError(_("The file is larger than 1.2 MB. Please split it, or ask for the command on the server."))
        return file


class ListImportAdmin(ScopedAdmin):
    """An admin whose list has a button to import a file. `list_help` says what a file must hold."""

    change_list_template = "admin/change_list_with_import.html"
    list_help: Any = ""

    @abstractmethod
    def read_list(self, *, organizer: Organizer, content: bytes, name: str, actor: User, dry_run: bool) -> ListReport:
        """Import the content of a file called `name`, or tell what that would do. May raise `NoList`."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_list)
        return [path("import/", view, name=f"{self.opts.app_label}_{self.opts.model_name}_import"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        address = self._address() if self._own_teams(request).exists() else ""
        return super().changelist_view(request, {"import_url": address} | (extra_context or {}))

    def import_list(self, request: HttpRequest) -> HttpResponse:
        """Between the steps the file travels with the page, signed for this person: nothing is stored that nobody confirms."""
        organizers = self._own_teams(request)
        if not organizers.exists():
            raise PermissionDenied
        signer = signing.TimestampSigner(salt=f"import {self.opts.label_lower} {request.user.pk}")
        if "confirmed" in request.POST:
            return self._list_confirmed(request, organizers, signer)
        form = ListFileForm(request.POST or None, request.FILES or None)
        cast("forms.ModelChoiceField[Organizer]", form.fields["organizer"]).queryset = organizers
        form.fields["file"].help_text = self.list_help
        report, token = None, ""
        if form.is_valid():
            organizer, file = form.cleaned_data["organizer"], form.cleaned_data["file"]
            content = file.read()
            try:
                report = self._read(request, organizer, content, file.name, dry_run=True)
            except NoList as refusal:
                form.add_error("file", str(refusal))
            else:
                token = signer.sign_object([str(organizer.pk), file.name, content.decode("latin-1")], compress=True)
        return self._list_page(request, form=form, report=report, token=token)

    def _list_confirmed(self, request: HttpRequest, organizers: Any, signer: signing.TimestampSigner) -> HttpResponse:
        try:
            organizer_id, name, content = signer.unsign_object(request.POST["confirmed"], max_age=HALF_AN_HOUR)
        except signing.BadSignature:
            messages.error(request, _("This took longer than half an hour. Please choose the file again."))
            return HttpResponseRedirect(request.path)
        organizer = organizers.filter(pk=organizer_id).first()
        if organizer is None:
            raise PermissionDenied
        try:
            report = self._read(request, organizer, content.encode("latin-1"), name, dry_run=False)
        except ImportUnderWay as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.path)
        told = {"new": report.made, "changed": report.changed, "refused": len(report.refused)}
        messages.success(request, _("Imported: %(new)d new, %(changed)d changed, %(refused)d refused.") % told)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def _read(self, request: HttpRequest, organizer: Organizer, content: bytes, name: str, *, dry_run: bool) -> ListReport:
        return self.read_list(organizer=organizer, content=content, name=name, actor=cast(User, request.user), dry_run=dry_run)

    def _list_page(self, request: HttpRequest, *, form: ListFileForm, report: ListReport | None, token: str) -> HttpResponse:
        is_useful = bool(report and (report.made or report.changed))
        return import_page(
            request,
            admin=self,
            title=_("Import %(things)s") % {"things": self.opts.verbose_name_plural},
            form=form,
            report=report,
            refused=report.refused if report else (),
            warnings=report.warnings if report else (),
            token=token if is_useful else "",
            back=reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
            template="admin/import_list.html",
        )

    def _own_teams(self, request: HttpRequest) -> Any:
        rows = Organizer.objects.order_by("name")
        return rows if is_superuser(request) else rows.filter(pk__in=teams(request, self.editors))

    def _address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import")
