"""Sequences that have ill-formed requests too: well-formed ones with a fault or two."""

import dataclasses

from generator import Generator
from request import Lines, Text

WRONG = ("", "x", "-1", "0", "1.0", "1.5", "1e3", "+1", "007", " 1", "9223372036854775807", "9223372036854775808",
         "-9223372036854775809", "-2", "-3", "-4", "true", "false", "yes", "TRUE", "null", "ä", "1m", "1", "[1]")
# None that is short: an engine may be late, and the kit is not.
TIMES = ("", "x", "1", "1x", "1.5s", "-5s", "1M", "1d", "10 s", " 1m ", "1m1s", "s")
VALUES = {
    "refresh": ("", "bogus", "TRUE", "1", "wait", "WAIT_FOR"),
    "timeout": TIMES, "master_timeout": TIMES,
    "version_type": ("", "bogus", "EXTERNAL", "internal", "force", "external_gt", "external"),
    "op_type": ("", "bogus", "CREATE", "Index", "delete", "update", "create"),
    "wait_for_active_shards": ("", "x", "-1", "ALL", "1.0", "+1"),
    "expand_wildcards": ("", "bogus", "OPEN", "all,none", "hidden", "open,bogus"),
    "filter_path": ("", "**", "*", "-", "-*", "a,,b", ".", "..", "_source\\.n", "_id.x", "**.**", "-_id,_id"),
    "_source": ("", "x,,y", "TRUE", "False", "*.*", "true,false", "**"),
    "_source_includes": ("", ",", "true", "**", "false"),
    "_source_excludes": ("", ",", "true", "**", "false"),
    "pretty": ("x", "", "TRUE", "no"), "human": ("x", "no"), "error_trace": ("false", "x"),
    "format": ("xml", "", "JSON"),
    "pipeline": ("", "_none"), "require_alias": ("", "yes", "TRUE", "true"),
    "flat_settings": ("", "yes"), "local": ("true", "x"),
}
# What they say beside these would have the engine wait.
NOTHING_ELSE = ("timeout", "master_timeout", "wait_for_active_shards", "error_trace")
PARAMETERS = ("version", "if_seq_no", "if_primary_term", "retry_on_conflict", "doc_as_upsert", "realtime",
              "preference", "ignore_unavailable", "allow_no_indices", "preserve_existing", "include_type_name",
              "include_defaults", "detect_noop", "lang", "type", "unknown", "versions", "_sourc", "if_seqno", "Refresh",
              "sourc", "_id", "q", "size", "op-type", "") + tuple(VALUES)
TEXTS = ("", " ", "{", "}", "[]", "[{}]", "1", "\"x\"", "null", "true", "{}", "{}{}", "{} x", "{\"n\":}", "{\"n\":1,}",
         "{n:1}", "{'n':1}", "{\"n\":1", "{\"n\":01}", "{\"n\":+1}", "{\"n\":.5}", "{\"n\":NaN}", "{\"n\":1e999}",
         "{\"n\":123456789012345678901234567890}", "{\"n\":1.10}", "{\"n\":1E2}", "{\"n\":-0}", "{\"n\":\"\\x\"}",
         "{\"n\":\"\\ud800\"}", "{\"n\":\"\t\"}", "{\"n\":1,\"n\":2}", "{\"n\":\"\udcff\"}", "\ufeff{\"n\":1}",
         "{\"n\":1} // c", "{\"\":1}", "{\"a.b\":1}", "{\"a.b\":1,\"a\":{\"b\":2}}", "{\".\":1}", "{\"a..b\":1}",
         "{\"o\":{\"_id\":1}}", "\n\n{\"n\":\n1}\n", "{\"n\":[[[[[[1]]]]]]}", "{\"doc\":{}}",
         "{\"doc\":{},\"doc\":{\"n\":1}}",
         "[{\"n\":1}]", "{\"ids\":[]}", "{\"docs\":[]}", "{\"docs\":[{}]}", "{\"ids\":[1,true,null,2.5]}",
         "{\"docs\":{}}", "{\"ids\":\"1\"}", "{\"settings\":{}}", "{\"settings\":[]}", "{\"settings\":null}",
         "{\"mappings\":{}}", "{\"number_of_replicas\":1}")
