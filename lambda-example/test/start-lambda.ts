import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

const example = fileURLToPath(new URL("../", import.meta.url));

/** One execution environment of the function: a process with the bundle in it. */
export interface Lambda {
  /** Resolves with the answer; with `freeze`, when the process has stopped. */
  invoke(event: APIGatewayProxyEventV2, options?: { freeze: boolean }): Promise<APIGatewayProxyStructuredResultV2>;
  /** Lets the frozen process go on. */
  thaw(): void;
  stop(): Promise<void>;
}

export async function startLambda(file: string, env: Record<string, string>): Promise<Lambda> {
  const child = spawn(process.execPath, [`${example}test/runtime.ts`, file], {
    stdio: ["pipe", "inherit", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], ...env },
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
  const lines = createInterface(child.stdio[3] as Readable)[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`The function ended:\n${log}`);
    return JSON.parse(value) as T;
  };
  await next();
  return {
    async invoke(event, { freeze } = { freeze: false }) {
      child.stdin?.write(`${JSON.stringify({ event, freeze })}\n`);
      const { result } = await next<{ result: APIGatewayProxyStructuredResultV2 }>();
      if (freeze) await stopped(child.pid);
      return result;
    },
    thaw: () => void child.kill("SIGCONT"),
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Waits until the process is stopped: `ps` says T. */
async function stopped(pid = 0): Promise<void> {
  const state = () => spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout;
  while (!state().startsWith("T")) await sleep(5);
}

type Change = { readonly path?: string; readonly body?: string; readonly token?: string; readonly from?: string };

/** A recorded event, with what a test wants different. */
export function eventOf(name: string, { path, body, token, from }: Change = {}): APIGatewayProxyEventV2 {
  const text = readFileSync(new URL(`events/${name}.json`, import.meta.url), "utf8");
  const event = JSON.parse(text.replace("TOKEN", token ?? "")) as APIGatewayProxyEventV2;
  const { requestContext } = event;
  const http = { ...requestContext.http, path: path ?? event.rawPath, sourceIp: from ?? requestContext.http.sourceIp };
  return {
    ...event,
    rawPath: path ?? event.rawPath,
    ...(body === undefined ? {} : { body }),
    requestContext: { ...requestContext, http },
  };
}
