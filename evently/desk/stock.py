"""Django's own classes to build on; the type checker wants them with parameters that they do not take when they run."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin

if TYPE_CHECKING:
    StockAdmin = admin.ModelAdmin[Any]
    StockInline = admin.TabularInline[Any, Any]
    StockForm = forms.ModelForm[Any]
    StockFormSet = forms.BaseInlineFormSet[Any, Any, forms.ModelForm[Any]]
else:
    StockAdmin, StockInline = admin.ModelAdmin, admin.TabularInline
    StockForm, StockFormSet = forms.ModelForm, forms.BaseInlineFormSet