METADATA = ("_id", "_index", "_type", "_source", "_routing", "_version", "_seq_no", "_primary_term", "_field_names",
            "_ignored", "_all", "_doc_count", "_tier", "_feature")
FIELDS = ("doc", "upsert", "doc_as_upsert", "detect_noop", "scripted_upsert", "_source", "if_seq_no",
          "if_primary_term", "dok", "docs", "ids", "_id", "_index", "_type", "version", "version_type",
          "_version", "_version_type", "retry_on_conflict", "_retry_on_conflict", "op_type", "settings", "aliases",
          "mappings", "unknown", "index", "require_alias", "pipeline", "index.no_such", "number_of_shards",
          "number_of_replicas", "gc_deletes", "refresh_interval", "codec")
JSON = (None, True, False, 0, 1, -1, 1.0, 1.5, "", "x", "1", "1.0", "true", "false", [], [1], ["n"], {}, {"n": 1},
        9223372036854775807, 9223372036854775808, "-1", "1s", "external", "create")
# No index of others is made; nothing expires while it is looked at, and refresh=wait_for comes to an end.
BOUNDED = {"_index": ("@b", "@A", "", None, [], {}, ["@a"]), "gc_deletes": ("x", "", 1, "1h", "-1", None, [], {}),
           "refresh_interval": ("x", "", 1, "5ms", None, [], {})}
CONTENT_TYPES = ("text/plain", "application/xml", "application/json; charset=UTF-8", "APPLICATION/JSON", "json", "",
                 "application/x-ndjson", "application/json;", "text/json", "application/octet-stream", "*/*",
                 "application/vnd.elasticsearch+json;compatible-with=7",
                 "application/vnd.elasticsearch+json; compatible-with=8", "application/vnd.elasticsearch+json")
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS")
BAD_NAMES = ("@A", "_x", "-x", "+x", "%20", "@a%20b", "@a%22b", "@a,@b", "@a%23", "@a:b", "@a%3Fb", "@a%5Cb", "@a%7Cb",
             "%2E", "%2E%2E", "@%C3%84", "@*", "_all", "@a%3C", "x" * 300)
ENDPOINTS = ("_doc", "_create", "_update", "_source", "_bulk", "_mget", "_settings", "_refresh", "_nothing", "_search",
             "doc", "_doc/1/x", "_doc/", "_update/", "_create/", "_source/", "_doc/%20", "_doc/1/_update",
             "_doc/1/_create", "_doc/1/_source", "_settings/x", "_doc//1", "_refresh/x", "_bulk/x", "_all", "_mapping")
IF_MATCH = ("1", "2", "x", "\"1\"", "-1", "*", "")
ACTIONS = ("index", "create", "update", "delete", "Index", "upsert", "")


