import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { days, seconds } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import {
  createCsrf,
  createSessionCookies,
  isSameOrigin,
  type SessionCookieOptions,
} from "../../src/core/patterns/session/index.ts";
import { readCookies } from "../../src/core/patterns/session/http/cookie-header.ts";
import { createCookie } from "../../src/core/patterns/session/http/set-cookie.ts";

describe("the session's cookie", () => {
  it("is out of reach of scripts, of plain HTTP, of subdomains and of other sites' forms by default", () => {
    const cookie = createCookie({});
    expect(cookie.set("abc")).toBe("__Host-session=abc; Path=/; HttpOnly; Secure; SameSite=Lax");
    expect(cookie.clear()).toEqual(["__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"]);
  });

  it("says what the options say", () => {
    const options = { name: "sid", domain: "example.org", path: "/app", sameSite: "Strict", secure: false } as const;
    expect(createCookie(options).set("abc", seconds(90))).toBe(
      "sid=abc; Max-Age=90; Path=/app; Domain=example.org; HttpOnly; SameSite=Strict",
    );
    expect(createCookie({}).set("abc", days(1_000))).toContain("Max-Age=34560000");
  });

  it.each<SessionCookieOptions>([
    { name: "" },
    { name: "a b" },
    { name: "a;b" },
    { name: "ü" },
    { domain: "example.org" },
    { path: "/app" },
    { secure: false },
    { name: "__Secure-sid", secure: false },
    { name: "sid", sameSite: "None", secure: false },
    { name: "sid", path: "/; Domain=evil" },
    { name: "sid", domain: "example.org; Path=/" },
    { name: "sid", domain: "example.org, sid=evil" },
    { name: "sid\r\nSet-Cookie: evil" },
    { name: "sid=evil" },
    { name: "sid", path: "" },
    { name: "sid", path: "app" },
    { name: "sid", path: "/\r\nSet-Cookie: evil=1" },
    { name: "sid", path: "/\u0000" },
    { name: "sid", path: "/ü" },
    { name: "sid", domain: "example.org\n" },
    { name: "__host-sid", path: "/app" },
  ])("refuses what a browser would drop: %j", (options) => {
    expect(() => createCookie(options)).toThrow(OptionError);
  });

  it("names what it was not given", () => {
    const sessions = JSON.parse("{}");
    expect(() => createSessionCookies(sessions)).toThrow(OptionError);
  });

  it("refuses more than the 4,096 bytes that a browser keeps", () => {
    const cookie = createCookie({});
    expect(cookie.set("x".repeat(4_096 - 14))).toContain("x");
    expect(() => cookie.set("x".repeat(4_096 - 13))).toThrow(OptionError);
  });

  it("is set and removed in its own partition where each embedding site is to have one", () => {
    const cookie = createCookie({ partitioned: true, sameSite: "None" });
    expect([cookie.set("abc"), ...cookie.clear()]).toEqual([
      "__Host-session=abc; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
      "__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
    ]);
    const insecure = { name: "sid", secure: false, partitioned: true };
    expect(() => createCookie(insecure)).toThrow(/`partitioned` needs `secure: true`/);
  });

  it("is removed in every scope that it may have been set with", () => {
    const previous = [{ name: "sid", path: "/app" }, { name: "connect.sid" }, {}];
    const cookie = createCookie({ name: "sid", domain: "example.org", previous });
    expect(cookie.names).toEqual(["sid", "connect.sid", "__Host-session"]);
    expect(cookie.clear().map((value) => value.replace("; HttpOnly; Secure; SameSite=Lax", ""))).toEqual([
      "sid=; Max-Age=0; Path=/; Domain=example.org",
      "sid=; Max-Age=0; Path=/app",
      "connect.sid=; Max-Age=0; Path=/",
      "__Host-session=; Max-Age=0; Path=/",
      "sid=; Max-Age=0; Path=/",
    ]);
  });

  it.each([
    null,
    7,
    "sid",
    { domain: null, name: "sid" },
    { path: null },
    { name: null },
    { secure: "no", name: "sid" },
    { partitioned: 1 },
    { previous: null },
    { previous: {} },
    { previous: [null] },
    { previous: [{ name: "a b" }] },
    { sameSite: null },
  ])("refuses options of a wrong shape: %j", (options) => {
    expect(() => createCookie(JSON.parse(JSON.stringify(options)))).toThrow(OptionError);
  });
});

