"""Which differences between a stored output and a new one are none: numbers in their last digit.

Processors add in different orders, so a rounded number may fall on either side of an edge.

- Everything but such numbers is equal, character for character: words, integers, names, True.
- A number with a decimal point or an exponent may differ by one unit of its last printed digit.
  It needs two significant digits, so that a unit is at most a tenth of it, and at most two numbers
  of a cell may differ. Decimals, exponent and the sign of what is not zero stay; -0.00 is 0.00.
- Where numbers only trade places, no rounding did it.
- A cell whose metadata say ``"compare": {"units": 2, "numbers": 5}`` may differ further, also in
  numbers of one digit. It gives an ``unchecked_reason`` and is listed on the page of unchecked
  cells. The tag ``compare-exactly`` allows nothing.

What no comparison sees is named by `left_out`, for the check of the chapters and for that page.
"""

import copy
import functools
import re
from dataclasses import dataclass

from nbval.plugin import metadata_tags

NOT_COMPARED = ("text/html", "image/svg+xml", "image/png", "image/jpeg")
EXACTLY = "compare-exactly"
# A letter beside it makes it a name (1.3B), a second point a version (3.11.2).
NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)(?!\.?\w)"
)
PARTS = re.compile(r"([-+−]?)([\d,]+)\.?(\d*)((?:[eE].*)?)")
MINUS = ("-", "−")
PLACE = "\0"
OBJECT = re.compile(r"<[^<>\n]*>")
IGNORED_BY_TAG = {
    tag: "not run" if marker == "skip" else "runs, output not compared"
    for tag, marker in metadata_tags.items()
    if marker in ("skip", ("check", False))
}


@dataclass(frozen=True)
class Tolerance:
    """How far the numbers of one cell may differ.

    Attributes
    ----------
    units : int
        Units of the last printed digit.
    numbers : int
        How many numbers of the cell.
    small : bool
        Whether also numbers with a single significant digit.
    """

    units: int = 1
    numbers: int = 2
    small: bool = False

    @classmethod
    def of(cls, metadata):
        """Return what a cell's metadata allow; None if only equal texts are.

        Raises
        ------
        ValueError
            If ``compare`` is not of the form above, has no reason, or contradicts the tag.
        """
        wider, exactly = metadata.get("compare"), EXACTLY in metadata.get("tags", ())
        if wider is None:
            return None if exactly else cls()
        if exactly:
            raise ValueError(f"has both the tag {EXACTLY} and the metadata compare; keep one")
        if not (isinstance(wider, dict) and wider and wider.keys() <= {"units", "numbers"}
                and all(type(n) is int and n > 0 for n in wider.values())):
            raise ValueError(f"has the metadata compare {wider}; expected whole numbers from 1, "
                             'such as {"units": 2, "numbers": 5}')
        if not metadata.get("unchecked_reason"):
            raise ValueError("is compared loosely; say why in the cell metadata unchecked_reason")
        return cls(**wider, small=True)


def digits(number):
    """Return a printed number in units of its last digit: -1.50e-3 is -150."""
    sign, whole, decimals, _ = PARTS.fullmatch(number).groups()
    value = int(whole.replace(",", "") + decimals)
    return -value if sign in MINUS else value


def units_between(stored, computed):
    """Return how many units of the last digit two printed numbers are apart.

    Returns
    -------
    int or None
        None where more than the digits differs: the form, or the sign of what is not zero.
    """
    (sign, *_), (new_sign, *_) = parts = [PARTS.fullmatch(n).groups() for n in (stored, computed)]
    forms = [(len(decimals), exponent, "," in whole) for _, whole, decimals, exponent in parts]
    first, second = digits(stored), digits(computed)
    either_side_of_zero = first * second == 0 and (sign in MINUS or new_sign in MINUS)
    if forms[0] != forms[1] or (sign != new_sign and not either_side_of_zero):
        return None
    if first == second and parts[0][1:] != parts[1][1:]:  # 01.5 and 1.5
        return None
    return abs(first - second)


