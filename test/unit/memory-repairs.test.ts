import { createHash } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { memory } from "../../src/adapters/memory/index.ts";

/** Each of these answers is another one on the engine as it comes. */
describe("what the embedded engine does as Redis does", () => {
  function open() {
    const redis = memory({ timeout: 30_000 });
    onTestFinished(redis.close);
    return (...command: [string, ...(string | number)[]]) => redis.send(command);
  }
  const evaluate = (script: string, ...args: (string | number)[]) => open()("EVAL", script, 0, ...args);

  it("formats whole numbers of 53 bits", async () => {
    expect(await evaluate("return string.format('%d|%5d|%i|%s', 1795722565954, 2, -2^40, 'x')")).toBe(
      "1795722565954|    2|-1099511627776|x",
    );
    expect(await evaluate("return string.format('100%% of %d', 2^31)")).toBe("100% of 2147483648");
  });

  it("hands numbers to commands with 17 digits", async () => {
    expect(await evaluate("redis.call('SET', 'k', 2^53) return redis.call('GET', 'k')")).toBe("9007199254740992");
    expect(await evaluate("redis.call('SET', 'k', 0.1) return redis.call('GET', 'k')")).toBe("0.10000000000000001");
    expect(await evaluate("return redis.pcall('SET', 'k', 2^53).ok")).toBe("OK");
  });

  it("tells microseconds, which grow", async () => {
    expect(await evaluate("local a, b = redis.call('TIME'), redis.call('TIME') return a[2] ~= b[2]")).toBe(1);
  });

  it("scans what was there when the scan began", async () => {
    const redis = open();
    for (let i = 0; i < 100; i += 1) await redis("SET", `k${i}`, "v");
    let cursor = "0";
    let found = 0;
    do {
      const [next, keys] = (await redis("SCAN", cursor, "COUNT", 10, "MATCH", "k*")) as [string, string[]];
      for (const key of keys) found += Number(await redis("DEL", key));
      cursor = next;
    } while (cursor !== "0");
    expect(found).toBe(100);
    expect(await redis("EVAL", "return redis.call('SCAN', 0)", 0)).toEqual(["0", []]);
    await redis("SADD", "s", "m");
    expect(await redis("SCAN", 0, "TYPE", "set")).toEqual(["0", ["s"]]);
  });

  it("reads the header of a script, and refuses flags that 7.0 does not know", async () => {
    expect(await evaluate("#!lua flags=no-writes\nreturn 1")).toBe(1);
    await expect(evaluate("#!lua flags=allow-key-locking\nreturn 1")).rejects.toThrow(
      "ERR Unexpected flag in script shebang: allow-key-locking",
    );
  });

  it("names the script and the line of an error", async () => {
    const script = "#!lua\nlocal a = 1\nredis.call('INCRBY', 'k', 'x')\nreturn a";
    const sha = createHash("sha1").update(script).digest("hex");
    await expect(evaluate(script)).rejects.toThrow(`script: ${sha}, on @user_script:3.`);
  });

  it("raises a table, and returns one from pcall", async () => {
    const caught = "local ok, raised = pcall(redis.call, 'INCRBY', 'k', 'x') return {tostring(ok), raised.err}";
    expect(await evaluate(caught)).toEqual(["false", "ERR value is not an integer or out of range"]);
    await expect(evaluate("\nerror({ err = 'MINE my words' })")).rejects.toMatchObject({
      code: "MINE",
      message: expect.stringMatching(/^MINE my words script: [0-9a-f]{40}, on @user_script:2\.$/),
    });
    await expect(evaluate("return y")).rejects.toThrow("nonexistent global variable 'y'");
  });

  it("acknowledges nothing where there is no group", async () => {
    const redis = open();
    expect(await redis("XACK", "none", "group", "1-0")).toBe(0);
    await redis("XADD", "s", "1-0", "f", "v");
    expect(await redis("XACK", "s", "group", "1-0")).toBe(0);
  });

  it("has no consumers where nothing is pending", async () => {
    const redis = open();
    await redis("XGROUP", "CREATE", "s", "group", 0, "MKSTREAM");
    expect(await redis("XPENDING", "s", "group")).toEqual([0, null, null, null]);
  });

  it("takes times of more than 53 bits", async () => {
    const redis = open();
    for (const command of ["SET", "PEXPIRE"]) {
      await redis(command, "k", ...(command === "SET" ? ["v", "PX"] : []), "9100000000000000");
      expect(await redis("PTTL", "k")).toBeGreaterThan(7e15);
    }
    await redis("SET", "k", "9100000000000000");
    expect(await redis("GET", "k")).toBe("9100000000000000");
  });

  it("takes a member of a set by chance inside a script", async () => {
    for (const command of ["SPOP", "SRANDMEMBER"]) {
      expect(await evaluate(`redis.call('SADD', 's', 'm') return redis.call('${command}', 's')`)).toBe("m");
    }
  });

  it("counts in texts who has something pending", async () => {
    const redis = open();
    await redis("XADD", "s", "1-0", "f", "v");
    await redis("XGROUP", "CREATE", "s", "group", 0);
    await redis("XREADGROUP", "GROUP", "group", "ada", "STREAMS", "s", ">");
    expect(await redis("XPENDING", "s", "group")).toEqual([1, "1-0", "1-0", [["ada", "1"]]]);
  });

  it("trims a stream to an exact length", async () => {
    const redis = open();
    for (const id of ["1-0", "2-0", "3-0"]) await redis("XADD", "s", "MAXLEN", "=", 2, id, "f", "v");
    expect(await redis("XLEN", "s")).toBe(2);
    expect(await redis("XTRIM", "s", "MINID", "=", 3)).toBe(1);
    await redis("XADD", "s", "4-0", "=", "MAXLEN", "=", "=");
    expect(await redis("XREVRANGE", "s", "+", "-", "COUNT", 1)).toEqual([["4-0", ["=", "MAXLEN", "=", "="]]]);
  });

  it("knows a bound without a sign as infinite", async () => {
    const redis = open();
    await redis("ZADD", "z", 1, "one", "inf", "endless");
    expect(await redis("ZCOUNT", "z", "(1", "inf")).toBe(1);
    expect(await redis("EVAL", "return redis.call('ZCOUNT', 'z', -math.huge, math.huge)", 0)).toBe(2);
    expect(await redis("ZRANGE", "z", "Infinity", "-INF", "BYSCORE", "REV")).toEqual(["endless", "one"]);
  });

  it("spells scores with 17 digits", async () => {
    const redis = open();
    for (const [score, spelt] of [
      ["0.1", "0.10000000000000001"],
      ["1795722565954123", "1795722565954123"],
      ["1e20", "1e+20"],
      ["0.00001", "1.0000000000000001e-05"],
      ["123456789012345680", "1.2345678901234568e+17"],
      ["-2.5", "-2.5"],
      ["inf", "inf"],
    ] as const) {
      await redis("ZADD", "z", score, "m");
      expect(await redis("ZSCORE", "z", "m"), score).toBe(spelt);
      expect(await redis("ZRANGE", "z", 0, -1, "WITHSCORES")).toEqual(["m", spelt]);
      expect(await redis("EVAL", "return redis.call('ZSCORE', 'z', 'm')", 0)).toBe(spelt);
    }
    const transaction = memory();
    onTestFinished(transaction.close);
    expect(await transaction.transaction([["ZINCRBY", "z", "0.1", "m"]])).toEqual(["0.10000000000000001"]);
  });

  it("takes the first byte of a text whose beginning a range ends before", async () => {
    const redis = open();
    await redis("SET", "k", "abc");
    expect(await redis("GETRANGE", "k", 0, -9)).toBe("a");
    expect(await redis("GETRANGE", "k", -9, -8)).toBe("a");
    expect(await redis("GETRANGE", "k", -8, -9)).toBe("");
  });

  it("stores a set over something else, with no time to live", async () => {
    const redis = open();
    await redis("SADD", "s", "m");
    await redis("SET", "text", "v", "PX", 60_000);
    expect(await redis("SUNIONSTORE", "text", "s")).toBe(1);
    expect(await redis("PTTL", "text")).toBe(-1);
    expect(await redis("ZUNIONSTORE", "s", 1, "s")).toBe(1);
    expect(await redis("TYPE", "s")).toBe("zset");
  });

  it("adds floating numbers of 64 bits", async () => {
    const redis = open();
    await redis("SET", "k", "0.1", "PX", 60_000);
    expect(await redis("INCRBYFLOAT", "k", "0.2")).toBe("0.3");
    expect(await redis("INCRBYFLOAT", "k", "9223372036854775807")).toBe("9223372036854775807.5");
    expect(await redis("PTTL", "k")).toBeGreaterThan(0);
    await redis("HSET", "h", "f", "-1e-17");
    expect(await redis("HINCRBYFLOAT", "h", "f", "100000.1")).toBe("100000.10000000000000142");
    expect(await redis("HGET", "h", "f")).toBe("100000.10000000000000142");
    await expect(redis("INCRBYFLOAT", "k", "x")).rejects.toThrow("not a valid float");
    expect(await redis("GET", "k")).toBe("9223372036854775807.5");
  });

  it("estimates how many members there are to the same number", async () => {
    const redis = open();
    const members = Array.from({ length: 1_000 }, (_, i) => `member-é${i}`);
    expect(await redis("PFADD", "k", ...members)).toBe(1);
    expect(await redis("PFADD", "k", ...members)).toBe(0);
    expect(await redis("PFCOUNT", "k")).toBe(1_007);
    await redis("PFADD", "empty");
    expect(await redis("PFMERGE", "both", "k", "empty", "none")).toBe("OK");
    expect(await redis("PFCOUNT", "both", "empty", "none")).toBe(1_007);
    expect(await redis("PFCOUNT", "none")).toBe(0);
    await redis("SET", "text", "v");
    await expect(redis("PFADD", "text", "m")).rejects.toThrow("WRONGTYPE Key is not a valid HyperLogLog");
  });

  it("has ECHO", async () => {
    expect(await open()("ECHO", "hello")).toBe("hello");
  });

  it("counts commands, also those of scripts", async () => {
    const redis = open();
    await redis("CONFIG", "RESETSTAT");
    await redis("EVAL", "redis.call('SET', 'k', 'v') return redis.call('GET', 'k')", 0);
    const stats = String(await redis("INFO", "commandstats"));
    expect(stats).toMatch(/^cmdstat_set:calls=1/m);
    expect(stats).toMatch(/^cmdstat_eval:calls=1/m);
  });
});
