"""The dashboard's server: Voilà with our page, behind one door, and with no more addresses than the page needs."""

from __future__ import annotations

import asyncio
import os
import time
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.web import HTTPError, RequestHandler
from traitlets import Dict, Instance, Int
from traitlets.config import Config
from voila.app import FileFindHandler, Voila, VoilaKernelWebsocketHandler
from voila.paths import collect_static_paths, collect_template_paths
from voila.static_file_handler import MultiStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler

from flexlib.dashboard.access import Access, Rate, Role
from flexlib.dashboard.kernels import ALLOWED, Connection, KernelManager, NativeKernel
from flexlib.dashboard.metrics import KIND, Metrics
from flexlib.dashboard.page import render_refusal, render_style
from flexlib.i18n import _, translate_count

TEMPLATES = files("flexlib") / "templates" / "dashboard"
NOTEBOOK = "dashboard.ipynb"
VOILA_TEMPLATE = "lab"
"""Of Voilà's own the one whose scripts ours loads; none of its pages is shown."""
KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
COOKIE = "flexlib-dashboard"
PAGES_A_MINUTE = 30
"""First pages that one address may ask for in a minute: each takes a kernel. An office behind one address is more
people than that, but they do not all open it in the same minute."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may take for the page: files of this server alone, and styles that stand in what is shown."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Identity(IdentityProvider):
    """Whoever brings the token, its cookie, or the proxy's header."""

    def get_user(self, handler: RequestHandler) -> User | None:
        access: Access = handler.settings["voila"].access
        token = handler.get_argument("token", "")
        scheme, _space, sent = handler.request.headers.get("Authorization", "").partition(" ")
        brought = token or (sent.strip() if scheme.lower() == "bearer" else "")
        role = access.find_role(brought, handler.request.headers)
        if token and role:
            handler.set_signed_cookie(COOKIE, role, expires_days=1, httponly=True, samesite="Strict")
        if not token and (kept := handler.get_signed_cookie(COOKIE, max_age_days=1)):
            role = Role(kept.decode())
        return User(username=role) if role else None