def changed_numbers(stored, computed):
    """Return the pairs of numbers in which two texts differ; None if anything else differs.

    Where a number got wider or narrower, the spaces beside numbers may make room.
    """
    (numbers, frame), (new_numbers, new_frame) = apart(stored), apart(computed)
    pairs, frames = list(zip(numbers, new_numbers)), [frame, new_frame]
    if any(len(old) != len(new) for old, new in pairs):
        frames = [re.sub(f" *{PLACE} *", PLACE, frame) for frame in frames]
    return [(old, new) for old, new in pairs if old != new] if frames[0] == frames[1] else None


@functools.lru_cache(maxsize=2)  # many new texts may be held against one
def apart(text):
    """Return the numbers of a text, and the text without them."""
    return NUMBER.findall(text), NUMBER.sub(PLACE, text)


def settled(stored, computed, tolerance):
    """Return the new outputs, with every tolerable number as it is stored.

    Parameters
    ----------
    stored, computed : list of nbformat.NotebookNode
        Outputs of the cell on its page, and now.
    tolerance : Tolerance or None
        As `Tolerance.of` returns it.

    Returns
    -------
    list of nbformat.NotebookNode
        What is still different from ``stored`` here is different.
    str
        Why numbers that are near were not accepted; empty if that did not happen.
    """
    if tolerance is None:
        return computed, ""
    result, moved = copy.deepcopy(computed), []
    for kind, places in text_places(result).items():
        originals = text_places(stored).get(kind, [])
        if len(originals) != len(places):
            continue
        for (old, key), (new, _) in zip(originals, places):
            changed = changed_numbers(old[key], new[key])
            if changed and all(is_near(*pair, tolerance) for pair in changed):
                moved += [pair for pair in changed if units_between(*pair)]
                new[key] = old[key]
    if len(moved) > tolerance.numbers:
        return computed, (f"{len(moved)} numbers differ by a unit or so of their last digit; "
                          f"at most {tolerance.numbers} may")
    if moved and sorted(old for old, _ in moved) == sorted(new for _, new in moved):
        return computed, "numbers have traded places"
    return result, ""


def is_near(stored, computed, tolerance):
    """Whether two printed numbers differ by no more than rounding explains."""
    units = units_between(stored, computed)
    if not units:
        return units == 0
    smaller = min(abs(digits(stored)), abs(digits(computed)))
    return units <= tolerance.units and (tolerance.small or smaller >= 10)


def text_places(outputs):
    """Return where the compared texts of outputs stand, as lists of (node, key) by kind."""
    places = {}
    for output in outputs:
        if output.output_type == "stream":
            places.setdefault(f"stream {output.name}", []).append((output, "text"))
        for mime, text in output.get("data", {}).items():
            if isinstance(text, str) and mime not in NOT_COMPARED:
                places.setdefault(mime, []).append((output.data, mime))
    return places


def says_something(text):
    """Whether a text is more than names of objects, such as ``<Figure size 640x480>``."""
    return bool(re.search(r"\w", OBJECT.sub("", text)))


def left_out(cell):
    """Return what of a code cell's output is not compared, or not closely; one line each.

    Raises
    ------
    ValueError
        As `Tolerance.of` does.
    """
    found = [IGNORED_BY_TAG[tag] for tag in cell.metadata.get("tags", ()) if tag in IGNORED_BY_TAG]
    tolerance = Tolerance.of(cell.metadata)
    if tolerance and tolerance.small:
        found.append(f"up to {tolerance.numbers} numbers may differ by {tolerance.units} in the "
                     "last digit")
    shown = [output.get("data", {}) for output in cell.outputs]
    if any("text/html" in data and not says_something(data.get("text/plain", ""))
           for data in shown):
        found.append("HTML that has no text of its own")
    elif shown and not any(says_something(node[key])
                           for places in text_places(cell.outputs).values()
                           for node, key in places):
        pictures = any(mime.startswith("image/") for data in shown for mime in data)
        found.append("a picture without text" if pictures else "only the name of an object")
    return found
