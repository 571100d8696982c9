import { Refusal } from "./response.ts";

/** Reads a body of at most `limit` bytes. They are counted as they arrive, since the announced length may be wrong. */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length")) > limit) throw tooLargeError(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    size += chunk.length;
    if (size > limit) throw tooLargeError(limit);
    chunks.push(chunk);
  }
  return join(chunks, size);
}

/** Decodes a body as text. Malformed UTF-8 is refused, since Redis would get other bytes than the client sent. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal(400, "ERR this gateway carries text; the body is not valid UTF-8", { cause });
  }
}

async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader();
  if (!reader) return;
  try {
    for (let next = await readChunk(reader); !next.done; next = await readChunk(reader)) yield next.value;
  } finally {
    // If reading stops half-way, the sender may stop too. After the end this does nothing.
    reader.cancel().catch(() => {});
  }
}

async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new Refusal(400, "ERR the request body was not received whole", { cause });
  }
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function tooLargeError(limit: number): Refusal {
  return new Refusal(413, `ERR max request size exceeded. Limit: ${limit} bytes`);
}
