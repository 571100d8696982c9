import { byteLength } from "../../core/check.ts";

/** One event of a server. */
export interface ServerEvent {
  /** The name of its kind; empty for a plain one. */
  readonly type: string;
  /** Its text. Of one that is too large, only the beginning. */
  readonly data: string;
  /** The same in JSON, where the text is not exact. Our gateway alone sends this. */
  readonly exact: string;
  /** Whether it is larger than it may be. */
  readonly oversize: boolean;
}

/**
 * Creates a reader of a server's event stream, as the HTML standard describes it, for chunks that end anywhere. Lines end with LF, or with
 * CR LF if the first one does, since a message may itself end with a CR.
 * @param maxBytes The largest text of an event. A little more than that is kept in memory.
 */
export function createEventReader(maxBytes: number, hear: (event: ServerEvent) => void): (chunk: Uint8Array) => void {
  const utf8 = new TextDecoder();
  const endLine = createLineReader(maxBytes, hear);
  const longest = maxBytes + "exact: x".length;
  let line = "";
  const extend = (part: string) => {
    // The rest of a line that is too long is passed over.
    if (line.length < longest) line += part.slice(0, longest - line.length);
  };
  return (chunk) => {
    const text = utf8.decode(chunk, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      extend(text.slice(from, end));
      endLine(line);
      line = "";
      from = end + 1;
    }
    extend(text.slice(from));
  };
}

function createLineReader(maxBytes: number, hear: (event: ServerEvent) => void): (line: string) => void {
  let hasCr: boolean | undefined;
  let lines: string[] = [];
  let bytes = 0;
  let [type, exact] = ["", ""];
  const end = () => {
    const [data] = lines.length > 1 ? [lines.join("\n")] : lines;
    const event = data !== undefined && { type, data, exact, oversize: bytes > maxBytes };
    lines = [];
    bytes = 0;
    type = exact = "";
    if (event) hear(event);
  };
  const add = (value: string) => {
    bytes += byteLength(value, maxBytes) + Math.sign(lines.length);
    // The first line tells whose message is too large.
    if (bytes <= maxBytes || lines.length === 0) lines.push(value);
    else lines.length = 1;
  };
  return (raw) => {
    hasCr ??= raw.endsWith("\r");
    const line = hasCr && raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line === "") return end();
    const colon = line.indexOf(":");
    const field = line.slice(0, colon);
    const value = line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "data") add(value);
    if (field === "event") type = value;
    if (field !== "exact") return;
    exact = value;
    bytes += Math.max(0, value.length - maxBytes);
  };
}
