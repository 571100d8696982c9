import { describe, expect, it } from "vitest";
import { openScene, type Ask } from "./open-gateway.ts";
import { asBase64, bearer, token } from "./token.ts";

const scene = openScene();

type Row = readonly [path: string, ask: Ask, status: number, body: string];

const post = (body: string, headers: Record<string, string> = bearer): Ask => ({ method: "POST", body, headers });
const put = (body: string): Ask => ({ method: "PUT", body });
const get: Ask = {};

/** Rows run in order: what one writes, a later one reads. */
function table(title: string, rows: readonly Row[]): void {
  describe.each([title])("%s", () => {
    it.each(rows.map(([path, ask, status, body]) => ({ path, ask, status, body })))(
      "$ask.method $path $ask.body → $status $body",
      async ({ path, ask, status, body }) => {
        const answer = await scene.ask(path, ask);
        expect({ status: answer.status, body: answer.text }).toEqual({ status, body });
        expect(answer.headers.get("content-type")).toBe("application/json");
      },
    );
  });
}

const sets = '["SET","foo","bar"]';

table("one command in the body", [
  ["/", post(sets), 200, '{"result":"OK"}'],
  ["/", put(sets), 200, '{"result":"OK"}'],
  ["/", post('["get","foo"]'), 200, '{"result":"bar"}'],
  ["/", post('["get","foo"]', asBase64), 200, '{"result":"YmFy"}'],
  ["/", post(sets, asBase64), 200, '{"result":"OK"}'],
  ["/", post('["get","none"]'), 200, '{"result":null}'],
  ["/", post('["get","none"]', asBase64), 200, '{"result":null}'],
  ["/", post('["incrby","n",137]'), 200, '{"result":137}'],
  ["/", post('["incrby","n",0]', asBase64), 200, '{"result":137}'],
  ["/", post('["mset","a","value1","b","value2"]'), 200, '{"result":"OK"}'],
  ["/", post('["mget","a","none","b"]'), 200, '{"result":["value1",null,"value2"]}'],
  ["/", post('["mget","a","none","b"]', asBase64), 200, '{"result":["dmFsdWUx",null,"dmFsdWUy"]}'],
  ["/", post('["set","u","ü€😀"]'), 200, '{"result":"OK"}'],
  ["/", post('["get","u"]'), 200, '{"result":"ü€😀"}'],
  ["/", post('["get","u"]', asBase64), 200, '{"result":"w7zigqzwn5iA"}'],
  ["/", post('["hset","h","f","1","g","2"]'), 200, '{"result":2}'],
  ["/", post('["hgetall","h"]'), 200, '{"result":["f","1","g","2"]}'],
  ["/", post('["zadd","z",1.5,"m"]'), 200, '{"result":1}'],
  ["/", post('["zrange","z",0,-1,"WITHSCORES"]'), 200, '{"result":["m","1.5"]}'],
  ["/", post('["ping"]'), 200, '{"result":"PONG"}'],
  ["/", post('["ping"]', asBase64), 200, '{"result":"UE9ORw=="}'],
]);

table("what is a bare OK, and what is not", [
  ["/", post('["eval","return {redis.call(\'SET\',KEYS[1],1)}",1,"ok"]', asBase64), 200, '{"result":["T0s="]}'],
  ["/", post('["eval","return {{\'OK\'}}",0]', asBase64), 200, '{"result":[["T0s="]]}'],
  ["/pipeline", post('[["set","ok",1]]', asBase64), 200, '[{"result":"OK"}]'],
]);

table("numbers keep the text that was sent", [
  ["/", post('["echo",9007199254740993]'), 200, '{"result":"9007199254740993"}'],
  ["/", post('["echo",1e21]'), 200, '{"result":"1e21"}'],
  ["/", post('["echo",1.0]'), 200, '{"result":"1.0"}'],
  ["/", post('["echo",-0]'), 200, '{"result":"-0"}'],
  ["/", post('["echo", -1.5E-3 ]'), 200, '{"result":"-1.5E-3"}'],
  ["/", post('["echo","1 \\"2\\\\"]'), 200, '{"result":"1 \\"2\\\\"}'],
  ["/", post('["echo",true]'), 200, '{"result":"true"}'],
  ["/pipeline", post('[["echo",1e400],["echo",false]]'), 200, '[{"result":"1e400"},{"result":"false"}]'],
]);

