"""What gives a sealed address away: the rule by which texts are compared with it. No database here.

An address becomes a set of *hints*, each stored only as a keyed hash (BLAKE2b under a key of the partner). A text is
refused if it contains one of them. Text is compared in a plain form: NFKC, without case, accents and invisible
characters, digits of all scripts as 0-9, Bambara letters and look-alikes of other scripts as Latin letters.

- **Words** of the name and street that are not on the list of words found everywhere (`common_words.txt`), of four
  letters or more, in the spellings of ɲ (ny, gn, ni, n). A word counts where it stands alone, spaced out ("N e t a"),
  hyphenated or glued to a word for a place ("foyerneta"); one of six letters or more also inside other words.
- **The whole name and the whole street**, without spaces, even if each word is common ("Maison des femmes").
- **A street and its number** in either order ("rue 12", "12e rue"). A door number of two digits or more counts only
  with a street word in the same text: "porte 34" alone is in every town.
- **Numbers** of six digits or more in any grouping; of a phone number the last eight, so that the country code does not
  matter. All numbers of the street together, if they have six digits.
- **Coordinates**: two numbers that agree with a sealed pair in three decimals (110 m), in degrees or in degrees,
  minutes and seconds, in either order. Fewer decimals name a region, not a house.
- **The town.** A town that bears the name of an admin-1 unit (Bamako, Ségou, Mopti) counts only in the public fields of
  a site (`strict`): elsewhere it is where the goods go. Even there "région de Ségou" and "Bamako district" are allowed,
  because `region` says as much. Every other town counts everywhere.

Words of the partner's own public name are no hints, as they are known. Not found: other languages' names of the same
place, numbers spelled out, text in pictures.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import islice, pairwise, product
from pathlib import Path
from typing import NamedTuple

from logistics.codes import codes

DIGEST = 8  # bytes of a hash
PADDED_TO = 64  # hints of a site: the number stored says nothing about the address
GRAM = 3  # letters by which the places in a text are found that are worth a closer look
WORD_MIN, TOWN_MIN, TOWN_WORD_MIN, WORD_MAX = 4, 3, 5, 12
ANYWHERE_MIN = 6  # letters of a word that is also found inside other words
PHRASE_MIN, PHRASE_MAX = 8, 120
NUMBER_MIN, NUMBER_MAX = 6, 8
SPELLINGS_MAX = 32

LETTERS = str.maketrans(
    {"ɛ": "e", "ɔ": "o", "ŋ": "n", "ə": "e", "ø": "o", "œ": "oe", "æ": "ae", "đ": "d", "ł": "l", "ı": "i"}
    | {"ɗ": "d", "ɓ": "b"}
    # Letters of other scripts that look the same.
    | dict(zip("авеёкмнорстухіјѕһԁԛԝαβεηικμνορτυχ", "abeekmhopctyxijshdqwabenikmnoptux", strict=True))
)  # fmt: skip
SPELLED = re.compile("ɲ|gn|ny|ni(?=[aeou])|nj")
OF_SPELLED = ("n", "ny", "gn", "ni", "nj")
STREETS = frozenset(
    (
        "rue", "street", "str", "st", "avenue", "av", "ave", "boulevard", "bd", "blvd", "road", "rd", "route", "allee",
        "impasse",
    )
)  # fmt: skip
DOORS = frozenset(["porte", "door", "gate", "lot", "villa", "parcelle", "immeuble", "apt", "appartement", "appt"])
# Between a word and its number: "rue no 12", "la 12e rue".
CONNECTORS = frozenset(
    ["n", "no", "nr", "numero", "number", "num", "nos", "e", "eme", "de", "la", "le", "du", "the", "of", "bis", "ter"]
)
# Beside one of these, letters that were taken apart ("foyer ne ta") are the name of a place.
PLACES = frozenset(
    (
        "foyer", "maison", "centre", "center", "orphelinat", "refuge", "shelter", "home", "hostel", "house", "rue",
        "street", "avenue", "quartier",
    )
)  # fmt: skip
BEFORE_REGION = frozenset(["de", "du", "d", "of", "the", "la"])
REGION_NOUNS = frozenset(["region", "regions", "district", "gouvernorat", "province"])
DECIMAL = re.compile(r"(?<![\d.,])([-+−]?)\s?(\d{1,3})\s?[.,٫·]\s?(\d{3,9})(?!\d)")
SEXAGESIMAL = re.compile(r"(\d{1,3})\s*[°*d]\s*(\d{1,2})\s*['′’m]\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:[\"”″s]|''|′′)?)?")
TOKEN = re.compile(r"[^\W\d_]+|\d+")


class Secret(NamedTuple):
    """What is sealed of a site."""

    name: str
    address: str
    town: str
    phone: str


class Plain(NamedTuple):
    """A text in its plain form, and its tokens: runs of letters or of digits."""

    text: str
    tokens: tuple[str, ...]
    gaps: tuple[str, ...]  # what stands before each token


@cache
def common_words() -> frozenset[str]:
    """Return the words that are no hints, because they are found everywhere."""
    lines = (Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8").splitlines()
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    names = " ".join(f"{country.name_en} {country.name_fr}" for country in codes.countries().values())
    countries = set(_words(names))
    return frozenset(words | countries)


@cache
def admin1_words() -> frozenset[str]:
    """Return the words of the names of admin-1 units, in French also where the list has the English name."""
    return frozenset(word for name in [*codes.admin1().values(), "Tombouctou"] for word in _words(name))


def plain(text: str, *, enye: str = "ny") -> Plain:
    """Return a text in its plain form. `enye`: how ɲ is written in Latin letters."""
    folded = text.casefold()
    if not text.isascii():
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", folded).casefold())
        signs = (sign for sign in folded if unicodedata.category(sign) not in ("Mn", "Me", "Cf"))
        folded = "".join(_digit(sign) for sign in signs).translate(LETTERS).replace("ɲ", enye)
    found = list(TOKEN.finditer(folded))
    ends = [0, *(each.end() for each in found)]
    gaps = tuple(folded[end : each.start()] for end, each in zip(ends, found, strict=False))
    return Plain(folded, tuple(each[0] for each in found), gaps)


def _digit(sign: str) -> str:
    value = unicodedata.decimal(sign, None)
    return sign if value is None else str(value)


def _words(text: str) -> Iterator[str]:
    return (token for token in plain(text).tokens if token[0].isalpha())


def of_secret(secret: Secret, *, public: str) -> set[str]:
    """Return the hints of an address. `public`: the partner's own name, whose words are no hints."""
    known = common_words() | set(_words(public))
    found: set[str] = set()
    towns = {town for name in re.split(r"[(),/;]", secret.town) for town in _towns(name)}
    for text in (secret.name, secret.address):
        for spelled in _spellings(text):
            words = plain(spelled)
            plenty = [word for word in words.tokens if word.isalpha() and len(word) >= WORD_MIN]
            found |= {f"word {word[:WORD_MAX]}" for word in plenty if word not in known | towns | admin1_words()}
            together = "".join(words.tokens)
            if len(together) >= PHRASE_MIN and not together.isdigit() and len(words.tokens) > 1:
                found |= {f"start {together[:WORD_MAX]}", f"whole {together[:PHRASE_MAX]}"}
            found |= _numbered(words) | _numbers(words, len(together))
            found |= {f"at {near}" for pair in _coordinates(words.text) for near in _near(pair)}
    for word in towns - common_words():
        found.add(f"{'capital' if word in admin1_words() else 'town'} {word[:WORD_MAX]}")
    phone = "".join(token for token in plain(secret.phone).tokens if token.isdigit())
    if len(phone) >= NUMBER_MIN:
        found.add(f"number {phone[-NUMBER_MAX:]}")
    return found


