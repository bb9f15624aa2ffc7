"""Two answers to one request: where they differ, but for what differs by nature."""

import dataclasses
import json
import re
import urllib.parse

# What is put into the engine's template for indices (see differential.py), and shown as if it had been asked for.
TEMPLATE_SETTINGS = {"index.number_of_shards": "1", "index.number_of_replicas": "0", "index.refresh_interval": "100ms",
                     "index.translog.durability": "async"}

# Places of answers that differ by nature, as patterns over their keys joined by '/', and why. A place that is named
# here is taken out of both answers.
BY_NATURE = (
    (r"took", "how long it took"),
    (r"(.*/)?index_uuid", "each makes up its own"),
    (r"[^/]+/settings/index/uuid|[^/]+/settings/index\.uuid", "each makes up its own"),
    (r"[^/]+/settings/index[/.]creation_date(_string)?", "the time; the kit has none"),
    (r"[^/]+/settings/index/version|[^/]+/settings/index\.version\.created(_string)?",
     "the version of an engine's files"),
    (r"[^/]+/settings/index/routing/allocation/include|[^/]+/settings/index\.routing\.allocation\.include\..*",
     "tiers of nodes, which the kit has not"),
    (r"[^/]+/mappings", "a document of the kit is its bytes: it has no mappings"),
)
# Texts within answers that differ by nature, what takes their place, and why.
TEXTS_BY_NATURE = (
    (r"(\[\[?occ-[^/\]\s]*)/[\w-]{22}\]", r"\1/UUID]", "each makes up its own"),
    (r"\[n\d+\]\[[\d.]+:\d+\]", "[NODE]", "names and addresses of nodes"),
    (r"^[\w-]{20}$", "MADE-UP-ID", "each makes up its own ids"),
    (r"/_doc/[\w-]{20}$", "/_doc/MADE-UP-ID", "as above, in the header Location"),
)
# The header Location is compared decoded: Elasticsearch writes a blank as '+', which no path of it takes for one since
# 7.4; the kit writes %20.
_PLACES = re.compile("|".join(f"(?:{pattern})" for pattern, _ in BY_NATURE))
_TEXTS = tuple((re.compile(pattern), instead) for pattern, instead, _ in TEXTS_BY_NATURE)


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    location: str | None
    body: object  # what was parsed of it; text that is no JSON
    text: str = ""  # as it was sent

    def __str__(self):
        return f"{self.status} {self.text.strip()}"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where two answers differ first."""
    path: str
    engine: object
    occkit: object

    def kind(self):
        """The place without what is a name or a number: the same for differences of one cause."""
        return re.sub(r"(^|/)(occ-[^/]*|\d+)(?=/|$)", r"\1*", self.path)

    def __str__(self):
        def shown(value):
            return "nothing" if value is ABSENT else json.dumps(value, ensure_ascii=False)
        return f"at {self.path}: engine {shown(self.engine)}, occkit {shown(self.occkit)}"


class _Absent:
    def __repr__(self):
        return "ABSENT"


ABSENT = _Absent()


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def without_nature(value, path="", template=False):
    """What is left of an answer's body; of the engine's, without what its template gives to every index."""
    if isinstance(value, dict):
        left = {}
        for key, each in value.items():
            below = f"{path}/{key}" if path else key
            if _PLACES.fullmatch(below) or template and from_template(below, each):
                continue
            inner = without_nature(each, below, template)
            # An object that had nothing else goes as a whole.
            if inner != {} or each == {}:
                left[key] = inner
        return left
    if isinstance(value, list):
        return [without_nature(each, f"{path}/{at}", template) for at, each in enumerate(value)]
    if isinstance(value, str):
        for pattern, instead in _TEXTS:
            value = pattern.sub(instead, value)
    return value


def from_template(path, value):
    """True for a setting that is there because of the template alone: the kit does not show what nobody gave it. How
    many shards and copies there are, it shows."""
    index, found, setting = path.partition("/settings/")
    name = setting.replace("/", ".")
    return bool(found) and "/" not in index and "number_of" not in name and TEMPLATE_SETTINGS.get(name) == value


def first_place(engine, occkit, path=""):
    """Where two values differ first; None if they are the same. Numbers are of one type, keys in any order."""
    if isinstance(engine, dict) and isinstance(occkit, dict):
        for key in sorted(engine.keys() | occkit.keys()):
            place = first_place(engine.get(key, ABSENT), occkit.get(key, ABSENT), f"{path}/{key}")
            if place:
                return place
        return None
    if isinstance(engine, list) and isinstance(occkit, list):
        for at in range(max(len(engine), len(occkit))):
            place = first_place(engine[at] if at < len(engine) else ABSENT, occkit[at] if at < len(occkit) else ABSENT,
                                f"{path}/{at}")
            if place:
                return place
        return None
    if type(engine) is type(occkit) and engine == occkit:
        return None
    return Place(path, engine, occkit)


def compare(engine, occkit):
    """Where two answers differ first; None if they do not."""
    if engine.status != occkit.status:
        return Place("status", engine.status, occkit.status)
    place = first_place(without_nature(decoded(engine.location)), without_nature(decoded(occkit.location)), "location")
    return place or first_place(without_nature(engine.body, template=True), without_nature(occkit.body))


def decoded(location):
    return location and urllib.parse.unquote_plus(location)
