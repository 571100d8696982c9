/** Makes the bytes of one event. `prefix` is what stands before the message, up to and with a comma. */
export type Framer = (prefix: string, message: string) => Uint8Array;

/** What says that the connection lives. Readers ignore it. */
export const heartbeatFrame = new TextEncoder().encode(": \n\n");

/** Creates a framer. A message that goes to many streams, one after the other, is encoded once. */
export function createFramer(): Framer {
  const utf8 = new TextEncoder();
  let last = { prefix: "", message: "", frame: utf8.encode(eventOf("")) };
  return (prefix, message) => {
    if (last.message !== message || last.prefix !== prefix) {
      last = { prefix, message, frame: utf8.encode(eventOf(prefix + message)) };
    }
    return last.frame;
  };
}

/** A line break of any kind ends a field of an event. So each line becomes a field of its own, and nobody's text makes an event of its own. */
function eventOf(text: string): string {
  return `data: ${text.replaceAll(/\r\n|\r|\n/g, "\ndata: ")}\n\n`;
}
