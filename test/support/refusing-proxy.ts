import { type Relay, startRelay, type Target } from "./relay.ts";

/** A TCP proxy in front of Redis that answers commands in its place, in the words of the protocol. */
export interface RefusingProxy extends Omit<Relay, "open"> {
  /** Every command gets this answer from now on, such as `-LOADING ...`, and does not reach Redis; without one, all reach it. */
  answer(line?: string): void;
}

/** What a client says when it connects. */
const handshake = /^(hello|auth|client|info|select|ping|quit)$/i;

export async function startRefusingProxy(target: Target): Promise<RefusingProxy> {
  let line: string | undefined;
  const { host, port, stop } = await startRelay(target, (client, upstream) => {
    let rest: Buffer = Buffer.alloc(0);
    client.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = commandSize(rest); size > 0; size = commandSize(rest)) {
        const command = rest.subarray(0, size);
        rest = rest.subarray(size);
        const name = command.toString("latin1").split("\r\n")[2] ?? "";
        if (line === undefined || handshake.test(name)) upstream.write(command);
        else client.write(`${line}\r\n`);
      }
    });
    upstream.pipe(client);
  });
  return {
    host,
    port,
    stop,
    answer: (next) => {
      line = next;
    },
  };
}

/** The bytes of the command at the beginning, an array of bulk strings; 0 while it is not complete. */
function commandSize(bytes: Buffer): number {
  let end = bytes.indexOf("\r\n");
  if (end < 0) return 0;
  const words = Number(bytes.toString("latin1", 1, end));
  for (let i = 0; i < words; i += 1) {
    const next = bytes.indexOf("\r\n", end + 2);
    if (next < 0) return 0;
    end = next + 2 + Number(bytes.toString("latin1", end + 3, next));
  }
  return end + 2 <= bytes.length ? end + 2 : 0;
}
