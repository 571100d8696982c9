import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { APIGatewayProxyEventV2 } from "aws-lambda";

const example = fileURLToPath(new URL("../", import.meta.url));

/** An execution environment of the function that answers with streams. */
export interface StreamLambda {
  /** Resolves with the answer as a client gets it, as soon as its head is there. `timeout` is that of the function, in milliseconds. */
  invoke(event: APIGatewayProxyEventV2, timeout: number): Promise<Response>;
  stop(): Promise<void>;
}

type Told =
  | { readonly head: { readonly statusCode: number; readonly headers: Record<string, string> } }
  | { readonly chunk: string }
  | { readonly end: true };

export async function startStreamLambda(file: string, env: Record<string, string>): Promise<StreamLambda> {
  const child = spawn(process.execPath, [`${example}test/stream-runtime.ts`, file], {
    stdio: ["pipe", "inherit", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], ...env },
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
  const lines = createInterface(child.stdio[3] as Readable)[Symbol.asyncIterator]();
  const next = async (): Promise<Told> => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`The function ended:\n${log}`);
    return JSON.parse(value) as Told;
  };
  await next();
  return {
    async invoke(event, timeout) {
      child.stdin?.write(`${JSON.stringify({ event, timeout })}\n`);
      const told = await next();
      if (!("head" in told)) throw new Error("An answer begins with its head");
      const { statusCode, headers } = told.head;
      return new Response(bodyOf(next), { status: statusCode, headers });
    },
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function bodyOf(next: () => Promise<Told>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const told = await next();
      if ("chunk" in told) controller.enqueue(encoder.encode(told.chunk));
      else controller.close();
    },
  });
}
