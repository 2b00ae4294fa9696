"""Whose certificates are trusted, and what to do where one is not: said once, whoever connects."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TypeAlias

from flexlib.errors import BadSetting
from flexlib.i18n import _

NamedPath: TypeAlias = tuple[str, str]
"""A setting and the path that it gives."""


def make_context(bundle: NamedPath | None) -> ssl.SSLContext:
    """How the other side of a connection is known: by the certificates in this file or folder, else the system's.

    Raises `BadSetting`, which names the setting, where none can be read there.
    """
    if bundle is None:
        return ssl.create_default_context()
    name, path = bundle
    try:
        is_folder = Path(path).is_dir()
        return ssl.create_default_context(cafile=None if is_folder else path, capath=path if is_folder else None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        said = _(
            "{name} is {path!r}, which holds no certificate that can be read; give it the file of the certificates to "
            "trust."
        )
        if isinstance(error, FileNotFoundError):
            said = _("{name} is {path!r}, which is not there; give it the file of the certificates to trust.")
        raise BadSetting(said.format(name=name, path=path)) from error


def explain_untrusted() -> str:
    """Why nothing is said to a server, within a sentence. The setting that it names goes before all others of its kind.

    >>> explain_untrusted().partition(";")[0]
    'its certificate is not one that this machine trusts'
    """
    return _(
        "its certificate is not one that this machine trusts; if your company's proxy signs it, give the file of the "
        "company's certificates in REQUESTS_CA_BUNDLE"
    )
