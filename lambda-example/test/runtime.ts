import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import type { handler as Handler } from "../src/handler.ts";

/**
 * What Lambda does with a deployed bundle: it loads the module once, hands over one event after the other, and freezes the process in
 * the moment an answer is out. File descriptor 3 carries the answers.
 */
const [bundle = ""] = process.argv.slice(2);
const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: typeof Handler };
writeSync(3, `${JSON.stringify({ ready: true })}\n`);

for await (const line of createInterface(process.stdin)) {
  const { event, freeze } = JSON.parse(line) as { event: Parameters<typeof Handler>[0]; freeze: boolean };
  const result = await handler(event);
  writeSync(3, `${JSON.stringify({ result })}\n`);
  if (freeze) process.kill(process.pid, "SIGSTOP");
}
