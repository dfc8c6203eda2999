"""Random texts for papers: every script that the bundled fonts can print, short and long, easy and hard to break."""

import string
from random import Random

NAMES = [
    "Foyer Ɲɛta, Tɔnɔ",
    "d’accueil à Ségou, œuvre",
    "陳大文 毛毯",
    "مواد غذائية وبطانيات",
    "بطانيات 12 pcs (warm)",
    "ߒߞߏ ߓߊ߲",
    "Комплект гигиены детский",
    "Ελλάδα, κουβέρτες",
    "Zelt/Plane 4×6 m — verstärkt",
    "Supercalifragilisticexpialidocious_unbreakable_item_name_0123456789",
    "Água-viva anti-mosquito: rede 180/200",
    "AVATAR To Ty. “VAW” f(x) fi ffl 1/2 a.b,c;d:e",
    "a&b <c> \"d\" 'e' {f} 100% #1",
    "soft\u00adhyphen and no\u00a0break",
    "e\u0301 combined, 3\u20444",
    "",
]
WORDS = ["blanket", "tent", "filter", "kit", "soap", "Seife", "bâche", "lampe-torche", "T-shirt", "A4/A3", "WAVE", "12"]
SHORT = ["piece", "set", "kg", "陳", "ع", "", *WORDS]
FLAGS = ["heavy", "fragile", "this_way_up", "open_first", "dangerous"]


class Texts:
    """Generate texts from one random source."""

    def __init__(self, random: Random, words_most: int = 25) -> None:
        self.random = random
        self.words_most = words_most

    def text(self) -> str:
        choose = self.random.choice
        if self.random.random() < 0.2:
            return choose(NAMES)
        words = [*WORDS, *NAMES[:8]] if self.random.random() < 0.2 else WORDS
        return " ".join(choose(words) for _ in range(min(choose([1, 2, 3, 4, 6, 9, 25]), self.words_most)))

    def code(self) -> str:
        longest = self.random.randint(1, 17)
        return "".join(self.random.choices(string.ascii_uppercase + string.digits + "-_", k=longest))

    def number(self) -> str:
        value = self.random.randrange(10 ** self.random.randint(1, 9))
        return self.random.choice([str(value), f"{value / 1000:.3f}"])

    def pair(self) -> dict[str, str]:
        return {language: self.text() for language in ("en", "fr")}

    def flagged(self) -> dict[str, object]:
        return {"text": self.text(), "flags": self.random.sample(FLAGS, self.random.choice([0, 0, 1, 3]))}
