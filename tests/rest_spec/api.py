"""From a call as a REST test names it (`index: {index: a, id: 1, body: {...}}`) to the HTTP request, by the JSON files
that describe Elasticsearch's APIs."""

import functools
import json
import pathlib
import urllib.parse

# What any call may carry.
ANYWHERE = {"pretty", "human", "error_trace", "filter_path", "source"}


class BadCall(Exception):
    """A call that lacks a part of its path, or has a parameter that the API has not: `catch: param`."""


class Apis:
    """The APIs that a folder of JSON files describes."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    @functools.lru_cache(maxsize=None)
    def description(self, name):
        path = self.folder / f"{name}.json"
        if not path.is_file():
            raise BadCall(f"there is no API {name}")
        return json.loads(path.read_text())[name]

    def request(self, name, arguments):
        """Method, target and body of a call. Throws BadCall."""
        api = self.description(name)
        arguments = dict(arguments)
        body = arguments.pop("body", None)
        paths = api["url"]["paths"]
        parts = {part for path in paths for part in path.get("parts", {})}
        given = {key: as_text(value) for key, value in arguments.items()}
        path = best_path(paths, {key for key in given if key in parts}, name)
        named = set(path.get("parts", {}))
        known = set(api.get("params", {})) | ANYWHERE
        query = {key: value for key, value in given.items() if key not in named}
        if unknown := set(query) - known:
            raise BadCall(f"{name} has no parameter {', '.join(sorted(unknown))}")
        if body is None and api.get("body", {}).get("required"):
            raise BadCall(f"{name} needs a body")
        target = path["path"]
        for part in named:
            target = target.replace("{" + part + "}", urllib.parse.quote(given[part], safe=",*"))
        if query:
            target += "?" + urllib.parse.urlencode(query)
        methods = path["methods"]
        method = "POST" if body is not None and methods[0] == "GET" and "POST" in methods else methods[0]
        return method, target, encoded(body)


def best_path(paths, given, name):
    """The longest of the paths whose parts are all given, one that is not deprecated first."""
    fit = [path for path in paths if set(path.get("parts", {})) <= given]
    fit = [path for path in fit if len(path.get("parts", {})) == max(len(p.get("parts", {})) for p in fit)]
    if not fit:
        raise BadCall(f"{name} needs more than {', '.join(sorted(given)) or 'nothing'} in its path")
    return min(fit, key=lambda path: "deprecated" in path)


def as_text(value):
    """A part of a path or a parameter: lists are joined by commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_text(each) for each in value)
    return "" if value is None else str(value)


def encoded(body):
    """Text is sent as it is; a list is a line each, of JSON or of text (`_bulk`, `_msearch`)."""
    if body is None:
        return None
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, list):
        return "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in body).encode()
    return json.dumps(body, default=str).encode()
