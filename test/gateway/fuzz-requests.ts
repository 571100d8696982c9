import fc from "fast-check";
import { token } from "./token.ts";

/** A request that nobody thought of. */
export interface Fuzzed {
  readonly method: string;
  /** Path and query, in characters that HTTP allows. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** Whether it carries the token as the protocol wants it. */
  readonly authorised: boolean;
}

/** What the fuzzed gateway takes at most, so that small bodies exceed it. */
export const maxBody = 65_536;

const utf8 = new TextEncoder();
const anyText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c", "{x}:1", "ü", "", "0", "1", "-1", "*", "k/k", "OK") },
  { weight: 2, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
);

const header = "#!lua flags=allow-key-locking";
const scripts = fc.constantFrom(
  "return 1",
  "return {1,'OK',{redis.call('PING')},false}",
  "return redis.call('GET', KEYS[1])",
  `${header}\nreturn #KEYS`,
  "#!lua flags=no-writes,allow-key-locking\nreturn ARGV[1]",
  `${header}\nreturn redis.error_reply('MINE broken')`,
  "#!lua flags=nobody-knows\nreturn 1",
  "return nothing.at.all",
  "#!",
);

// What a server survives: SETRANGE and the like could ask it for 512 MB. What the gateway must refuse is asked for often.
const names = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ..."GET SET DEL INCR INCRBY MGET MSET HSET HGETALL HINCRBY LPUSH LRANGE LPOP ZADD ZRANGE ZSCORE SADD SMEMBERS EXPIRE".split(
        " ",
      ),
      ..."TTL TYPE EXISTS XADD XREAD XRANGE SCAN KEYS DBSIZE FLUSHALL PING ECHO PUBLISH get hset zrange".split(" "),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom("EVAL", "EVALSHA", "EVAL_RO", "SCRIPT", "eval", "FUNCTION", "FCALL") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ..."MULTI EXEC WATCH DISCARD SUBSCRIBE PSUBSCRIBE MONITOR CLIENT AUTH HELLO SELECT QUIT RESET BLPOP BZPOPMIN WAIT".split(
        " ",
      ),
      ..."SHUTDOWN DEBUG CONFIG ACL SAVE REPLICAOF CLUSTER shutdown multi".split(" "),
    ),
  },
  { weight: 1, arbitrary: anyText },
);

const scalar = fc.oneof(
  { weight: 6, arbitrary: anyText },
  { weight: 2, arbitrary: fc.integer({ min: -1_000, max: 100_000 }) },
  { weight: 1, arbitrary: fc.oneof(fc.boolean(), fc.double({ noNaN: true, min: -1e6, max: 1e6 })) },
);

const options = fc.constantFrom(
  "EX",
  "NX",
  "WITHSCORES",
  "BLOCK",
  "STREAMS",
  "COUNT",
  "LOAD",
  "EXISTS",
  "FLUSH",
  "MATCH",
);
const argument = fc.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 2, arbitrary: options },
  { weight: 1, arbitrary: scripts },
);
const command = fc.tuple(names, fc.array(argument, { maxLength: 5 })).map(([name, rest]): unknown[] => [name, ...rest]);
const script = fc
  .tuple(
    fc.constantFrom("EVAL", "EVALSHA", "EVAL_RO"),
    scripts,
    fc.constantFrom(0, 1, 2, -1, "x"),
    fc.array(anyText, { maxLength: 3 }),
  )
  .map(([name, lua, count, rest]): unknown[] => [name, lua, count, ...rest]);
const anyCommand = fc.oneof({ weight: 5, arbitrary: command }, { weight: 1, arbitrary: script });

/** What is not quite a command. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(null, true, 7, "get", {}, [], [[]], [[[]]], [null], [["get", null]], [["get", {}], 1], {
    result: 1,
  }),
  fc.array(fc.oneof(anyCommand, fc.constant(null), fc.constant([])), { maxLength: 3 }),
);

const json = fc
  .oneof(
    { weight: 5, arbitrary: anyCommand },
    { weight: 5, arbitrary: fc.array(anyCommand, { maxLength: 6 }) },
    { weight: 2, arbitrary: strange },
  )
  .map((value) => JSON.stringify(value));

/** JSON with a piece cut out or put in. */
const damaged = fc
  .tuple(json, fc.nat(), fc.nat({ max: 3 }), fc.constantFrom("", '"', "\\", "[", "]", "{", "0", "\u0000", "é", ","))
  .map(([text, at, cut, put]) => text.slice(0, at % text.length) + put + text.slice((at % text.length) + cut));

const large = fc
  .tuple(fc.constantFrom("x", "[", '"', "[],", "ü", '["GET","', "1"), fc.constantFrom(1_000, maxBody, maxBody * 2))
  .map(([piece, size]) => piece.repeat(size / piece.length));

const body = fc.oneof(
  { weight: 30, arbitrary: json.map((text) => utf8.encode(text)) },
  { weight: 8, arbitrary: damaged.map((text) => utf8.encode(text)) },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 2, arbitrary: large.map((text) => utf8.encode(text)) },
);

