"""A request as the generator makes it, before it is known what the answers before it say."""

import dataclasses
import json
import shlex
import urllib.parse

# Stands for the prefix that all indices of a sequence share. Nothing else that is generated has it.
PREFIX = "@"


@dataclasses.dataclass(frozen=True)
class Seen:
    """A number that the engine has told of a document: its `version`, `seq_no` or `term`, plus something."""
    index: str
    id: str
    what: str
    plus: int = 0


@dataclasses.dataclass(frozen=True)
class Lines:
    """The body of a _bulk request: items of one line or two. A line is a JSON value, or text as it is to be sent."""
    items: tuple
    end: str = "\n"


@dataclasses.dataclass(frozen=True)
class Text:
    """A body that is sent as it is. Surrogates stand for bytes that are no UTF-8 (surrogateescape)."""
    text: str


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str  # percent-encoded
    query: tuple = ()  # of (name, value); a value may be Seen, None is a name without '='
    body: object = None  # None, a JSON value, Lines or Text
    headers: tuple = ()  # of (name, value); instead of the Content-Type that goes with the body


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A request as it is sent."""
    method: str
    target: str
    headers: tuple
    body: bytes | None

    def __str__(self):
        """For patterns to be held against."""
        headers = "".join(f"\n{name}: {value}" for name, value in self.headers)
        return f"{self.method} {self.target}{headers}\n\n" + (self.body or b"").decode("utf-8", "backslashreplace")

    def curl(self):
        words = ["curl", "-I" if self.method == "HEAD" else f"-X{self.method}", f'"$URL{self.target}"']
        for name, value in self.headers:
            words += ["-H", shlex.quote(f"{name}: {value}")]
        if self.body is not None:
            try:
                words += ["--data-binary", shlex.quote(self.body.decode("utf-8"))]
            except UnicodeDecodeError:
                words += ["--data-binary", "$'" + "".join(f"\\x{byte:02x}" for byte in self.body) + "'"]
        return " ".join(words)


def put_in(value, seen):
    """A JSON value with numbers for what was seen."""
    if isinstance(value, Seen):
        number = seen.get((value.index, value.id), {}).get(value.what, 1 if value.what == "term" else 0)
        return max(0, number + value.plus)
    if isinstance(value, dict):
        return {key: put_in(each, seen) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [put_in(each, seen) for each in value]
    return value


def json_text(value, seen):
    if isinstance(value, Text):
        return value.text
    return json.dumps(put_in(value, seen), ensure_ascii=False)


def body_text(body, seen):
    if body is None:
        return None
    if isinstance(body, Lines):
        lines = [json_text(line, seen) for item in body.items for line in item]
        return "\n".join(lines) + body.end
    return json_text(body, seen)


def query_text(query, seen):
    parts = []
    for name, value in query:
        name = urllib.parse.quote(name, safe="")
        # What is often typed as it is stays readable.
        if value is not None:
            name += "=" + urllib.parse.quote(str(put_in(value, seen)), safe="*,.:-")
        parts.append(name)
    return "&".join(parts)


def render(request, prefix, seen):
    """What is sent, where `seen` has {(index, id): {"version", "seq_no", "term"}} with names as in requests."""
    target = request.path + ("?" + query_text(request.query, seen) if request.query else "")
    text = body_text(request.body, seen)
    headers = request.headers
    if text is not None and all(name.lower() != "content-type" for name, _ in headers):
        kind = "application/x-ndjson" if isinstance(request.body, Lines) else "application/json"
        headers += (("Content-Type", kind),)
    headers = tuple((name, value) for name, value in headers if value is not None)
    body = None if text is None else text.replace(PREFIX, prefix).encode("utf-8", "surrogateescape")
    return Rendered(request.method, target.replace(PREFIX, prefix), headers, body)


def smaller(request):
    """The request with one part less, for each part that can go."""
    for at in range(len(request.query)):
        yield dataclasses.replace(request, query=request.query[:at] + request.query[at + 1:])
    for at in range(len(request.headers)):
        yield dataclasses.replace(request, headers=request.headers[:at] + request.headers[at + 1:])
    if isinstance(request.body, Lines):
        items = request.body.items
        for at, item in enumerate(items):
            if len(items) > 1:
                yield dataclasses.replace(request, body=dataclasses.replace(request.body,
                                                                            items=items[:at] + items[at + 1:]))
            for place, line in enumerate(item):
                for less in smaller_value(line):
                    changed = item[:place] + (less,) + item[place + 1:]
                    yield dataclasses.replace(request, body=dataclasses.replace(
                        request.body, items=items[:at] + (changed,) + items[at + 1:]))
    else:
        for less in smaller_value(request.body):
            yield dataclasses.replace(request, body=less)


def smaller_value(value):
    """A JSON value with one part less, at any depth."""
    if isinstance(value, dict):
        for key in value:
            yield {each: value[each] for each in value if each != key}
        for key in value:
            for less in smaller_value(value[key]):
                yield {**value, key: less}
    elif isinstance(value, list):
        for at, element in enumerate(value):
            yield value[:at] + value[at + 1:]
            for less in smaller_value(element):
                yield value[:at] + [less] + value[at + 1:]
