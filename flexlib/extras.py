"""What is installed only when it is asked for: `pip install 'flexlib[reports]'`."""

from __future__ import annotations

from flexlib.errors import ExtraMissing

MODULES: dict[str, tuple[str, ...]] = {
    "fetch": ("requests", "requests_futures"),
    "postgres": ("adbc_driver_manager", "adbc_driver_postgresql", "psycopg"),
    "reports": (
        *("ipykernel", "jupyter_client", "jupyter_core", "jupyterlab", "matplotlib", "nbclient", "nbconvert"),
        *("nbformat", "papermill", "tornado", "traitlets"),
    ),
    "spark": ("pyspark",),
}
"""The modules that come with each extra, as Python imports them."""


def explain_missing(error: ImportError) -> ExtraMissing | None:
    """Which extra to install, in a sentence, where the module that was not found belongs to one."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in MODULES.items():
        if module in modules:
            return ExtraMissing(f"This needs {module}, which is not installed; run: pip install 'flexlib[{extra}]'")
    return None
