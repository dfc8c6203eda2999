from pathlib import Path

from logistics import documents

# Not asked of `rendering`, which would load WeasyPrint for engines that do not use it.
FONTS = Path(documents.__path__[0]) / "assets" / "fonts"