const segment = fc.oneof(
  { weight: 6, arbitrary: anyText.map(encodeSegment) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("%", "%zz", "%ff", "%2F", "%00", "..", ".", "+", "%F0%9F%98%80", "a=b", ";"),
  },
);
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("?", "?EX=10", "?NX&EX=5", "?&&=", "?a=%ff", "?_token=", "?_token=no", "?%5ftoken=x"),
  },
);
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constant("/") },
  { weight: 4, arbitrary: fc.constantFrom("/pipeline", "/multi-exec") },
  {
    weight: 4,
    arbitrary: fc
      .tuple(names, fc.array(segment, { maxLength: 4 }))
      .map(([name, rest]) => `/${[encodeSegment(name), ...rest].join("/")}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "/subscribe/x",
      "/psubscribe/x*",
      "/monitor",
      "/pipeline/",
      "//",
      "/%70ipeline",
      "/Multi-Exec",
    ),
  },
);

function encodeSegment(text: string): string {
  // A lone surrogate has no encoding.
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\uFFFD"));
}

const method = fc.oneof(
  { weight: 12, arbitrary: fc.constant("POST") },
  { weight: 4, arbitrary: fc.constantFrom("GET", "PUT", "HEAD") },
  { weight: 1, arbitrary: fc.constantFrom("DELETE", "PATCH", "OPTIONS", "PROPFIND", "SEARCH") },
);

interface Credentials {
  readonly header: string | null;
  readonly inQuery: boolean;
  readonly authorised: boolean;
}

const credentials = fc.oneof<fc.MaybeWeightedArbitrary<Credentials>[]>(
  { weight: 14, arbitrary: fc.constant({ header: `Bearer ${token}`, inQuery: false, authorised: true }) },
  { weight: 1, arbitrary: fc.constant({ header: null, inQuery: true, authorised: true }) },
  { weight: 1, arbitrary: fc.constant({ header: `Bearer ${token}`, inQuery: true, authorised: true }) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(null, "", "Bearer", `Bearer ${token}x`, `Basic ${token}`, "Bearer \u00ff", "a".repeat(5_000))
      .map((header) => ({ header, inQuery: false, authorised: false })),
  },
  { weight: 1, arbitrary: fc.constant({ header: "Bearer no", inQuery: true, authorised: false }) },
);

const extraHeaders = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Record<string, string>>({}) },
  { weight: 5, arbitrary: fc.constant<Record<string, string>>({ "upstash-encoding": "base64" }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, string>>(
      { "upstash-encoding": "gzip" },
      { "upstash-response-format": "resp2" },
      { "upstash-response-format": "json", "upstash-sync-token": "x".repeat(1_000) },
      { "content-type": "text/html; charset=utf-16" },
      { "content-encoding": "gzip" },
      { "upstash-encoding": "base64", "x-junk": "\u00e9\t~" },
    ),
  },
);

/** Commands that Redis understands, if their keys hold what they want. */
const soundCommand = fc
  .tuple(
    fc.constantFrom(
      ..."GET k|SET k v|SET k v EX 5 NX|DEL k|INCRBY n 7|MGET k h n|EXPIRE k 9|TTL k|HSET h f v|HGETALL h|ZADD z 1.5 v|SADD s v".split(
        "|",
      ),
      ..."ZRANGE z 0 -1 WITHSCORES|LPUSH l v|LRANGE l 0 -1|SMEMBERS s|XADD x * f v|XREAD STREAMS x 0|SCAN 0|KEYS *|FLUSHALL|PING".split(
        "|",
      ),
      ..."EVAL return{KEYS[1],ARGV[1],1} 1 k v|SCRIPT FLUSH|SCRIPT EXISTS v|PUBLISH k v|TYPE h|DBSIZE|ECHO v|EXISTS k".split(
        "|",
      ),
    ),
    anyText,
  )
  .map(([words, value]): unknown[] => words.split(" ").map((word) => (word === "v" ? value : word)));

const sound = fc.oneof(
  soundCommand.map((words) => ({ path: "/", json: JSON.stringify(words) })),
  fc
    .tuple(fc.constantFrom("/pipeline", "/multi-exec"), fc.array(soundCommand, { minLength: 1, maxLength: 6 }))
    .map(([path, lists]) => ({ path, json: JSON.stringify(lists) })),
);
const soundRequest = fc
  .tuple(fc.constantFrom("POST", "PUT"), sound, credentials, extraHeaders)
  .map(([method, { path, json }, given, extra]) => requestOf(method, path, "", given, extra, utf8.encode(json)));

const wildRequest = fc
  .tuple(method, path, query, credentials, extraHeaders, body)
  .map(([method, path, query, given, extra, body]) => requestOf(method, path, query, given, extra, body));

/** Requests of every kind, from the ordinary to the absurd. */
export const fuzzedRequest: fc.Arbitrary<Fuzzed> = fc.oneof(
  { weight: 2, arbitrary: soundRequest },
  { weight: 3, arbitrary: wildRequest },
);

function requestOf(
  method: string,
  path: string,
  query: string,
  { header, inQuery, authorised }: Credentials,
  extra: Record<string, string>,
  body: Uint8Array,
): Fuzzed {
  return {
    method,
    target: inQuery ? `${path}?_token=${token}${query.replace("?", "&")}` : path + query,
    headers: { ...extra, ...(header !== null && { authorization: header }) },
    body: method === "GET" || method === "HEAD" ? null : body,
    authorised,
  };
}
