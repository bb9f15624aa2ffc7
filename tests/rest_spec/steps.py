"""The steps of a REST test: `do`, which asks, and what looks at the answer."""

import http.client
import json
import re
import urllib.parse

import yaml

from api import BadCall

FEATURES = {"arbitrary_key", "default_shards", "headers", "no_xpack", "regex", "stash_in_path", "warnings", "yaml"}
STATUS = {"bad_request": 400, "unauthorized": 401, "forbidden": 403, "missing": 404, "request_timeout": 408,
          "conflict": 409, "unavailable": 503}
TIMEOUT_S = 60


class Failed(Exception):
    """What a step found not to be so."""


class Skipped(Exception):
    """Why a test does not concern this server or this runner."""


class Server:
    """One connection to a server."""

    def __init__(self, url):
        at = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(at.hostname, at.port, timeout=TIMEOUT_S)
        self.version = json.loads(self.ask("GET", "/").text)["version"]["number"]

    def ask(self, method, target, body=None, headers=None):
        sent = {"Content-Type": "application/json"} if body else {}
        self.connection.request(method, target, body, sent | (headers or {}))
        answer = self.connection.getresponse()
        return Answer(method, answer.status, answer.read().decode("utf-8", "replace"),
                      answer.getheader("Content-Type", ""), answer.headers.get_all("Warning") or [])

    def clean(self):
        """Deletes all indices, and what else tests leave."""
        for method, target in [("DELETE", "/*"), ("DELETE", "/_template/*"), ("DELETE", "/_scripts/1")]:
            self.ask(method, target)


class Answer:
    """An answer; `value` is what its text stands for."""

    def __init__(self, method, status, text, content_type, warnings):
        self.status = status
        self.text = text
        # Warning: 299 Elasticsearch-... "text", where quotes within the text are escaped.
        self.warnings = [re.sub(r"\\(.)", r"\1", found[1]) if (found := re.match(r'\d+ \S+ "((?:[^"\\]|\\.)*)"', each))
                         else each for each in warnings]
        if method == "HEAD":
            self.value = status < 300
        elif "json" in content_type:
            self.value = json.loads(text) if text else None
        elif "yaml" in content_type:
            self.value = yaml.safe_load(text)
        else:
            self.value = text


def version_number(text):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def check_skip(skip, version):
    """Throws Skipped where a test is not for this version, or asks for a feature that is not here."""
    features = skip.get("features", [])
    features = re.split(r"\s*,\s*", features) if isinstance(features, str) else features
    if lacking := [each for each in features if each not in FEATURES]:
        raise Skipped(f"the runner has not: {', '.join(lacking)}")
    for span in str(skip.get("version", "")).split(","):
        if span.strip() == "all":
            raise Skipped(skip.get("reason", "for no version"))
        if "-" not in span:
            continue
        first, last = (part.strip() for part in span.split("-", 1))
        if (not first or version_number(first) <= version_number(version)) and (
                not last or version_number(version) <= version_number(last)):
            raise Skipped(f"not for {version}: {skip.get('reason', '')}".strip())


