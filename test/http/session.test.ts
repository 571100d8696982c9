import { Redis as Ioredis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/index.ts";
import { type GatewayServer, serveGateway } from "../../src/cli/serve.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type App, expressApp, fastifyApp, honoWorker, lambdaHandler } from "../fixtures/session-apps.ts";
import { openBrowser, overEvents, overHttp } from "../fixtures/session-browser.ts";
import { countCommands, expectNoImmortalKey } from "../support/inspect.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

const token = "the-token-of-the-tests";
let server: RedisServer;
let client: Ioredis;
let gateway: GatewayServer;

beforeAll(async () => {
  server = await startRedis();
  client = new Ioredis({ host: server.host, port: server.port });
  gateway = await serveGateway(ioredis(client), { tokens: [token] });
});
afterAll(async () => {
  await gateway.close(0);
  client.disconnect();
  await server.stop();
});

describe.each([
  ["Express", (prefix: string) => expressApp(ioredis(client), prefix)],
  ["Fastify", (prefix: string) => fastifyApp(ioredis(client), prefix)],
  ["Hono in workerd", (prefix: string) => honoWorker(gateway.url, token, prefix)],
  ["a Lambda handler", (prefix: string) => lambda(prefix)],
])("sessions in %s", (name, start) => {
  const prefix = `http:${name.replaceAll(" ", "-")}`;
  let app: Started;
  let browser: ReturnType<typeof openBrowser>;
  beforeAll(async () => {
    const started = await start(prefix);
    app = "send" in started ? started : { ...started, send: overHttp(started.url) };
  });
  afterAll(async () => {
    await app.close();
    await expectNoImmortalKey([ioredis(client)], prefix);
  });
  beforeEach(() => {
    browser = openBrowser(app.send);
  });

  it("keeps an anonymous cart through the login, and nothing after the logout", async () => {
    await browser.post("/items?item=book");
    await browser.post("/items?item=pen");
    const [anonymous] = browser.kept.values();
    await browser.post("/login?user=ada");
    expect([...browser.kept.values()][0]).not.toBe(anonymous);
    expect((await browser.get("/me")).body).toEqual({ user: "ada", items: ["book", "pen"] });
    const [cookie = ""] = browser.kept.values();
    const bye = await browser.post("/logout");
    expect(bye.clearSiteData).toBe('"cache", "cookies", "storage"');
    expect(browser.kept.size).toBe(0);
    browser.kept.set("__Host-session", cookie);
    expect((await browser.get("/me")).body).toEqual({ user: null });
  });

  it("sets one cookie, safe by default, and none where nothing changes", async () => {
    const { cookies } = await browser.post("/login?user=ada");
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatch(/^__Host-session=[\w-]{83}\.[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    expect((await browser.get("/me")).cookies).toEqual([]);
    expect((await browser.post("/theme?theme=dark")).cookies).toEqual([]);
  });

  it.each(["\u00a0", "\u0085", "\u000b"])("does not take %j in front of a name for blank space", async (blank) => {
    const other = openBrowser(app.send);
    await browser.post("/login?user=ada");
    await other.post("/login?user=eve");
    const [[mine], [theirs]] = [[...browser.kept.values()], [...other.kept.values()]];
    const cookie = `${blank}__Host-session=${theirs}; __Host-session=${mine}`;
    // Some stacks refuse a control character before the application sees it.
    const answer = await app.send("GET", "/me", { cookie }).catch(() => null);
    if (answer?.status === 200) expect(answer.body["user"]).toBe("ada");
    else expect(blank).toBe("\u000b");
  });

  it("asks Redis nothing for a visitor without a cookie, or with a forged one", async () => {
    const counts = await countCommands([ioredis(client)], async () => {
      for (let i = 0; i < 5; i += 1) expect((await browser.get("/me")).body).toEqual({ user: null });
      browser.kept.set("__Host-session", `${"A".repeat(83)}.${"A".repeat(43)}`);
      for (let i = 0; i < 5; i += 1) expect((await browser.get("/me")).body).toEqual({ user: null });
    });
    expect(counts).toEqual({});
  });

  it("CVE-2025-46336: a slow request that ends after the logout logs nobody in", async () => {
    await browser.post("/login?user=alice");
    const cookie = new Map(browser.kept);
    const slow = browser.post("/slow?gate=1");
    while ((await client.exists(`${prefix}:gate:1:{arrived}`)) === 0) await sleep(5);
    await browser.post("/logout");
    await client.set(`${prefix}:gate:1:{open}`, 1, "PX", 10_000);
    expect(await slow).toMatchObject({ status: 401, body: { error: "SESSION_GONE" } });
    for (const [name, value] of cookie) browser.kept.set(name, value);
    expect((await browser.get("/me")).body).toEqual({ user: null });
  });

  it("loses none of the items that parallel requests put into one cart", async () => {
    await browser.post("/login?user=ada");
    await Promise.all(["a", "b", "c", "d", "e", "f"].map((item) => browser.post(`/items?item=${item}`)));
    const { items } = (await browser.get("/me")).body;
    expect([...(items as string[])].sort()).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("shows a flash message once", async () => {
    await browser.post("/theme?theme=dark");
    const shown = await Promise.all([browser.get("/flash"), browser.get("/flash"), browser.get("/flash")]);
    expect(shown.map(({ body }) => body["flash"]).filter(Boolean)).toEqual(["saved"]);
  });

  it("logs out everywhere else", async () => {
    const phone = openBrowser(app.send);
    await browser.post("/login?user=eve");
    await phone.post("/login?user=eve");
    await browser.post("/logout-everywhere");
    expect((await phone.get("/me")).body).toEqual({ user: null });
    expect((await browser.get("/me")).body).toEqual({ user: "eve" });
  });

  it("refuses other sites' requests, and forms without the session's token", async () => {
    await browser.post("/login?user=ada");
    expect((await browser.post("/logout", { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await browser.get("/me")).body["user"]).toBe("ada");
    const other = openBrowser(app.send);
    await other.post("/login?user=eve");
    const [mine, theirs] = [(await browser.get("/form")).body["csrf"], (await other.get("/form")).body["csrf"]];
    expect((await browser.post(`/password?csrf=${String(theirs)}`)).status).toBe(403);
    const [before] = browser.kept.values();
    expect((await browser.post(`/password?csrf=${String(mine)}`)).status).toBe(200);
    expect([...browser.kept.values()][0]).not.toBe(before);
    expect((await browser.get("/me")).body["user"]).toBe("ada");
  });
});

interface Started {
  readonly send: ReturnType<typeof overHttp>;
  close(): Promise<unknown>;
}

async function lambda(prefix: string): Promise<Started | App> {
  return { send: overEvents(lambdaHandler(ioredis(client), prefix)), close: async () => {} };
}