def _towns(name: str) -> Iterator[str]:
    """Yield the name of a town as one word, and of a name of several words also each word of five letters or more."""
    for spelled in _spellings(name):
        words = [token for token in plain(spelled).tokens if token.isalpha()]
        if len("".join(words)) >= TOWN_MIN:
            yield "".join(words)
        yield from (word for word in words if len(word) >= TOWN_WORD_MIN)


def _spellings(text: str) -> list[str]:
    """Return the text with each ɲ, ny, gn and ni before a vowel in all of these spellings, and as it is."""
    folded = plain(text, enye="ɲ").text
    parts, places = SPELLED.split(folded), SPELLED.findall(folded)
    ways = islice(product(OF_SPELLED, repeat=len(places)), SPELLINGS_MAX)
    made = ["".join(part + way for part, way in zip(parts, [*each, ""], strict=True)) for each in ways]
    return [plain(text).text, *made]


def _numbered(words: Plain) -> set[str]:
    return {f"{kind} {name}" for kind, name in _streets_and_doors(words, both_ways=False)}


def _streets_and_doors(words: Plain, *, both_ways: bool) -> Iterator[tuple[str, str]]:
    """Yield ("street" or "door", number) for each number that follows such a word; `both_ways`: or precedes it."""
    tokens = [token for token in words.tokens if token not in CONNECTORS]
    for before, after in pairwise(tokens):
        for word, number in ((before, after), (after, before)) if both_ways else ((before, after),):
            if not number.isdigit() or len(number) > NUMBER_MAX:
                continue
            if word in STREETS:
                yield "street", number.lstrip("0")
            elif word in DOORS and len(number) > 1:
                yield "door", number.lstrip("0")


