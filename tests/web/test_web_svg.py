from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from phonotheque.web.svg import embeddable


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_only_what_draws_is_kept() -> None:
    drawn = embeddable(
        '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20" viewBox="0 0 10 20">'
        '<style>* { fill: red }</style><script>alert(1)</script><image href="https://x/"/>'
        '<a href="https://x/"><text x="1" onclick="x()" class="c" fill="#22252a">A &lt; B ]]&gt;</text></a>'
        '<foreignObject><p>no</p></foreignObject><path d="M0,0h1" opacity="1"/><path d=""/></svg>',
        'a "label" & more',
    )
    assert drawn == (
        '<svg viewBox="0 0 10 20" role="img" aria-label="a &#34;label&#34; &amp; more">'
        '<path d="M0,0h1"/></svg>'
    )


def test_text_keeps_its_words_and_place() -> None:
    drawn = embeddable(
        '<svg viewBox="0 0 1 1"><g><text x="1" fill="#000">A &lt; B ]]&gt;</text></g></svg>', ""
    )
    assert '<g><text x="1" fill="#000">A &lt; B ]]&gt;</text></g></svg>' in drawn


@given(
    st.text(alphabet=st.sampled_from("<>&\"'/= abgsvtexcriptonhref!-[]CDAT"), max_size=200),
    st.text(max_size=40),
)
def test_nothing_else_gets_through(inside: str, label: str) -> None:
    drawn = Tags(embeddable(f'<svg viewBox="0 0 1 1"><g>{inside}</g></svg>', label))
    tag, attrs = drawn.seen[0]
    assert (tag, set(attrs)) == ("svg", {"viewbox", "role", "aria-label"})
    for tag, attrs in drawn.seen[1:]:
        assert tag in {"g", "path", "line", "rect", "circle", "text", "tspan"}
        assert not any(name.startswith("on") or "href" in name for name in attrs)