describe("the cookie header", () => {
  const name = "__Host-session";
  const blanks = ["\u00a0", "\u0085", "\ufeff", "\u2028", "\u2029", "\u3000", "\u000b", "\f", "\r", "\n", "\u0000"];

  it.each<[string | null | undefined, string[]]>([
    ["a=1; __Host-session=abc; b=2", ["abc"]],
    ["__Host-session=abc", ["abc"]],
    [" \t __Host-session \t=\t abc \t", ["abc"]],
    ["a=1;__Host-session=abc;b=2", ["abc"]],
    ["x__Host-session=no; __Host-session=a=b", ["a=b"]],
    ["__Host-session=first; __Host-session=second; __Host-session=first", ["first", "second"]],
    ["__Host-session=1; __Host-session=2; __Host-session=3; __Host-session=4; __Host-session=5", ["1", "2", "3", "4"]],
    ['__Host-session="abc"', ["abc"]],
    ['__Host-session="', ['"']],
    ['__Host-session=""', [""]],
    ['__Host-session="a', ['"a']],
    ["__Host-session=a%3Db%00", ["a%3Db%00"]],
    ["__Host-session=", [""]],
    ["__Host-session", []],
    ["__Host-session; a=1", []],
    // Without an equals sign it has no name: it loses no letter, and stands in nobody's way.
    ["__Host-sessionX; __Host-session=abc", ["abc"]],
    ["__HOST-SESSION=no; __host-session=no; __Host-session=abc", ["abc"]],
    ["=no; ==no; __Host-session=abc; =; ;;", ["abc"]],
    ["a, __Host-session=no; __Host-session=abc", ["abc"]],
    ["", []],
    [";", []],
    ["=", []],
    [null, []],
    [undefined, []],
  ])("%j has the values %j", (header, values) => {
    expect(readCookies(header, name, 4)).toEqual(values);
  });

  it.each(blanks)("takes %j for a part of a name or a value, not for blank space", (blank) => {
    expect(readCookies(`${blank}${name}=theirs; ${name}=mine`, name, 4)).toEqual(["mine"]);
    expect(readCookies(`${name}${blank}=theirs; ${name}=mine`, name, 4)).toEqual(["mine"]);
    expect(readCookies(`${name}=${blank}mine${blank}`, name, 4)).toEqual([`${blank}mine${blank}`]);
  });

  const part = fc.constantFrom(name, "sid", "=", ";", "; ", " ", "\t", '"', "abc", "%20", "s", ...blanks);
  const headers = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
  const agreesWithStandard = (read: (header: string) => string | undefined) =>
    fc.property(headers, (header) => read(header) === readByStandard(header, name)[0]);

  it("is read as the standard says, whatever it holds", () => {
    fc.assert(
      fc.property(headers, (header) => {
        expect(readCookies(header, name, 4)).toEqual(readByStandard(header, name));
      }),
      { numRuns: 5_000 },
    );
  });

  it("would not be, by a reader that trims as JavaScript does", () => {
    const trimming = (header: string) => {
      const pair = header.split(";").find((pair) => pair.slice(0, pair.indexOf("=")).trim() === name);
      return pair?.slice(pair.indexOf("=") + 1).trim();
    };
    expect(fc.check(agreesWithStandard(trimming), { numRuns: 5_000 }).failed).toBe(true);
    expect(fc.check(agreesWithStandard((header) => readCookies(header, name, 1)[0])).failed).toBe(false);
  });

  it.each(["a", ";", "=", " ", "a=1;", "a;", " =", `${name}=1;`])("is not read beyond 128 kB: %j", (unit) => {
    const header = unit.repeat(131_072 / unit.length);
    const behind = readCookies(`${header.padEnd(131_072, "x")};${name}=behind`, name, 4);
    expect(behind).toEqual(unit.startsWith(name) ? ["1"] : []);
  });
});

