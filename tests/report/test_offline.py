"""What on a page would make a browser fetch or run something, and what only looks so."""

from __future__ import annotations

import pytest

from flexlib.report.offline import find_loaded


@pytest.mark.parametrize(
    "piece",
    [
        '<link rel="stylesheet" href="https://elsewhere.example/a.css">',
        '<link rel="stylesheet" href="a.css">',
        "<script>1</script>",
        '<iframe srcdoc="x"></iframe>',
        "<object></object>",
        "<embed>",
        "<frame>",
        '<link rel="stylesheet">',
        '<base target="elsewhere">',
        '<svg><animate attributeName="href" values="a.svg"></animate></svg>',
        '<img imagesrcset="data:image/png;base64,AAAA 1x, https://elsewhere.example/a.png 2x">',
        '<p data="a.png">',
        '<form action="javascript:1">',
        '<img src="https://elsewhere.example/a.png">',
        '<img src=" //elsewhere.example/a.png">',
        '<img src="HTTP://elsewhere.example/a.png">',
        '<img srcset="https://elsewhere.example/a.png 2x">',
        '<video poster="https://elsewhere.example/a.png">',
        '<table background="https://elsewhere.example/a.png">',
        '<a ping="x">',
        '<img src="a.png">',
        '<img srcset="data:image/png;base64,AAAA 1x, https://elsewhere.example/a.png 2x">',
        '<p onclick="1">',
        '<a href=" java&#10;script:1">',
        '<a href="data:text/html,1">',
        '<button formaction="javascript:1">',
        '<meta http-equiv="refresh" content="0;url=https://elsewhere.example/">',
        '<base href="https://elsewhere.example/">',
        '<svg><set attributeName="href" to="https://elsewhere.example/a.svg"></set></svg>',
        '<svg><path fill="url(https://elsewhere.example/a.svg#b)"></path></svg>',
        "<p style=\"background: \\75 rl('//elsewhere.example/a.png')\">",
        '<p style="background: \\u\\r\\l(a.png)">',
        "<p style=\"background: image-set('//elsewhere.example/a.png' 1x)\">",
        "<p style=\"background: -webkit-image-set('//elsewhere.example/a.png' 1x)\">",
        '<svg><use href="https://elsewhere.example/a.svg#b"></use></svg>',
        '<svg><image xlink:href="https://elsewhere.example/a.png"></image></svg>',
        "<p style=\"background: url( 'https://elsewhere.example/a.png')\">",
    ],
)
def test_a_tag_that_loads_or_runs_something_is_found_as_it_stands(piece: str) -> None:
    start = piece[: piece.index(">") + 1] if not piece.startswith("<svg>") else piece[5 : piece.index(">", 5) + 1]
    assert find_loaded(f"<p>before</p>{piece}<p>after</p>") == start


@pytest.mark.parametrize(
    "style",
    [
        '@import "https://elsewhere.example/a.css";',
        "p { background: URL(//elsewhere.example/a.png) }",
        '@\\69mport "https://elsewhere.example/a.css";',
        '@im&#112;ort "https://elsewhere.example/a.css";',
        "p { background: image-set('a.png' 1x) }",
        "p { background: ur\\6C(a.png) }",
        "p { background: \\110000url(a.png) }",  # beyond the last letter there is
        "p { background: url(&#35;here) }",  # a style of HTML is read as it stands
        "<img src=https://elsewhere.example/a.png>",
    ],
)
@pytest.mark.parametrize("end", ["</style>", ""])
def test_a_style_that_loads_something_is_found_as_it_stands_also_without_an_end(style: str, end: str) -> None:
    assert find_loaded(f"<style>{style}{end}") == style


@pytest.mark.parametrize(
    "piece",
    [
        '<a href="https://elsewhere.example/">a link to follow</a>',
        '<img src="data:image/png;base64,AAAA">',
        '<img src="data:image/png;base64,AAAA" alt="url(https://elsewhere.example/)">',
        '<svg><path fill="url(#here)" style="mask: URL( \'#there\' )"></path></svg>',
        '<a href="#proof" title="onclick=1">ok</a><a href="mailto:ana@example.com">write</a>',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">',
        '<map><area href="https://elsewhere.example/" alt="a link"></map>',
        '<form action="https://elsewhere.example/">sent by whoever presses the button</form>',
        *(f'<p {name}="url(https://elsewhere.example/)">' for name in ("alt", "title", "aria-label")),
        *(f'<input {name}="url(https://elsewhere.example/)">' for name in ("content", "value", "placeholder")),
        '<img srcset=" ">',
        '<style>p { background: url("\\\ndata:image/png;base64,AAAA") }</style>',  # a string goes on in the next line
        "<!-- a > b -->",
        '<svg><use href="#here"></use></svg>',
        "<p>&lt;script src=https://elsewhere.example/&gt;</p>",
        "<style>p { color: red }</style><p>@import //elsewhere.example/a.css</p>",
        "<style></style><p><b>url(https://elsewhere.example/)</b></p>",
        "url(https://elsewhere.example/) in a text",
        "<style></style>url(https://elsewhere.example/) in a text",
        "<input disabled src>",
        "<style>p { background: url(data:image/png;base64,AAAA) }</style>",
    ],
)
def test_a_page_that_is_all_there_is_has_nothing_to_load(piece: str) -> None:
    assert find_loaded(piece) is None


@pytest.mark.parametrize(
    "piece", ["<!-- --!><img src=//elsewhere.example/> -->", "<![CDATA[x><img src=//elsewhere.example/>]]>"]
)
def test_what_a_browser_does_not_take_for_a_comment_is_found(piece: str) -> None:
    assert find_loaded(piece) == "<img src=//elsewhere.example/>"


def test_of_several_the_first_is_told() -> None:
    style = "@import url(//elsewhere.example/a.css)"
    assert find_loaded(f"<embed><style>{style}</style><script></script>") == "<embed>"
    assert find_loaded(f"<style>{style}</style><embed>") == style
    assert find_loaded("<embed><!-- a comment -->") == "<embed>"