def _numbers(words: Plain, length: int) -> set[str]:
    """Return the long numbers of a street, and all its numbers as one."""
    runs = re.findall(r"\d+(?:[.,]\d+)?", words.text)
    each = [re.sub(r"\D", "", run) for run in runs]
    return {f"number {number[-NUMBER_MAX:]}" for number in [*each, "".join(each)] if len(number) >= NUMBER_MIN}


def _coordinates(text: str) -> Iterator[tuple[float, float]]:
    """Yield each two successive numbers that may be latitude and longitude, without signs, the smaller one first."""
    found = [(at.start(), float(f"{at[2]}.{at[3]}")) for at in DECIMAL.finditer(text)]
    for at in SEXAGESIMAL.finditer(text):
        seconds = float((at[3] or "0").replace(",", "."))
        found.append((at.start(), int(at[1]) + int(at[2]) / 60 + seconds / 3600))
    numbers = [value for _place, value in sorted(found) if value <= 180]
    for first, second in pairwise(numbers):
        yield (first, second) if first <= second else (second, first)


def _near(pair: tuple[float, float]) -> Iterator[str]:
    first, second = (round(value * 1000) for value in pair)
    steps = (-1, 0, 1)
    return (f"{first + one} {second + two}" for one in steps for two in steps)


class Hasher:
    """Hashes under one key. What was hashed is remembered, because texts of a manifest resemble each other."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.of = lru_cache(maxsize=100_000)(self._of)

    def _of(self, hint: str) -> bytes:
        return blake2b(hint.encode(), key=self._key, digest_size=DIGEST).digest()


def packed(hints: Iterable[str], hasher: Hasher) -> bytes:
    """Return the hashes of hints, and of the first letters of words, sorted and padded with random ones."""
    every = {hasher.of(hint) for hint in hints}
    parts = [hint.partition(" ") for hint in hints]
    every |= {hasher.of(f"gram {word[:GRAM]}") for kind, _space, word in parts if kind in WORDS}
    while len(every) % PADDED_TO:
        every.add(secrets.token_bytes(DIGEST))
    return b"".join(sorted(every))


def unpacked(stored: bytes) -> set[bytes]:
    return {stored[place : place + DIGEST] for place in range(0, len(stored), DIGEST)}


WORDS = ("word", "start", "town", "capital")


class Matcher:
    """Compares texts with the hashed hints of some sites."""

    def __init__(self, hashes: set[bytes], hasher: Hasher) -> None:
        self._hashes, self._hasher = hashes, hasher

    def hits(self, text: str, *, strict: bool = False) -> bool:
        """Return whether the text gives one of the sites away. `strict`: in a public field of a site (see above)."""
        if not self._hashes or not text or text.isspace():
            return False
        # Where ɲ stands in the text, people who entered the address may have written n.
        ways = ("ny", "n") if "ɲ" in text.casefold() else ("ny",)
        return any(self._finds(plain(text, enye=way), strict=strict) for way in ways)

    def _knows(self, hint: str) -> bool:
        return self._hasher.of(hint) in self._hashes

    def _finds(self, words: Plain, *, strict: bool) -> bool:
        return (
            self._finds_word(words, strict=strict)
            or self._finds_numbered(words)
            or any(map(self._knows, _long_numbers(words)))
            or any(self._knows(f"at {round(one * 1000)} {round(two * 1000)}") for one, two in _coordinates(words.text))
        )

    def _finds_numbered(self, words: Plain) -> bool:
        has_street = not STREETS.isdisjoint(words.tokens)
        return any(
            self._knows(f"{kind} {number}")
            for kind, number in _streets_and_doors(words, both_ways=True)
            if kind == "street" or has_street
        )

    def _finds_word(self, words: Plain, *, strict: bool) -> bool:
        together = "".join(words.tokens)
        kinds = ("word", "town", "capital") if strict else ("word", "town")
        token_by_place = {}
        place = 0
        for index, token in enumerate(words.tokens):
            token_by_place[place] = index
            place += len(token)
        token_by_place[place] = len(words.tokens)
        for start in range(len(together) - GRAM + 1):
            if not self._knows(f"gram {together[start : start + GRAM]}"):
                continue
            for end in range(start + GRAM, min(start + WORD_MAX, len(together)) + 1):
                found = together[start:end]
                if self._knows(f"start {found}") and self._finds_whole(together, start):
                    return True
                if not any(self._knows(f"{kind} {found}") for kind in kinds):
                    continue
                if not _stands(words, together, token_by_place, start, end):
                    continue
                is_capital = not (self._knows(f"word {found}") or self._knows(f"town {found}"))
                if not (is_capital and _names_a_region(words, token_by_place, start, end)):
                    return True
        return False

    def _finds_whole(self, together: str, start: int) -> bool:
        ends = range(start + PHRASE_MIN, min(start + PHRASE_MAX, len(together)) + 1)
        return any(self._knows(f"whole {together[start:end]}") for end in ends)


def _stands(words: Plain, together: str, token_by_place: dict[int, int], start: int, end: int) -> bool:
    """Return whether letters are a word of their own; long ones need not be."""
    if end - start >= ANYWHERE_MIN:
        return True
    first, last = token_by_place.get(start), token_by_place.get(end)
    if first is not None and last is not None:
        inside = words.tokens[first:last]
        gaps = words.gaps[first + 1 : last]
        around = {*words.tokens[max(first - 1, 0) : first], *words.tokens[last : last + 1]}
        return (
            len(inside) == 1
            or all(len(token) == 1 for token in inside)
            or not any(gap.isspace() for gap in gaps)
            or not around.isdisjoint(PLACES)
        )
    if first is not None or last is not None:  # glued to a word for a place on one side
        begin = max(place for place in token_by_place if place <= start)
        stop = min(place for place in token_by_place if place >= end)
        glued = {together[begin:start], together[end:stop]} - {""}
        return all(len(word) >= GRAM for word in glued) and glued <= PLACES | STREETS
    return False


def _names_a_region(words: Plain, token_by_place: dict[int, int], start: int, end: int) -> bool:
    """Return whether a name is that of a region: "région de Ségou", "Bamako district"."""
    first, last = token_by_place.get(start), token_by_place.get(end)
    if first is None or last is None:
        return False
    before = list(words.tokens[:first])
    while before and before[-1] in BEFORE_REGION:
        before.pop()
    return bool({*before[-1:], *words.tokens[last : last + 1]} & REGION_NOUNS)


def _long_numbers(words: Plain) -> Iterator[str]:
    """Yield every part of six to eight digits, however the digits are grouped; letters end a number."""
    run = ""
    for token in (*words.tokens, "a"):
        if token.isdigit():
            run += token
            continue
        for length in range(NUMBER_MIN, NUMBER_MAX + 1):
            yield from (f"number {run[place : place + length]}" for place in range(len(run) - length + 1))
        run = ""