class Test:
    """One test while it runs: what was answered last, and what was kept."""

    def __init__(self, server, apis):
        self.server = server
        self.apis = apis
        self.answer = None
        self.stash = {}

    def run(self, steps):
        """Throws Failed and Skipped."""
        for step in steps:
            for name, argument in step.items():
                getattr(self, f"step_{name}", self.unknown(name))(argument)

    @staticmethod
    def unknown(name):
        def tell(_):
            raise Skipped(f"the runner has not: {name}")
        return tell

    def step_skip(self, skip):
        check_skip(skip, self.server.version)

    def step_do(self, do):
        do = dict(do)
        catch = do.pop("catch", None)
        headers = self.filled(do.pop("headers", {}))
        expected = do.pop("warnings", [])
        do.pop("allowed_warnings", None)
        if "node_selector" in do:
            raise Skipped("the runner has not: node_selector")
        (name, arguments), = do.items()
        arguments = self.filled(arguments or {})
        ignored = arguments.pop("ignore", [])
        ignored = {int(each) for each in (ignored if isinstance(ignored, list) else [ignored])}
        try:
            method, target, body = self.apis.request(name, arguments)
        except BadCall as why:
            if catch == "param":
                return
            raise Failed(f"do: {why}") from why
        self.answer = self.server.ask(method, target, body, headers)
        self.stash["body"] = self.answer.text
        self.check_status(f"{method} {target}", catch, method == "HEAD", ignored)
        for warning in expected:
            if warning not in self.answer.warnings:
                raise Failed(f"{method} {target}: no warning {warning!r}")

    def check_status(self, what, catch, is_head, ignored):
        status = self.answer.status
        told = f"{what}: {status} {self.answer.text[:300]}"
        if catch is None:
            if status >= 400 and status not in ignored and not (is_head and status == 404):
                raise Failed(told)
        elif catch == "param":
            raise Failed(f"{what}: the client should not have sent this")
        elif catch == "request":
            if status < 400 or status in STATUS.values() and status != 400:
                raise Failed(told)
        elif catch in STATUS:
            if status != STATUS[catch]:
                raise Failed(f"{told}, not {STATUS[catch]}")
        elif status < 400 or not re.search(catch.strip("/"), self.answer.text):
            raise Failed(f"{told}, not {catch}")

    def step_set(self, kept):
        for path, name in kept.items():
            self.stash[name] = self.at(path)

    def step_match(self, expected):
        for path, value in expected.items():
            value = self.filled(value)
            found = self.at(path)
            if not same(found, value):
                raise Failed(f"match: {path} is {short(found)}, not {short(value)}")

    def step_length(self, expected):
        for path, value in expected.items():
            found = self.at(path)
            if not hasattr(found, "__len__") or len(found) != int(self.filled(value)):
                raise Failed(f"length: {path} is {short(found)}, which has not {value}")

    def step_is_true(self, path):
        if not truth(self.at(path)):
            raise Failed(f"is_true: {path} is {short(self.at(path))}")

    def step_is_false(self, path):
        if truth(self.at(path)):
            raise Failed(f"is_false: {path} is {short(self.at(path))}")

    def step_gt(self, expected):
        self.compare("gt", expected, lambda a, b: a > b)

    def step_gte(self, expected):
        self.compare("gte", expected, lambda a, b: a >= b)

    def step_lt(self, expected):
        self.compare("lt", expected, lambda a, b: a < b)

    def step_lte(self, expected):
        self.compare("lte", expected, lambda a, b: a <= b)

    def compare(self, name, expected, holds):
        for path, value in expected.items():
            found = self.at(path)
            value = self.filled(value)
            if isinstance(found, bool) or not isinstance(found, (int, float)) or not holds(found, value):
                raise Failed(f"{name}: {path} is {short(found)}, beside {value}")

    def at(self, path):
        """What stands at a dotted path of the answer, None where nothing does; `$body` is the answer's text."""
        if path == "$body":
            return self.answer.value if isinstance(self.answer.value, (dict, list)) else self.answer.text
        value = self.answer.value if self.answer else None
        for key in re.split(r"(?<!\\)\.", path) if path else []:
            key = str(self.filled(key.replace("\\.", ".")))
            if key == "_arbitrary_key_" and isinstance(value, dict):
                return next(iter(value), None)
            if isinstance(value, list) and key.isdigit():
                value = value[int(key)] if int(key) < len(value) else None
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value

    def filled(self, value):
        """With what was kept in the place of `$name` and `${name}`."""
        if isinstance(value, dict):
            return {self.filled(key): self.filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        if value[1:] in self.stash and value[0] == "$":
            return self.stash[value[1:]]
        return re.sub(r"\$\{(\w+)\}", lambda m: str(self.stash.get(m[1], m[0])), value)


def short(value):
    text = json.dumps(value, default=str)
    return text if len(text) < 300 else text[:300] + "..."


def truth(value):
    return value is not None and str(value).lower() not in ("", "false", "0")


def same(found, expected):
    """As the tests compare: `/.../` is a pattern, numbers are equal whatever their kind, objects key by key."""
    if isinstance(expected, str) and len(text := expected.strip()) > 1 and text[0] == text[-1] == "/":
        return found is not None and re.search(text[1:-1], as_plain(found), re.VERBOSE) is not None
    if isinstance(expected, dict):
        return (isinstance(found, dict) and {str(key) for key in expected} == set(found)
                and all(same(found[str(key)], value) for key, value in expected.items()))
    if isinstance(expected, list):
        return (isinstance(found, list) and len(found) == len(expected)
                and all(same(a, b) for a, b in zip(found, expected)))
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected or str(found).lower() == str(expected).lower()
    if isinstance(found, (int, float)) and isinstance(expected, (int, float)):
        return found == expected
    return type(found) is type(expected) and found == expected


def as_plain(value):
    return value if isinstance(value, str) else json.dumps(value)
