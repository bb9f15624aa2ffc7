"""What the scripts that draw have in common: the look of a strategy, how a figure becomes a file, what bad input is."""

import errno
import json
import os
import sys
import tempfile
import zlib

try:
    import matplotlib
except ImportError as error:
    print(
        f"{os.path.basename(sys.argv[0])}: {sys.executable} cannot draw: {error}. Install matplotlib for it "
        "(Debian: apt-get install python3-matplotlib, which is for /usr/bin/python3; elsewhere: "
        f"{os.path.basename(sys.executable)} -m pip install matplotlib)",
        file=sys.stderr,
    )
    sys.exit(2)

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOOKS = os.path.join(ROOT, "harness", "report", "page", "looks.json")


def dash_of(lengths):
    """As matplotlib takes it; no lengths: solid."""
    return (0, tuple(lengths)) if lengths else "-"


with open(LOOKS, encoding="utf-8") as looks_file:
    looks = json.load(looks_file)
# One colour, marker and dash for each strategy, the same in every figure and in the pages of `occkit report`; no two
# have both marker and dash in common, so that they are told apart in grey too. Colours: Okabe and Ito without their
# yellow, which does not show on white, and Tol's.
STRATEGY_LOOKS = {name: (color, marker, dash_of(dash)) for name, (color, marker, dash) in looks["strategies"].items()}
# What other names get, by a checksum of theirs; no dash of the table is among these.
OTHER_LOOKS = [
    (color, marker, dash_of(dash))
    for dash in looks["others"]["dashes"]
    for color, marker in looks["others"]["colors_and_markers"]
]
# The same strategy measured once more, in another file: the same colour, paler, and one of these dashes.
DASHES_OF_OTHER_SOURCES = [dash_of(dash) for dash in looks["dashes_of_other_sources"]]
# The same strategy in several forms in one panel.
DASHES_OF_OTHER_FORMS = [dash_of(dash) for dash in looks["dashes_of_other_forms"]]


class BadInput(Exception):
    """Something given cannot be used; the text says what was wrong and what is accepted."""
    status = 2


class NoSpace(BadInput):
    """There is no room for a figure. Its status is that of `occkit` in the same case (EX_IOERR)."""
    status = 74


def looks_of(strategies):
    """{name: (colour, marker, dash)}. Names that are not in the table get a look that nobody has, by their checksum;
    only where two of those meet does one depend on the other."""
    looks, taken = {}, set()
    for name in sorted(set(strategies)):
        if name in STRATEGY_LOOKS:
            looks[name] = STRATEGY_LOOKS[name]
            continue
        start = zlib.crc32(name.encode())
        places = [(start + k) % len(OTHER_LOOKS) for k in range(len(OTHER_LOOKS))]
        place = next((k for k in places if k not in taken), places[0])
        taken.add(place)
        looks[name] = OTHER_LOOKS[place]
    return looks


def paler(color):
    return tuple(1 - 0.55 * (1 - part) for part in to_rgb(color))


def line_style(look):
    """What plot() takes."""
    color, marker, dash = look
    return {
        "color": color,
        "marker": marker,
        "linestyle": dash,
        "linewidth": 1.4,
        "markersize": 6.5 if marker in "*Xdp<>" else 5.5,
        "markerfacecolor": color,
        "markeredgecolor": color,
        "markeredgewidth": 1.0,
    }


def save(figure, out, stem, dpi, **options):
    """Writes stem.png and stem.svg to the folder `out`, each whole or not at all, and closes the figure; returns the
    paths."""
    written = []
    try:
        for extension, more in (("png", {"dpi": dpi}), ("svg", {"dpi": dpi, "metadata": {"Date": None}})):
            path = os.path.join(out, f"{stem}.{extension}")
            try:
                replace_file(
                    path, lambda file, kind=extension, more=more: figure.savefig(file, format=kind, **more, **options)
                )
            except OSError as error:
                kind = NoSpace if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO) else BadInput
                raise kind(f"{path}: cannot be written: {error.strerror or error}") from None
            written.append(path)
    finally:
        plt.close(figure)
    return written


def replace_file(path, write):
    """write(file) into a temporary file beside the path, which then takes its place. Nothing stays behind if it
    fails."""
    descriptor, temporary = tempfile.mkstemp(prefix=".drawing-", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def make_folder(path):
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{path}: cannot be made: {error.strerror or error}") from None
    if not os.access(path, os.W_OK):
        raise BadInput(f"{path}: cannot be written to")
