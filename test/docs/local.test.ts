import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { memory } from "../../src/adapters/memory/index.ts";

it("names commands that the Redis in memory refuses as unknown", async () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/local.md"), "utf8");
  const sentence = /It does not know ([^.]*)\./.exec(page)?.[1] ?? "";
  const commands = sentence.match(/[A-Z]+(?: [A-Z]+)*/g) ?? [];
  expect(commands).toHaveLength(13);
  const redis = memory();
  for (const command of commands) {
    const [name = "", ...args] = command.split(" ");
    await expect(redis.send([name, ...args]), command).rejects.toThrow(/^ERR unknown (sub)?command '/);
  }
  await redis.close();
});
