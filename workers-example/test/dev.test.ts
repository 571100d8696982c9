import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { freePort } from "../../test/support/redis-server.ts";

const example = fileURLToPath(new URL("../", import.meta.url));
let dev: ChildProcess | undefined;

afterEach(() => void dev?.kill("SIGINT"));

/** What `npm run dev` printed, up to a line that matches. */
function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`It ended with ${code}:\n${text}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (pattern.test(text)) resolve(text);
      });
    }
  });
}

it("runs Redis, the gateway and the Worker together, and ends them together", async () => {
  const port = await freePort();
  const args = ["scripts/dev.ts", "--port", String(port), "--inspector-port", String(await freePort())];
  const { REDIS_URL: _, ...env } = process.env;
  dev = spawn(process.execPath, args, { cwd: example, env: { ...env, WRANGLER_SEND_METRICS: "false" } });
  const gateway = /^UPSTASH_REDIS_REST_URL=(\S+)$/m.exec(await printed(dev, /Ready on/))?.[1] ?? "";

  const quote = await fetch(`http://127.0.0.1:${port}/quotes/lamp`);
  expect(await quote.json()).toMatchObject({ product: "lamp" });
  const login = await fetch(`http://127.0.0.1:${port}/login`, { method: "POST", body: "ada" });
  expect(login.status).toBe(204);
  expect((await fetch(gateway)).status).toBe(401);

  const ended = once(dev, "exit");
  dev.kill("SIGINT");
  await ended;
  for (const address of [gateway, `http://127.0.0.1:${port}`]) {
    await expect
      .poll(
        () =>
          fetch(address).then(
            () => "answers",
            () => "gone",
          ),
        { timeout: 5_000 },
      )
      .toBe("gone");
  }
}, 60_000);
