"""Make assets/fonts/Inter.ttf: Inter Medium cut down to the characters we draw, and with TrueType outlines.

    pip install fonttools
    apt download fonts-inter && dpkg-deb -x fonts-inter_*.deb inter
    python tools/make_font.py inter

The source is Debian's package `fonts-inter` (the Inter Project, SIL Open Font License 1.1); the licence is written
to assets/fonts/OFL.txt.  Run it again only to add characters.
"""

import sys
import textwrap
from pathlib import Path

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable

FONTS = Path(__file__).resolve().parent.parent / "assets" / "fonts"
SOURCE = "usr/share/fonts/opentype/inter/Inter-Medium.otf"
COPYRIGHT = "usr/share/doc/fonts-inter/copyright"
# Latin with its supplements, punctuation, superscripts, currency, arrows, a few operators and shapes, keyboard signs.
RANGES = [
    (0x20, 0x7E),
    (0xA0, 0x17F),
    (0x2010, 0x2027),
    (0x2030, 0x203A),
    (0x2070, 0x208E),
    (0x20AC, 0x20AC),
    (0x2190, 0x2199),
    (0x2212, 0x2212),
    (0x221E, 0x221E),
    (0x2248, 0x2265),
    (0x2318, 0x2325),
    (0x25A0, 0x25CF),
    (0x2605, 0x2606),
    (0x2713, 0x2717),
]
MAX_ERROR = 1.0  # font units of 2816 to the em, when cubic outlines become quadratic


def subset(font: TTFont) -> None:
    """Keep the wanted characters, figures of equal width as the default, and kerning."""
    options = Options()
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl", "tnum"]
    options.notdef_outline = True
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[code for low, high in RANGES for code in range(low, high + 1)])
    subsetter.subset(font)


def use_tabular_figures(font: TTFont) -> None:
    """Point the digits at their figures of equal width, so that numbers do not dance as they change."""
    substitutes: dict[str, str] = {}
    table = font["GSUB"].table
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for index in record.Feature.LookupListIndex:
                for rule in table.LookupList.Lookup[index].SubTable:
                    substitutes.update(getattr(getattr(rule, "ExtSubTable", rule), "mapping", {}))
    for cmap in font["cmap"].tables:
        for code, glyph in list(cmap.cmap.items()):
            if 0x30 <= code <= 0x39 and glyph in substitutes:
                cmap.cmap[code] = substitutes[glyph]


def to_truetype(font: TTFont) -> None:
    """Replace the CFF outlines by quadratic ones; stb_truetype draws those best."""
    glyphs = font.getGlyphSet()
    order = font.getGlyphOrder()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(glyphs)
        glyphs[name].draw(Cu2QuPen(pen, MAX_ERROR, reverse_direction=True))
        outlines[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, outlines
    maxp = font["maxp"]
    maxp.tableVersion = 0x00010000
    for field in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs"):
        setattr(maxp, field, 1 if field == "maxZones" else 0)
    for field in ("maxStackElements", "maxSizeOfInstructions", "maxComponentElements"):
        setattr(maxp, field, 0)
    font["post"].formatType = 3.0
    del font["CFF "]
    if "VORG" in font:
        del font["VORG"]
    font.sfntVersion = "\x00\x01\x00\x00"


def licence(copyright_file: str) -> str:
    """Return the OFL's text as Debian's copyright file has it, its indentation undone."""
    body = copyright_file.partition("License: OFL-1.1\n")[2].partition("\nLicense:")[0]
    lines = ["" if line.strip() == "." else line.removeprefix(" ") for line in body.splitlines()]
    title = """\
        Copyright 2016-2022 The Inter Project Authors (https://github.com/rsms/inter)

        Inter.ttf here is Inter Medium reduced to some hundred characters by tools/make_font.py.
        It is licensed under the SIL Open Font License, Version 1.1:

        """
    return textwrap.dedent(title) + "\n".join(lines).strip() + "\n"


def main(unpacked: Path) -> None:
    font = TTFont(unpacked / SOURCE)
    subset(font)
    use_tabular_figures(font)
    to_truetype(font)
    FONTS.mkdir(exist_ok=True)
    font.save(FONTS / "Inter.ttf")
    (FONTS / "OFL.txt").write_text(licence((unpacked / COPYRIGHT).read_text(encoding="utf-8")), encoding="utf-8")
    print(
        f"{FONTS / 'Inter.ttf'}: {(FONTS / 'Inter.ttf').stat().st_size / 1000:.0f} kB, {len(font.getGlyphOrder())} glyphs"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