/** A strict parser of RFC 6265bis: name-value pairs between semicolons, spaces and tabs around them, quotation marks. */
function readByStandard(header: string, name: string): string[] {
  const found = header.split(";").flatMap((pair) => {
    const [, given, quoted, plain] = /^[ \t]*([^=]*?)[ \t]*=[ \t]*(?:"(.*)"|(.*?))[ \t]*$/su.exec(pair) ?? [];
    return given === name ? [quoted ?? plain ?? ""] : [];
  });
  return [...new Set(found)].slice(0, 4);
}

describe("the form token", () => {
  const [first, second] = ["a".repeat(32), "b".repeat(32)];
  const session = { id: "1.abc" };

  it("is good for its session only, and differs each time", async () => {
    const csrf = createCsrf([first]);
    const token = await csrf.token(session);
    expect(await csrf.verify(session, token)).toBe(true);
    expect(await csrf.token(session)).not.toBe(token);
    expect(await csrf.verify({ id: "1.abd" }, token)).toBe(false);
    expect(await createCsrf([second]).verify(session, token)).toBe(false);
    expect(await createCsrf([second, first]).verify(session, token)).toBe(true);
  });

  it("is refused if anything of it is changed, or is no text at all", async () => {
    const csrf = createCsrf([first]);
    const token = await csrf.token(session);
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const bad = [
      ...digits.split("").map((last) => token.slice(0, -1) + last),
      "",
      ".",
      token.slice(1),
      `${token}x`,
      `A${token.slice(1)}`,
      `${token.slice(0, -2)}AA`,
      null,
      undefined,
      7,
      {},
      [token],
    ];
    for (const value of bad.filter((value) => value !== token)) expect(await csrf.verify(session, value)).toBe(false);
  });

  it("wants a secret that is one", () => {
    expect(() => createCsrf([])).toThrow(OptionError);
    expect(() => createCsrf([first, "short"])).toThrow(OptionError);
  });
});

describe("isSameOrigin", () => {
  const ask = (method: string, headers: Record<string, string>, trustedOrigins: string[] = []) =>
    isSameOrigin({ method, read: (name) => headers[name], trustedOrigins });

  it.each<[boolean, string, Record<string, string>]>([
    [true, "GET", { "sec-fetch-site": "cross-site" }],
    [true, "POST", { "sec-fetch-site": "same-origin" }],
    [true, "POST", { "sec-fetch-site": "none" }],
    [false, "POST", { "sec-fetch-site": "same-site" }],
    [false, "POST", { "sec-fetch-site": "cross-site" }],
    [false, "DELETE", { "sec-fetch-site": "cross-site", origin: "https://a.test", host: "a.test" }],
    [true, "POST", { origin: "https://a.test", host: "a.test" }],
    [true, "POST", { origin: "https://a.test:8443", host: "a.test:8443" }],
    [false, "POST", { origin: "https://evil.test", host: "a.test" }],
    [false, "POST", { origin: "null", host: "a.test" }],
    [true, "POST", { host: "a.test" }],
  ])("answers %j to %s %j", (expected, method, headers) => {
    expect(ask(method, headers)).toBe(expected);
  });

  it("lets trusted origins through", () => {
    const headers = { "sec-fetch-site": "cross-site", origin: "https://app.test" };
    expect(ask("POST", headers, ["https://app.test"])).toBe(true);
    expect(ask("POST", headers, ["https://other.test"])).toBe(false);
  });
});
