import { Refusal } from "./response.ts";

/** Reads a body of at most `limit` bytes; it is counted as it arrives, whatever its announced length. */
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

/** The text of a body. What is no text is refused: Redis would be given something else than what was sent. */
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
    // Whoever stops half-way lets the sender stop too; after the end this does nothing.
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
