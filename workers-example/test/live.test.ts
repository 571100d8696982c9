import type { Browser, BrowserContext, Page } from "playwright-core";
import { hours } from "redis-patterns";
import { type Channels, createChannels, resumable } from "redis-patterns/pubsub";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startChromium } from "../../test/support/chromium.ts";
import { type CuttingProxy, startCuttingProxy } from "../../test/support/cutting-proxy.ts";
import { sized } from "../../test/support/long.ts";
import { type RunningWorker, startWorker } from "./start-worker.ts";

/** What the Worker's rooms are made of. */
interface Line {
  readonly user: string;
  readonly text: string;
}

let worker: RunningWorker;
let browser: Browser;
/** Between the browser and the Worker, to cut connections. */
let wire: CuttingProxy;
/** The same rooms, from elsewhere. */
let rooms: Channels<Line>;
const contexts: BrowserContext[] = [];
let visitors = 0;
let room = "";
let said: string[] = [];

beforeAll(async () => {
  [worker, browser] = await Promise.all([startWorker(), startChromium()]);
  wire = await startCuttingProxy({ host: worker.url.hostname, port: Number(worker.url.port) });
  rooms = createChannels<Line>(worker.redis, {
    prefix: "shop:room",
    delivery: resumable({ keep: { age: hours(1), length: 200 } }),
  });
});
beforeEach(() => {
  visitors += 1;
  room = `visitor-${visitors}`;
  said = [];
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});
afterAll(async () => {
  await browser?.close();
  await wire?.stop();
  await worker?.stop();
});

/** A browser in which somebody has signed in under this name. */
async function visitor(name = room): Promise<BrowserContext> {
  const context = await browser.newContext({ extraHTTPHeaders: { "cf-connecting-ip": `${name}-${contexts.length}` } });
  contexts.push(context);
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${wire.port}/live`);
  await page.getByPlaceholder("Your name").fill(name);
  await page.getByRole("button", { name: "Enter" }).click();
  await page
    .getByRole("status")
    .filter({ hasText: /^live$/ })
    .waitFor();
  await page.close();
  return context;
}

/** A tab on the room of this test. */
async function openTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${wire.port}/live/${room}`);
  await isLive(page);
  return page;
}

async function isLive(page: Page): Promise<void> {
  await page
    .getByRole("status")
    .filter({ hasText: /^live$/ })
    .waitFor();
}

/** Says some lines from elsewhere. */
async function sayMore(lines: number): Promise<void> {
  for (let i = 0; i < lines; i += 1) {
    const text = `line ${said.length}`;
    said.push(text);
    await rooms.publish(room, { user: "elsewhere", text });
  }
}

/** The lines that the page shows. */
function shown(page: Page): Promise<string[]> {
  return page.locator("#lines li").evaluateAll((items) => items.map((item) => item.lastChild?.textContent ?? ""));
}

async function expectAll(...pages: readonly Page[]): Promise<void> {
  for (const page of pages) await expect.poll(() => shown(page), { timeout: 15_000 }).toEqual(said);
}

describe("the page of a room", () => {
  it("shows each line once and in order, over reloads while it is being said", async () => {
    const page = await openTab(await visitor());
    for (let i = 0; i < sized(10, 3); i += 1) {
      const saying = sayMore(10);
      await page.reload();
      await saying;
    }
    await expectAll(page);
  }, 60_000);

  it("shows what was said while it was offline, once it is online", async () => {
    const context = await visitor();
    const page = await openTab(context);
    await sayMore(3);
    await expectAll(page);
    for (let i = 0; i < sized(5, 1); i += 1) {
      await context.setOffline(true);
      wire.reset();
      await page.getByRole("status").filter({ hasText: "connecting" }).waitFor();
      await sayMore(20);
      await context.setOffline(false);
      await isLive(page);
      await sayMore(1);
      await expectAll(page);
    }
  }, 60_000);

  it("loses and doubles nothing when its connection is cut again and again", async () => {
    const page = await openTab(await visitor());
    for (let i = 0; i < sized(20, 2); i += 1) {
      const saying = sayMore(8);
      wire.reset();
      await saying;
      await isLive(page);
    }
    await expectAll(page);
  }, 120_000);

  it("shows the same in two tabs, one of which says something", async () => {
    const context = await visitor();
    const [one, other] = [await openTab(context), await openTab(context)];
    await sayMore(2);
    for (const text of ["hello", "<b>bold</b> & \u2028 data: x\\n\\n"]) {
      said.push(text);
      await one.getByPlaceholder("Say something").fill(text);
      await one.getByRole("button", { name: "Say" }).click();
      await expectAll(one, other);
    }
    await other.close();
    await sayMore(2);
    await expectAll(one);
  }, 60_000);

  it("says a line once although the answer was lost", async () => {
    const page = await openTab(await visitor());
    let lost = 0;
    await page.route(`**/rooms/${room}`, async (route) => {
      if (lost > 0 || route.request().method() !== "POST") return route.continue();
      lost += 1;
      await route.fetch();
      return route.abort("connectionreset");
    });
    said.push("once");
    await page.getByPlaceholder("Say something").fill("once");
    const again = page.waitForResponse(
      (response) => response.request().method() === "POST" && response.status() === 204,
    );
    await page.getByRole("button", { name: "Say" }).click();
    await again;
    expect(lost).toBe(1);
    await sayMore(1);
    await expectAll(page);
  }, 60_000);

  it("leaves nothing behind in Redis when its tab is closed", async () => {
    const listeners = async () => {
      const reply = await worker.redis.send(["PUBSUB", "NUMSUB", `channel:shop:room:{${room}}`]);
      return Array.isArray(reply) ? reply[1] : reply;
    };
    const page = await openTab(await visitor());
    await expect.poll(listeners, { timeout: 10_000 }).toBe(1);
    await page.close();
    await expect.poll(listeners, { timeout: 20_000 }).toBe(0);
  }, 60_000);

  it("tells a visitor of somebody else's room, and shows nothing of it", async () => {
    const context = await visitor("eve");
    await sayMore(1);
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${wire.port}/live/${room}`);
    await page.getByRole("status").filter({ hasText: "not your room" }).waitFor();
    expect(await shown(page)).toEqual([]);
  }, 60_000);
});
