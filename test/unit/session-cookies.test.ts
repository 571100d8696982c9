import { describe, expect, it } from "vitest";
import { days, seconds } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import {
  createCsrf,
  createSessionCookies,
  isSameOrigin,
  type SessionCookieOptions,
} from "../../src/core/patterns/session/index.ts";
import { createCookie, readCookie } from "../../src/core/patterns/session/http/set-cookie.ts";

describe("the session's cookie", () => {
  it("is out of reach of scripts, of plain HTTP, of subdomains and of other sites' forms by default", () => {
    const cookie = createCookie({});
    expect(cookie.set("abc")).toBe("__Host-session=abc; Path=/; HttpOnly; Secure; SameSite=Lax");
    expect(cookie.clear()).toBe("__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax");
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

  it.each([
    ["a=1; __Host-session=abc; b=2", "abc"],
    ["__Host-session=abc", "abc"],
    ["  __Host-session = abc ", "abc"],
    ["x__Host-session=no; __Host-session=a=b", "a=b"],
    ["__Host-session=first; __Host-session=second", "first"],
    ["__Host-session=", ""],
    ["__Host-session", undefined],
    ["", undefined],
    [null, undefined],
    [undefined, undefined],
  ])("is read from the header %j", (header, value) => {
    expect(readCookie(header, "__Host-session")).toBe(value);
  });
});

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
    const bad = [
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
