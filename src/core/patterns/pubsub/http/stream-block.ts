/** One block of an event stream, as the HTML standard has it (section 9.2.6). */
export interface StreamBlock {
  readonly retry?: number;
  readonly event?: string | undefined;
  readonly id?: string | undefined;
  /** JSON, which has no line breaks: nothing in it can begin a field of its own. */
  readonly data?: string | undefined;
}

/** What says nothing to the page, and tells every proxy on the way that the stream lives. */
export const comment = ": \n\n";

/** A block with an id alone is no event, and the browser keeps the id all the same. */
export function writeBlock(block: StreamBlock): string {
  const fields = [
    ["retry", block.retry],
    ["event", block.event],
    ["id", block.id],
    ["data", block.data],
  ];
  const lines = fields.flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}\n`));
  return `${lines.join("")}\n`;
}