table("big integers are digits, and exact", [
  ["/", post('["incrby","big",9007199254740991]'), 200, '{"result":9007199254740991}'],
  ["/", post('["incr","big"]'), 200, '{"result":9007199254740992}'],
  ["/", post('["incr","big"]'), 200, '{"result":9007199254740993}'],
  ["/", post('["incr","big"]', asBase64), 200, '{"result":9007199254740994}'],
  ["/", post('["decrby","low",9223372036854775807]'), 200, '{"result":-9223372036854775807}'],
]);

const unavailable = (name: string) =>
  `{"error":"ERR Command is not available: '${name}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details"}`;
const unparsed = '{"error":"ERR failed to parse command"}';
const unparsedPipeline = '{"error":"ERR failed to parse pipeline request"}';
const unparsedTransaction = '{"error":"ERR failed to parse transaction request"}';

table("what is no command", [
  ["/", post(""), 400, unparsed],
  ["/", post("[]"), 400, '{"error":"ERR empty command"}'],
  ["/", post('[""]'), 400, '{"error":"ERR empty command"}'],
  ["/", post('["get"'), 400, unparsed],
  ["/", post("get foo"), 400, unparsed],
  ["/", post('"get"'), 400, unparsed],
  ["/", post("7"), 400, unparsed],
  ["/", post('{"get":"foo"}'), 400, unparsed],
  ["/", post('["get",null]'), 400, unparsed],
  ["/", post('["set","k",{"a":1}]'), 400, unparsed],
  ["/", post('["set","k",[1]]'), 400, unparsed],
  ["/", post('["echo",01]'), 400, unparsed],
  ["/", post('["echo",+1]'), 400, unparsed],
  ["/", post('["echo",1.]'), 400, unparsed],
  ["/", post('["echo",NaN]'), 400, unparsed],
  ["/", post('["echo","a]'), 400, unparsed],
  ["/", post('[["get","foo"]]'), 400, unparsed],
  ["/pipeline", post(""), 400, unparsedPipeline],
  ["/pipeline", post("[]"), 400, '{"error":"ERR empty pipeline request"}'],
  ["/pipeline", post('["get","foo"]'), 400, unparsedPipeline],
  ["/pipeline", post('[["get",null]]'), 400, unparsedPipeline],
  ["/pipeline", post('[["get",["x"]]]'), 400, unparsedPipeline],
  ["/pipeline", post('{"0":["get","x"]}'), 400, unparsedPipeline],
  ["/multi-exec", post("[]"), 400, '{"error":"ERR empty transaction request"}'],
  ["/multi-exec", post("{"), 400, unparsedTransaction],
  ["/multi-exec", post('[["get",{}]]'), 400, unparsedTransaction],
]);

table("a pipeline answers each command in its place", [
  [
    "/pipeline",
    post('[["set","p","x"],["incr","p"],[],["get","p"],["nope"],["multi"],["get","none"]]', asBase64),
    200,
    '[{"result":"OK"},{"error":"ERR value is not an integer or out of range"},{"error":"ERR empty pipeline command"},' +
      '{"result":"eA=="},{"error":"ERR Command is not available: \'NOPE\'. ' +
      'See https://upstash.com/docs/redis/overall/rediscompatibility for details"},' +
      '{"error":"ERR Command \\"MULTI\\" is not allowed in REST or it has a special context path"},{"result":null}]',
  ],
  ["/pipeline", post("[[]]"), 200, '[{"error":"ERR empty pipeline command"}]'],
  ["/PipeLine", post('[["ping"]]'), 200, '[{"result":"PONG"}]'],
]);

table("a transaction is all or nothing", [
  [
    "/multi-exec",
    post('[["set","t",1],["incr","t"],["get","t"]]'),
    200,
    '[{"result":"OK"},{"result":2},{"result":"2"}]',
  ],
  [
    "/multi-exec",
    post('[["set","t","x"],["incr","t"],["get","t"]]'),
    200,
    '[{"result":"OK"},{"error":"ERR value is not an integer or out of range"},{"result":"x"}]',
  ],
  ["/multi-exec", post('[["set","t","lost"],["nope"]]'), 400, unavailable("NOPE")],
  [
    "/multi-exec",
    post('[["set","t","lost"],["blpop","t",0]]'),
    400,
    '{"error":"ERR Command \\"BLPOP\\" is not allowed in REST or it has a special context path"}',
  ],
  ["/multi-exec", post('[["set","t","lost"],[]]'), 400, '{"error":"ERR empty command"}'],
  ["/get/t", get, 200, '{"result":"x"}'],
]);

