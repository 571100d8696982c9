import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hours } from "redis-patterns";
import { createChannels, resumable } from "redis-patterns/pubsub";
import { createSessions } from "redis-patterns/session";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvents } from "../../test/fixtures/event-source.ts";
import { buildHandler } from "../scripts/build.ts";
import { type Deployment, deployments } from "./deployments.ts";
import { eventOf } from "./start-lambda.ts";
import { type StreamLambda, startStreamLambda } from "./start-stream.ts";

const folder = mkdtempSync(join(tmpdir(), "redis-patterns-stream-"));
const bundle = join(folder, "stream.mjs");

beforeAll(() => buildHandler(bundle, [], "src/stream.ts"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(deployments)("the stream over $name", ({ open }) => {
  let deployment: Deployment;
  let lambda: StreamLambda;
  let token = "";

  beforeAll(async () => {
    deployment = await open();
    lambda = await startStreamLambda(bundle, deployment.env);
    const sessions = createSessions(deployment.redis, { prefix: "shop:session", idle: hours(1), absolute: hours(12) });
    ({ token } = await sessions.create({ user: "ada", data: {} }));
  });
  afterAll(async () => {
    await lambda?.stop();
    await deployment.stop();
  });

  /** The Worker, or a server: whoever says something. */
  const rooms = () =>
    createChannels(deployment.redis, {
      prefix: "shop:room",
      delivery: resumable({ keep: { age: hours(1), length: 200 } }),
    });

  function visit(path: string, headers: Record<string, string> = {}, as = token) {
    const event = eventOf("function-url-post", { path, token: as });
    return { ...event, headers: { ...event.headers, ...headers } };
  }

  it("says what is said while it lives, ends before the function does, and goes on in the next one", async () => {
    await rooms().publish("lobby", { user: "eve", text: "0" });
    const answer = await lambda.invoke(visit("/rooms/lobby"), 5_000);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const first = readEvents(answer);
    await first.until(1);
    await rooms().publish("lobby", { user: "eve", text: "1" });
    await first.until(2);
    await first.ended;
    await rooms().publish("lobby", { user: "eve", text: "2" });
    const heard = [...first.heard];
    // A stream that has no time to begin is followed by the next one.
    for (let lastEventId = first.lastEventId; heard.length < 3;) {
      const visiting = visit("/rooms/lobby", { "last-event-id": lastEventId });
      const next = readEvents(await lambda.invoke(visiting, 3_500), lastEventId);
      await next.ended;
      heard.push(...next.heard);
      ({ lastEventId } = next);
    }
    const texts = heard.map(({ data }) => (JSON.parse(data) as { text: string }).text);
    expect(texts).toEqual(["0", "1", "2"]);
  });

  it.each([
    ["nobody", "/rooms/lobby", "", 401],
    ["a visitor of somebody else's room", "/rooms/eve", undefined, 403],
  ])("tells %s nothing", async (_, path, as, status) => {
    const answer = await lambda.invoke(visit(path, {}, as), 5_000);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(/^\{"error":/);
  });
});
