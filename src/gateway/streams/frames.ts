/** Makes the bytes of one event. `words` is what stands before the message, each with a comma. */
export type Framer = (words: readonly string[], message: string) => Uint8Array;

/** What says that the connection lives. Readers ignore it. */
export const heartbeatFrame = new TextEncoder().encode(": \n\n");

/** Creates a framer. A message that goes to many streams, one after the other, is encoded once. */
export function createFramer(): Framer {
  const utf8 = new TextEncoder();
  let last = { prefix: "", message: "", frame: utf8.encode(eventOf("", [], "")) };
  return (words, message) => {
    const prefix = words.map((word) => `${word},`).join("");
    if (last.message !== message || last.prefix !== prefix) {
      last = { prefix, message, frame: utf8.encode(eventOf(prefix, words, message)) };
    }
    return last.frame;
  };
}

/** A line break of any kind ends a field of an event. So each line becomes a field of its own, and nobody's text makes an event of its own. */
function eventOf(prefix: string, words: readonly string[], message: string): string {
  const text = prefix + message;
  const data = `data: ${text.replaceAll(/\r\n|\r|\n/g, "\ndata: ")}\n\n`;
  // The text can't say which line break it was, nor where the channel of a pattern's message ends. Our reader looks here first; others pass it over.
  const isExact = !text.includes("\r") && !words[2]?.includes(",");
  return isExact ? data : `exact: ${JSON.stringify([...words, message])}\n${data}`;
}