table("commands in the path", [
  ["/set/foo/bar", get, 200, '{"result":"OK"}'],
  ["/get/foo", get, 200, '{"result":"bar"}'],
  ["/GET/foo", { headers: asBase64 }, 200, '{"result":"YmFy"}'],
  ["/set/foo", post("raw \n body"), 200, '{"result":"OK"}'],
  ["/get/foo", get, 200, '{"result":"raw \\n body"}'],
  ["/set/foo?EX=100", put("VALUE"), 200, '{"result":"OK"}'],
  ["/ttl/foo", get, 200, '{"result":100}'],
  ["/set/foo/x?NX", get, 200, '{"result":null}'],
  ["/set/foo/x?NX=", get, 200, '{"result":null}'],
  ["/set/foo/x?XX&EX=7&GET", get, 200, '{"result":"VALUE"}'],
  ["/ttl/foo", get, 200, '{"result":7}'],
  ["/set/a%2Fb/c%20d%3F", get, 200, '{"result":"OK"}'],
  ["/get/a%2Fb", get, 200, '{"result":"c d?"}'],
  ["/echo/a+b%2B", get, 200, '{"result":"a+b+"}'],
  ["/echo/%C3%BC", get, 200, '{"result":"ü"}'],
  ["/echo/", get, 200, '{"result":""}'],
  ["/echo/x", post(""), 200, '{"result":"x"}'],
  ["/strlen/foo", post(""), 200, '{"result":1}'],
  ["/echo/%zz", get, 400, unparsed],
  ["/echo/%f", get, 400, unparsed],
  ["/echo?%zz", get, 400, unparsed],
  ["/echo/%ff", { headers: asBase64 }, 200, '{"result":"/w=="}'],
  ["/echo?%ff", { headers: asBase64 }, 200, '{"result":"/w=="}'],
  ["//x", get, 400, '{"error":"ERR empty command"}'],
  ["/incr/foo", get, 400, '{"error":"ERR value is not an integer or out of range"}'],
  ["/lpush/foo/x", get, 400, '{"error":"WRONGTYPE Operation against a key holding the wrong kind of value"}'],
  ["/publish/ch/hello", get, 200, '{"result":0}'],
]);

const notAllowed = '{"error":"ERR method not allowed"}';
const wantsPost = '{"error":"ERR method not allowed: this path wants POST"}';
const noFormat = '{"error":"ERR this gateway answers in JSON only; remove the header Upstash-Response-Format"}';

const noSubscriber = (word: string) =>
  `{"error":"ERR /${word} is not served by this gateway: createGateway needs a \`subscriber\` for it"}`;

table("methods, formats and paths that are not served", [
  ["/get/foo", { method: "DELETE" }, 405, notAllowed],
  ["/get/foo", { method: "OPTIONS" }, 405, notAllowed],
  ["/", { method: "PATCH", body: sets }, 405, notAllowed],
  ["/", get, 405, wantsPost],
  ["/pipeline", get, 405, wantsPost],
  ["/multi-exec", get, 405, wantsPost],
  ["/get/foo", { headers: { ...bearer, "upstash-response-format": "resp2" } }, 400, noFormat],
  ["/get/foo", { headers: { ...bearer, "upstash-response-format": "json" } }, 200, '{"result":"x"}'],
  ["/subscribe/ch", post("[]"), 404, noSubscriber("subscribe")],
  ["/PSUBSCRIBE/ch*", post("[]"), 404, noSubscriber("psubscribe")],
  ["/monitor", post("[]"), 404, '{"error":"ERR /monitor is not served by this gateway"}'],
]);

const inRest = (name: string) => `ERR Command "${name}" is not allowed in REST or it has a special context path`;
const absent = (name: string) =>
  `ERR Command is not available: '${name}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`;

