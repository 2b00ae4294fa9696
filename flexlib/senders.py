"""Who sends a bill: one name for each, however bills write it; and whose bills may be for calls under other names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.i18n import _, find_language

SENDERS: Mapping[str, tuple[str, ...]] = {
    "alibaba cloud": ("alibaba", "aliyun"),
    "aws": (
        ("amazon", "amazon bedrock", "amazon-bedrock", "amazon web services", "amazon web services aws", "aws bedrock")
        + ("aws.bedrock", "bedrock", "bedrock_converse")
    ),
    "databricks": (),
    "github": ("github copilot",),
    "google cloud": (
        ("gcp", "google cloud platform", "gcp.gen_ai", "gcp.gemini", "gcp.vertex_ai", "google-vertex", "vertex")
        + ("vertex ai", "vertex_ai", "vertex_ai_beta", "vertexai", "google vertex ai")
    ),
    "ibm cloud": ("ibm",),
    "microsoft": (
        ("azure", "microsoft azure", "azure openai", "azure-openai", "azure_openai", "azure.ai.openai")
        + ("microsoft azure openai", "azure ai foundry", "azure foundry", "microsoft foundry")
    ),
    "oracle": ("oracle cloud", "oracle cloud infrastructure", "oci"),
    "snowflake": (),
}
"""Who sends bills for the models of others, and how it is written. A cloud's bill is the cloud's, though calls of it
stand under the makers of the models: with Azure's bill as OpenAI's, what is paid to OpenAI itself would be lost. Calls
through Bedrock stand under it, and Amazon's own models are sold by nobody else: for both AWS sends the bill."""

COMPANIES: Mapping[str, tuple[str, ...]] = {
    "cursor": ("anysphere",),
    "deepseek": ("hangzhou deepseek artificial intelligence",),
    "fireworks": ("fireworks.ai",),
    "google": ("gemini api", "google ai"),
    "perplexity": ("perplexity ai",),
    "together": ("together computer",),
    str(LlmProxy.WINDSURF): ("codeium", "exafunction"),
    "xai": ("x.ai",),
}
"""Companies that write another name on their bills than that of what they sell."""

LABELS: Mapping[str, str] = {
    **{str(one): one.label() for kind in (LlmProvider, LlmProxy) for one in kind},
    "aws": "AWS",
    "github": "GitHub",
    "google cloud": "Google Cloud",
    "microsoft": "Microsoft Azure",
}
"""What a reader sees for who sends the bill; for any other its own name."""

LEGAL_FORM = re.compile(
    r"(?:[\s,]+(?:l\.?l\.?c|inc|incorporated|corp|corporation|ltd|limited|pbc|p\.?b\.?c|gmbh|opco|ireland|emea|sarl"
    r"|s\.?[àa]\.?r\.?l|spa|s\.p\.a|co|company)\.?)+$"
)
"""What stands behind the name of a company, and tells no two of them apart."""

SPELLINGS: Mapping[str, str] = {
    **{text: str(one) for kind in (LlmProvider, LlmProxy) for text, one in kind.spellings().items()},
    **{text: sender for sender, others in {**SENDERS, **COMPANIES}.items() for text in (sender, *others)},
}
"""Every text that names one who sends bills, in lower case, and the one name."""

BILL_OWN = frozenset({*map(str, LlmProvider), str(LlmProxy.WINDSURF), str(LlmProxy.CURSOR), "github"}) - {
    "amazon",
    "unknown",
}
"""Whose bills are for calls under their own name only, or for none."""


def name_sender(text: str) -> str:
    """The one name of who sends a bill; of an unknown one his own, in lower case.

    >>> [name_sender(text) for text in ("OpenAI, LLC", "Azure", "Amazon Web Services EMEA SARL", "Acme Inc.")]
    ['openai', 'microsoft', 'aws', 'acme']
    """
    written = " ".join(text.lower().split())
    bare = LEGAL_FORM.sub("", written)
    return SPELLINGS.get(written) or SPELLINGS.get(bare) or bare


def is_sender(text: str) -> bool:
    """Whether it names one who is known to send bills."""
    return name_sender(text) in SPELLINGS


def name_provider(provider: str) -> str:
    """What a reader sees for who sends the bill: our name for it, else its own.

    >>> name_provider("openai"), name_provider("aws"), name_provider("acme")
    ('OpenAI', 'AWS', 'acme')
    """
    return _("Unmapped") if provider == LlmProvider.UNKNOWN else LABELS.get(provider, provider)


def name_task(task_type: str) -> str:
    """A kind of task as the reader calls it."""
    return LlmTaskType.parse(task_type).label("es" if find_language() == "es" else "en")
