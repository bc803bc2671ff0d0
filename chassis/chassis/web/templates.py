"""Pages: one Jinja environment for each site and language."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from babel.support import NullTranslations
from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from chassis.web import formats, words
from chassis.web.language import LANGUAGES, LOCALES
from chassis.web.short import short
from chassis.web.static import static_url


class Templates:
    """The templates of a package, and behind them those of chassis, in every language."""

    def __init__(self, package: str, translations: Mapping[str, NullTranslations]) -> None:
        self.translations = translations
        self._loader = ChoiceLoader(_loaders([package, "chassis"]))
        self._environments: dict[str, Environment] = {}

    def get(self, name: str, language: str) -> Template:
        """A template that speaks this language."""
        if language not in self._environments:
            self._environments[language] = self._environment(language)
        return self._environments[language].get_template(name)

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=self._loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        )
        environment.install_gettext_translations(self.translations[language], newstyle=True)  # type: ignore[attr-defined]
        environment.filters.update(formats.filters(LOCALES[language]))
        environment.filters.update(attributes=attributes, short=short)
        environment.globals.update(static_url=static_url, language=language, languages=LANGUAGES, words=words)
        # A global, not an import of each page: a block that is rendered alone does not run its page's imports.
        environment.globals["ui"] = environment.get_template("macros.html").module
        return environment


def _loaders(packages: Sequence[str]) -> Sequence[BaseLoader]:
    return [PackageLoader(package) for package in dict.fromkeys(packages) if (files(package) / "templates").is_dir()]


def rendered_block(template: Template, block: str, context: Mapping[str, Any]) -> str:
    """Only one block of a template: what htmx replaces."""
    return "".join(template.blocks[block](template.new_context(dict(context))))


def attributes(pairs: Mapping[str, Any]) -> Markup:
    """Keyword arguments of a macro as HTML attributes: `hx_post` is `hx-post`, True has no value, None is left out."""
    return Markup("").join(
        Markup(" {}").format(name.replace("_", "-"))
        if value is True
        else Markup(' {}="{}"').format(name.replace("_", "-"), value)
        for name, value in pairs.items()
        if value is not None and value is not False
    )