describe("commands that no REST request may run", () => {
  const connection =
    "AUTH MULTI EXEC DISCARD WATCH UNWATCH HELLO RESET QUIT SELECT SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE " +
    "SUNSUBSCRIBE CLIENT MONITOR SYNC PSYNC REPLCONF READONLY READWRITE ASKING";
  const blocking = "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF";
  it.each(`${connection} ${blocking}`.split(" "))("%s, in any case", async (name) => {
    for (const spelling of [name, name.toLowerCase()]) {
      const { status, text } = await scene.command(spelling, "x", "0");
      expect({ status, error: JSON.parse(text).error }).toEqual({ status: 400, error: inRest(name) });
    }
  });

  it.each([
    [["XREAD", "BLOCK", "0", "STREAMS", "s", "$"]],
    [["xread", "count", "1", "block", "0", "streams", "s", "$"]],
    [["XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"]],
    [["XREADGROUP", "NOACK", "BLOCK", "0", "GROUP", "g", "c", "STREAMS", "s", ">"]],
  ])("%j waits", async (words) => {
    const { status, text } = await scene.command(...words);
    expect({ status, error: JSON.parse(text).error }).toEqual({
      status: 400,
      error: inRest(String(words[0]).toUpperCase()),
    });
  });

  it("lets a stream, a group and a consumer be called BLOCK", async () => {
    await scene.command("XADD", "BLOCK", "1-0", "f", "v");
    expect((await scene.command("XREAD", "STREAMS", "BLOCK", "0")).text).toBe(
      '{"result":[["BLOCK",[["1-0",["f","v"]]]]]}',
    );
    await scene.command("XGROUP", "CREATE", "BLOCK", "BLOCK", "0");
    const read = await scene.command("XREADGROUP", "GROUP", "BLOCK", "BLOCK", "COUNT", 1, "STREAMS", "BLOCK", ">");
    expect(read.text).toBe('{"result":[["BLOCK",[["1-0",["f","v"]]]]]}');
  });

  it.each(
    "SHUTDOWN DEBUG CONFIG ACL SAVE BGSAVE BGREWRITEAOF REPLICAOF SLAVEOF FAILOVER CLUSTER MODULE MIGRATE SWAPDB".split(
      " ",
    ),
  )("%s, which runs the server and not the data", async (name) => {
    const { status, text } = await scene.command(name, "GET", "x");
    expect({ status, error: JSON.parse(text).error }).toEqual({ status: 400, error: absent(name) });
  });

  it("SCRIPT DEBUG, but not the rest of SCRIPT", async () => {
    expect(JSON.parse((await scene.command("script", "debug", "yes")).text).error).toBe(inRest("SCRIPT DEBUG"));
    expect((await scene.command("SCRIPT", "FLUSH")).text).toBe('{"result":"OK"}');
  });
});

describe("every response", () => {
  it("carries a sync token that differs from the one before, refusals included", async () => {
    const asks: readonly [string, Ask][] = [
      ["/", post(sets)],
      ["/pipeline", post(`[${sets}]`)],
      ["/get/foo", { headers: {} }],
      ["/", { method: "DELETE" }],
      ["/nope", get],
    ];
    const answers = await Promise.all(asks.map(([path, ask]) => scene.ask(path, ask)));
    const seen = answers.map(({ headers }) => headers.get("upstash-sync-token"));
    expect(seen.every(Boolean)).toBe(true);
    expect(new Set(seen).size).toBe(asks.length);
  });

  it("has no body for HEAD, and runs the command", async () => {
    const { status, text } = await scene.ask("/set/head/1", { method: "HEAD" });
    expect({ status, text }).toEqual({ status: 200, text: "" });
    expect((await scene.command("GET", "head")).text).toBe('{"result":"1"}');
  });

  it("says which methods there are when one is refused", async () => {
    expect((await scene.ask("/", { method: "DELETE" })).headers.get("allow")).toBe("GET, HEAD, POST, PUT");
  });

  it("takes bodies of any content type", async () => {
    const headers = { ...bearer, "content-type": "application/x-www-form-urlencoded" };
    expect((await scene.ask("/", { method: "POST", body: sets, headers })).text).toBe('{"result":"OK"}');
  });

  it("keeps a leading byte order mark and a NUL", async () => {
    await scene.ask("/set/bom", { method: "POST", body: "\uFEFFa\0b" });
    expect(JSON.parse((await scene.command("GET", "bom")).text).result).toBe("\uFEFFa\0b");
  });

  it("never contains the token", async () => {
    const answers = await Promise.all([
      scene.ask(`/get/x?_token=${token}`, { headers: {} }),
      scene.ask(`/nope?_token=${token}`, { headers: {} }),
      scene.ask(`/get/x?_token=${token}x`, { headers: {} }),
      scene.ask("/", { method: "POST", body: "{", headers: bearer }),
    ]);
    for (const { text, headers } of answers) expect(text + JSON.stringify([...headers])).not.toContain(token);
  });
});
