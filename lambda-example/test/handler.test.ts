import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildHandler } from "../scripts/build.ts";
import { type Deployment, deployments, onTcp } from "./deployments.ts";
import { replacing } from "./replacing.ts";
import { eventOf, type Lambda, startLambda } from "./start-lambda.ts";

const folder = mkdtempSync(join(tmpdir(), "redis-patterns-lambda-"));
const bundle = join(folder, "handler.mjs");

/** Nothing is tested here that ends by a deadline, and a busy machine may be late. */
const patient = [
  replacing("redis.ts", { "connectTo(REDIS_URL))": "connectTo(REDIS_URL), { timeout: 15_000 })" }),
  replacing("services.ts", {
    'prefix: "shop:quote",': 'prefix: "shop:quote", timeout: 15_000,',
    'prefix: "shop:limit",': 'prefix: "shop:limit", timeout: 15_000,',
  }),
];

beforeAll(() => buildHandler(bundle, patient));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(deployments)("the function over $name", ({ transport, open }) => {
  let deployment: Deployment;
  const started: Lambda[] = [];

  beforeAll(async () => {
    deployment = await open();
  });
  afterEach(async () => {
    for (const lambda of started.splice(0)) await lambda.stop();
  });
  afterAll(() => deployment.stop());

  async function coldStart(): Promise<Lambda> {
    const lambda = await startLambda(bundle, deployment.env);
    started.push(lambda);
    return lambda;
  }

  async function signIn(lambda: Lambda, user: string): Promise<string> {
    const { cookies } = await lambda.invoke(eventOf("http-api-stage-post", { body: user, from: user }));
    return /__Host-session=([^;]*)/.exec(cookies?.[0] ?? "")?.[1] ?? "";
  }

  const connections = async () => {
    const infos = await Promise.all(deployment.servers.map((server) => server.send(["INFO", "stats"])));
    return infos.map((info) => /total_connections_received:(\d+)/.exec(String(info))?.[1]);
  };

  it("connects with the first command, not with the module", async () => {
    const before = await connections();
    await coldStart();
    expect(await connections()).toEqual(before);
  });

  it("answers cold and warm, and loads a value once for all its environments", async () => {
    const [one, other] = await Promise.all([coldStart(), coldStart()]);
    const event = eventOf("http-api-get");
    const cold = await one.invoke(event);
    expect(cold).toMatchObject({ statusCode: 200, body: expect.stringContaining('"product":"lamp"') });
    expect(await one.invoke(event)).toEqual(cold);
    expect(await other.invoke(event)).toEqual(cold);
  });

  it.each(onTcp(transport))("keeps its connection over %s between invocations", async () => {
    const lambda = await coldStart();
    const token = await signIn(lambda, "warm");
    await lambda.invoke(eventOf("function-url-post", { token }));
    const before = await connections();
    await lambda.invoke(eventOf("function-url-post", { token }));
    await lambda.invoke(eventOf("http-api-get"));
    expect(await connections()).toEqual(before);
  });

  it("keeps a visitor until the logout, in every environment", async () => {
    const [one, other] = await Promise.all([coldStart(), coldStart()]);
    const token = await signIn(one, "ada");
    const me = eventOf("function-url-post", { path: "/me", token });
    const asked = {
      ...me,
      requestContext: { ...me.requestContext, http: { ...me.requestContext.http, method: "GET" } },
    };
    expect(await other.invoke(asked)).toMatchObject({ statusCode: 200, body: '{"user":"ada","currency":"EUR"}' });
    const { cookies, headers } = await other.invoke(eventOf("function-url-post", { path: "/logout", token }));
    expect(cookies).toEqual([expect.stringMatching(/^__Host-session=; Max-Age=0;/)]);
    expect(headers?.["clear-site-data"]).toBe('"cache", "cookies", "storage"');
    expect(await one.invoke(asked)).toMatchObject({ statusCode: 401 });
  });

  it("reads a body that the gateway encoded as base64", async () => {
    const lambda = await coldStart();
    const body = Buffer.from("grace").toString("base64");
    const result = await lambda.invoke(eventOf("function-url-post", { path: "/login", body, from: "base64" }));
    expect(result).toMatchObject({ statusCode: 204, cookies: [expect.stringMatching(/^__Host-session=[\w.-]{40,};/)] });
  });

  it("lets an address try ten times a minute across its environments", async () => {
    const lambdas = await Promise.all([coldStart(), coldStart()]);
    const attempts = Array.from({ length: 8 }, () => eventOf("http-api-stage-post", { from: "203.0.113.9" }));
    const codes = await Promise.all(
      lambdas.map(async (lambda) => {
        const results = [];
        for (const event of attempts) results.push((await lambda.invoke(event)).statusCode);
        return results;
      }),
    );
    expect(codes.flat().filter((code) => code === 204)).toHaveLength(10);
    expect(codes.flat().filter((code) => code === 429)).toHaveLength(6);
  });

  it("places an order and notes the sale", async () => {
    const lambda = await coldStart();
    const token = await signIn(lambda, "edsger");
    const { statusCode, body } = await lambda.invoke(eventOf("function-url-post", { token }));
    expect(statusCode).toBe(201);
    const { order } = JSON.parse(body ?? "") as { order: { id: string } };
    const sales = `shop:sales:{${new Date().toISOString().slice(0, 10)}}`;
    expect(await deployment.redis.send(["SISMEMBER", sales, order.id])).toBe(1);
  });
});
