import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildHandler } from "../scripts/build.ts";
import { type Deployment, deployments, onTcp } from "./deployments.ts";
import { replacing } from "./replacing.ts";
import { eventOf, type Lambda, startLambda } from "./start-lambda.ts";

const folder = mkdtempSync(join(tmpdir(), "redis-patterns-freeze-"));
const bundles = { whole: join(folder, "whole.mjs"), hasty: join(folder, "hasty.mjs") };

/** Work that is slow enough to be cut off. */
const slowSales = replacing("sales.ts", {
  "  const day": "  await new Promise((resolve) => setTimeout(resolve, 200));\n  const day",
});
/** The mistake that the test must find. */
const withoutWaiting = replacing("handler.ts", { "await settled(pending);": "void settled(pending);" });

beforeAll(async () => {
  await buildHandler(bundles.whole, [slowSales]);
  await buildHandler(bundles.hasty, [slowSales, withoutWaiting]);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(deployments)("a freeze, over $name", ({ transport, open }) => {
  let deployment: Deployment;
  const started: Lambda[] = [];

  beforeAll(async () => {
    deployment = await open();
  });
  afterEach(async () => {
    for (const lambda of started.splice(0)) await lambda.stop();
  });
  afterAll(() => deployment.stop());

  async function signedIn(bundle: string, user: string) {
    const lambda = await startLambda(bundle, deployment.env);
    started.push(lambda);
    const { cookies } = await lambda.invoke(eventOf("http-api-stage-post", { body: user, from: user }));
    const token = /__Host-session=([^;]*)/.exec(cookies?.[0] ?? "")?.[1] ?? "";
    return { lambda, order: eventOf("function-url-post", { token, from: user }) };
  }

  /** Places an order and freezes the function with its answer, then tells whether the sale is in Redis. */
  async function soldBeforeTheFreeze(lambda: Lambda, order: ReturnType<typeof eventOf>): Promise<boolean> {
    const { statusCode, body } = await lambda.invoke(order, { freeze: true });
    expect(statusCode).toBe(201);
    const { id } = (JSON.parse(body ?? "") as { order: { id: string } }).order;
    const sales = `shop:sales:{${new Date().toISOString().slice(0, 10)}}`;
    return (await deployment.redis.send(["SISMEMBER", sales, id])) === 1;
  }

  it("loses no work that the handler was given to finish", async () => {
    const { lambda, order } = await signedIn(bundles.whole, "ada");
    expect(await soldBeforeTheFreeze(lambda, order)).toBe(true);
  });

  it("would lose it in a handler that does not wait", async () => {
    const { lambda, order } = await signedIn(bundles.hasty, "eve");
    expect(await soldBeforeTheFreeze(lambda, order)).toBe(false);
  });

  it("leaves a function that goes on where it was", async () => {
    const { lambda, order } = await signedIn(bundles.whole, "grace");
    await lambda.invoke(order, { freeze: true });
    lambda.thaw();
    expect(await lambda.invoke(order)).toMatchObject({ statusCode: 201 });
  });

  it.each(onTcp(transport))("finds its connections over %s closed when it wakes, and makes new ones", async () => {
    const { lambda, order } = await signedIn(bundles.whole, "alan");
    await lambda.invoke(order, { freeze: true });
    for (const server of deployment.servers) await server.send(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    lambda.thaw();
    expect(await lambda.invoke(order)).toMatchObject({ statusCode: 201 });
  });
});
