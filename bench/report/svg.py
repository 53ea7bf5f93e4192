"""A small writer of SVG: elements as text, in colours that read on light and on dark paper."""

from xml.sax.saxutils import escape, quoteattr

# Chosen so that neighbours differ in lightness too, for readers who don't see the hues.
_LIGHT = ("#0b62c4", "#c4500b", "#2e8540", "#8a3fa0", "#8a6d00", "#5c6670")
_DARK = ("#5aa9ff", "#ff9b52", "#6fcf85", "#d79bea", "#e0c04c", "#a7b0b8")
SERIES = len(_LIGHT)
FONT_PX = 12
# Of a sans-serif letter, on average: text can't be measured without a font.
LETTER_PX = 6.6


def _rules(paper, ink, quiet, grid, other, series):
    """Written out for each paper: not every viewer knows CSS variables."""
    return (
        f"text{{fill:{ink}}}.paper{{fill:{paper}}}text.quiet{{fill:{quiet}}}.grid{{stroke:{grid}}}"
        f".whisker{{stroke:{ink}}}.ours{{fill:{series[0]}}}.other{{fill:{other}}}"
        + "".join(f".l{number}{{stroke:{colour}}}.d{number}{{fill:{colour}}}"
                  for number, colour in enumerate(series)))


_STYLE = (
    f"text{{font:{FONT_PX}px system-ui,sans-serif}}text.head{{font-weight:600}}"
    "text.right{text-anchor:end}text.middle{text-anchor:middle}"
    ".whisker{stroke-width:1.5}.line{fill:none;stroke-width:2}"
    + _rules("#ffffff", "#1b1f23", "#5b636b", "#dde1e5", "#9aa3ad", _LIGHT)
    + "@media(prefers-color-scheme:dark){"
    + _rules("#15181b", "#e8eaec", "#a3abb3", "#30363c", "#77818b", _DARK) + "}")


def width_of(text):
    return len(text) * LETTER_PX


def _attributes(values):
    def shown(value):
        return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

    return "".join(f" {name.rstrip('_').replace('_', '-')}={quoteattr(shown(value))}"
                   for name, value in values.items())


def element(name, content="", title="", **attributes):
    """`content` is SVG already, `title` is plain text: what is told on hovering, and read out."""
    inside = (f"<title>{escape(title)}</title>" if title else "") + content
    return f"<{name}{_attributes(attributes)}>{inside}</{name}>" if inside else \
        f"<{name}{_attributes(attributes)}/>"


def text(x, y, words, class_="", title="", **attributes):
    if class_:
        attributes["class_"] = class_
    return element("text", escape(words), title, x=float(x), y=float(y), **attributes)


def line(x1, y1, x2, y2, class_):
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def document(width, height, title, description, parts, style=""):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img" aria-labelledby="title about">')
    lines = [head, element("title", escape(title), id="title"),
             element("desc", escape(description), id="about"), f"<style>{_STYLE}{style}</style>",
             element("rect", width="100%", height="100%", class_="paper"), *parts, "</svg>"]
    return "\n".join(lines) + "\n"
