"""Who sends a bill has one name, however bills write it; a cloud is not the maker whose models it sells."""

from __future__ import annotations

import pytest

from flexlib.i18n import speak
from flexlib.senders import name_provider, name_sender


@pytest.mark.parametrize(
    ("sender", "texts"),
    [
        ("openai", ("OpenAI", "openai llc", "OpenAI, L.L.C.", "OpenAI Ireland Ltd", "OpenAI OpCo, LLC")),
        ("anthropic", ("Anthropic", "Anthropic, PBC")),
        ("microsoft", ("azure", "Microsoft", "Microsoft Corporation", "Azure OpenAI")),
        ("aws", ("AWS", "Amazon Web Services", "Amazon Web Services, Inc.")),
        ("aws", ("Bedrock", "Amazon Bedrock", "aws bedrock", "amazon")),  # it bills what is called through Bedrock
        ("google cloud", ("GCP", "Google Cloud", "Vertex AI", "Google Cloud EMEA Limited")),
        ("mistral", ("MistralAI", "Mistral")),
        ("cursor", ("Cursor", "Anysphere, Inc.")),
        ("xai", ("xAI", "X.AI LLC", "x-ai")),
        ("acme company town", ("Acme  Company Town",)),
        ("acme", ("Acme Inc.", "acme, ltd")),
    ],
)
def test_a_sender_has_one_name(sender: str, texts: tuple[str, ...]) -> None:
    assert {name_sender(text) for text in texts} == {sender}


def test_a_maker_that_nobody_knows_is_called_so_in_the_readers_language() -> None:
    assert name_provider("unknown") == "Unmapped"
    with speak("es"):
        assert [name_provider(one) for one in ("unknown", "openai")] == ["Sin asignar", "OpenAI"]