class PageHandler(TornadoVoilaHandler):  # type: ignore[misc]
    """The page: a kernel for whoever may look, while there is room for one more."""

    async def prepare(self) -> None:
        try:
            await JupyterHandler.prepare(self, _redirect_to_login=False)
        except Exception as error:
            if getattr(error, "status_code", None) != 403:  # noqa: PLR2004 (HTTP's)
                raise
            self.refuse(403, _("This dashboard is shown to those who bring its token: ask whoever runs it for the "
                               "whole address."))  # fmt: skip

    async def get(self, path: str | None = None) -> None:
        app: DashboardServer = self.settings["voila"]
        if self.get_argument("token", ""):  # it is in the cookie now, and is to stay in no history
            self.redirect(self.request.path)
            return
        if not app.rate.takes(self.request.remote_ip or "", time.monotonic()):
            self.refuse(429, _("This address has opened the dashboard too often in a minute; wait a little."))
            return
        if app.count_viewers() >= app.most_viewers:
            said = translate_count(
                "{count} person is looking, which is as many as there is room for; try again when somebody has closed "
                "the page.",
                "{count} people are looking, which is as many as there is room for; try again when somebody has closed "
                "the page.",
                app.most_viewers,
            )
            self.refuse(503, said.format(count=app.most_viewers))
            return
        self.is_administrator = self.current_user.username == Role.ADMINISTRATOR
        await super().get(path)

    def should_use_rendered_notebook(self, *given: Any) -> bool:  # noqa: ANN401 (the parent's)
        """A kernel that waits knows nobody by name."""
        return not self.is_administrator and bool(super().should_use_rendered_notebook(*given))

    def refuse(self, status: int, sentence: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(render_refusal(sentence))


def _name_people(handler: PageHandler | None, notebook: Any, cwd: str) -> Any:  # noqa: ANN401 (of nbformat)
    """The notebook as an administrator's kernel runs it; kernels that wait have no `handler`."""
    if handler is not None and handler.is_administrator:
        (cell,) = notebook.cells
        cell.source = cell.source.replace("show_dashboard()", "show_dashboard(names=True)")
    return notebook


class MetricsHandler(JupyterHandler):
    """The running month for a Prometheus, under the page's rules: its token, a proxy's user, or this machine alone."""

    async def prepare(self) -> None:  # type: ignore[override]  # a page of its own says what is lacking
        try:
            await super().prepare(_redirect_to_login=False)
        except HTTPError as error:
            if error.status_code != HTTPStatus.FORBIDDEN:
                raise
            self.set_status(HTTPStatus.FORBIDDEN)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(_("The metrics are given to those who bring a token of the dashboard, as its page is.") + "\n")

    async def get(self) -> None:
        metrics: Metrics = self.settings["voila"].metrics
        text = await asyncio.to_thread(metrics.write)
        self.set_header("Content-Type", KIND)
        self.finish(text)


class AssetHandler(RequestHandler):
    """The page's own style and script, which hold nothing of anybody."""

    def initialize(self, content: str, kind: str) -> None:
        self.content, self.kind = content, kind

    def get(self) -> None:
        self.set_header("Content-Type", self.kind)
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.finish(self.content)


class DashboardServer(Voila):  # type: ignore[misc]
    """Voilà with one notebook, our template and `Access`."""

    access = Instance(Access)
    told = Dict()
    """What kernels see of the environment."""
    most_viewers = Int()
    rate = Instance(Rate)
    metrics = Instance(Metrics)

    def setup_template_dirs(self) -> None:
        own = str(TEMPLATES)
        self.template_paths = [own, *collect_template_paths(["voila", "nbconvert"], VOILA_TEMPLATE, prune=True)]
        self.static_paths = collect_static_paths(["voila", "nbconvert"], VOILA_TEMPLATE)

    def init_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = super().init_settings()
        self.kernel_manager.allowed_message_types = list(ALLOWED)
        # Only now: Voilà refuses it beside kernels that wait, whose notebook it leaves as it is.
        self.voila_configuration.prelaunch_hook = _name_people
        # On this machine alone: another name for it is one that a page elsewhere has given it.
        return settings | {"allow_remote_access": not self.access.is_open, "headers": HEADERS,
                           "log_function": _log_nothing}  # fmt: skip

    def init_handlers(self) -> list[Any]:
        root = self.base_url
        script = (TEMPLATES / "dashboard.js").read_text("utf-8")
        page = {"notebook_path": NOTEBOOK, "template_paths": self.template_paths, "config": self.config,
                "voila_configuration": self.voila_configuration}  # fmt: skip
        return [
            (rf"{root}api/kernels/{KERNEL}", KernelHandler),
            (rf"{root}api/kernels/{KERNEL}/channels", VoilaKernelWebsocketHandler),
            (rf"{root}voila/static/(.*)", MultiStaticFileHandler, {"paths": self.static_paths}),
            (rf"{root}voila/labextensions/(.*)", FileFindHandler, {"path": self.labextensions_path}),
            (rf"{root}dashboard/page.css", AssetHandler, {"content": render_style(), "kind": "text/css"}),
            (rf"{root}dashboard/page.js", AssetHandler, {"content": script, "kind": "text/javascript"}),
            (rf"{root}metrics", MetricsHandler),
            (root, PageHandler, page),
        ]

    def count_viewers(self) -> int:
        """The kernels that some page has: all but those that wait for one."""
        kernels = self.kernel_manager
        return len(kernels.list_kernel_ids()) - sum(map(len, kernels._pools.values()))  # noqa: SLF001


def _log_nothing(handler: RequestHandler) -> None:
    """Of requests: an address may hold whom somebody looked at."""


def build_server(
    access: Access,
    told: dict[str, str],
    metrics: Metrics,
    *,
    host: str,
    port: int,
    most_viewers: int,
    preheated: int,
    language: str,
) -> DashboardServer:
    """The server, ready to `start`; `told`: the environment of its kernels; `preheated`: how many wait for a viewer."""
    config = Config()
    config.VoilaConfiguration = Config({
        "template": VOILA_TEMPLATE,
        "allow_template_override": "NO",
        "allow_theme_override": "NO",
        "preheat_kernel": True,
        "default_pool_size": preheated,
        "multi_kernel_manager_class": KernelManager,
        "kernel_spec_manager_class": NativeKernel,
        "resources": {"language": language, "title": _("Dashboard"), "loading": _("The figures are on their way."),
                      "failed": _("The figures could not be made ready: flexlib doctor, run on the server, says "
                                  "what is wrong.")},
    })  # fmt: skip
    if os.name == "posix":  # sockets in a folder of our own, which nobody else on the machine can open
        config.KernelManager = Config({"transport": "ipc"})
    config.VoilaKernelManager = Config({"told": told, "cull_idle_timeout": 600, "fill_delay": 0.5})
    server = DashboardServer(
        config=config, access=access, told=told, metrics=metrics, most_viewers=most_viewers, rate=Rate(PAGES_A_MINUTE),
        notebook_path=str(Path(str(TEMPLATES)) / NOTEBOOK), ip=host, port=port, port_retries=0, open_browser=False,
        identity_provider_class=Identity, kernel_websocket_connection_class=Connection, log_level="ERROR",
    )  # fmt: skip
    server.initialize([])
    return server