class Faults(Generator):
    def __init__(self, seed, compat, alone=True):
        super().__init__(seed, compat)
        self.alone = alone  # no sequence beside it: then "_all" is its own indices

    def request(self):
        request = super().request()
        if self.chance(0.25):
            return request
        for _ in range(2 if self.chance(0.3) else 1):
            request = self.spoiled(request)
        return request

    def spoiled(self, request):
        kinds = {"parameter": 5, "given_parameter": 4 if request.query else 0, "body": 3, "field": 5, "metadata": 1,
                 "method": 1, "content_type": 1, "path": 1, "header": 0.5, "same_twice": 0.3}
        if isinstance(request.body, Lines):
            kinds |= {"bulk": 8}
        return getattr(self, "spoil_" + self.weighted(**kinds))(request)

    def wrong(self, name):
        if self.compat == 6 and name == "error_trace":
            return "false"  # to another value 6.8 gives no answer at all
        return self.one(VALUES[name] if name in NOTHING_ELSE or name in VALUES and self.chance(0.8) else WRONG)

    def spoil_parameter(self, request):
        name = self.one(PARAMETERS)
        return dataclasses.replace(request, query=request.query + ((name, self.wrong(name)),))

    def spoil_given_parameter(self, request):
        at = self.random.randrange(len(request.query))
        name = request.query[at][0]
        pair = (name, self.wrong(name))
        return dataclasses.replace(request, query=request.query[:at] + (pair,) + request.query[at + 1:])

    def spoil_same_twice(self, request):
        return dataclasses.replace(request, query=request.query * 2)

    def spoil_body(self, request):
        body = self.one((None, Text(self.one(TEXTS)), Text(self.one(TEXTS)), self.document(), Lines((({}, {}),))))
        return dataclasses.replace(request, body=body)

    def spoil_metadata(self, request):
        field = {self.one(METADATA): self.one(JSON)}
        body = request.body
        if not isinstance(body, dict):
            return self.spoil_parameter(request)
        if isinstance(body.get("doc"), dict) and self.chance(0.7):
            return dataclasses.replace(request, body={**body, "doc": {**body["doc"], **field}})
        return dataclasses.replace(request, body={**body, **field})

    def changed(self, value, depth=0):
        """A JSON value that has a field more, or one that is another."""
        if isinstance(value, dict):
            inner = [key for key in value if isinstance(value[key], (dict, list)) and value[key]]
            if inner and depth < 3 and self.chance(0.5):
                key = self.one(inner)
                return {**value, key: self.changed(value[key], depth + 1)}
            key = self.one(list(value)) if value and self.chance(0.6) else self.one(FIELDS)
            return {**value, key: self.one(BOUNDED.get(key, JSON))}
        if isinstance(value, list) and value:
            at = self.random.randrange(len(value))
            return value[:at] + [self.changed(value[at], depth + 1)] + value[at + 1:]
        return self.one(JSON)

    def spoil_field(self, request):
        body = request.body
        if isinstance(body, Lines):
            return self.spoil_bulk(request)
        if not isinstance(body, dict):
            return self.spoil_given_parameter(request) if request.query else self.spoil_parameter(request)
        return dataclasses.replace(request, body=self.changed(body))

    def spoil_bulk(self, request):
        if not isinstance(request.body, Lines) or not request.body.items:
            return self.spoil_parameter(request)
        items = list(request.body.items)
        at = self.random.randrange(len(items))
        item = items[at]
        kind = self.weighted(meta=8, source=4, text=2, blank=1, no_source=1, two_actions=1, action=2, end=1, more=1)
        end = request.body.end
        first = item[0] if isinstance(item[0], dict) and item[0] else {"index": {}}
        action = next(iter(first))
        if kind == "meta":
            fields = first[action] if isinstance(first[action], dict) else {}
            items[at] = ({action: self.changed(fields, 3)},) + item[1:]
        elif kind == "source" and len(item) > 1:
            items[at] = (item[0], self.changed(item[1]))
        elif kind == "text":
            line = self.random.randrange(len(item))
            items[at] = item[:line] + (Text(self.one(TEXTS)),) + item[line + 1:]
        elif kind == "blank":
            items.insert(at, (Text(self.one(("", " ", "\r"))),))
        elif kind == "no_source":
            items[at] = item[:1]
        elif kind == "two_actions":
            items[at] = ({**first, self.one(ACTIONS): {}},) + item[1:]
        elif kind == "action":
            items[at] = ({self.one(ACTIONS): first[action]},) + item[1:]
        elif kind == "more":
            items[at] = item + (self.document(),)
        else:
            end = self.one(("", "\n\n", "\r\n", " "))
        return dataclasses.replace(request, body=Lines(tuple(items), end))

    def spoil_method(self, request):
        return dataclasses.replace(request, method=self.one(METHODS))

    def spoil_content_type(self, request):
        return dataclasses.replace(request, headers=(("Content-Type", self.one(CONTENT_TYPES + (None,))),))

    def spoil_header(self, request):
        return dataclasses.replace(request, headers=request.headers + (("If-Match", self.one(IF_MATCH)),))

    def spoil_path(self, request):
        parts = request.path.split("/")
        if self.chance(0.5) and len(parts) > 1 and parts[1].startswith("@"):
            parts[1] = self.one(BAD_NAMES)
            # What all indices would be named by is not deleted, nor changed: others may be there.
            reads = request.method in ("GET", "HEAD")
            if parts[1] == "_all" and not (reads and self.alone) or parts[1] == "@*" and not reads:
                parts[1] = "@A"
        else:
            parts = ["", self.one(("@a", "@b")), self.one(ENDPOINTS)]
        return dataclasses.replace(request, path="/".join(parts))
