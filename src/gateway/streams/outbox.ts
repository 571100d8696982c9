import { join } from "../bytes.ts";

/** Read at once from what is waiting, in bytes. */
const pieceSize = 65_536;

/** So many small frames are put together, since each takes more memory than its bytes. */
const looseFrames = 64;

/** What a stream has for its one reader, and the reader has not taken yet. */
export class Outbox {
  readonly #maxPending: number;
  readonly #ends: (() => void)[] = [];
  #frames: Uint8Array[] = [];
  #size = 0;
  #loose = 0;
  #ended = false;
  #wake = () => {};

  /** @param maxPending The most bytes that may wait behind the first frame when one more comes. */
  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Takes in a frame. The reader that has left too much unread is told, in place of what it left, and the stream ends. The first frame does
   * not count: a large message must get through, and the reader may be at it.
   */
  push(frame: Uint8Array): void {
    if (this.#ended) return;
    if (this.#size - (this.#frames[0]?.length ?? 0) > this.#maxPending) {
      return this.drop(`the reader left more than ${this.#maxPending} bytes unread`);
    }
    this.#add(frame);
    this.#loose += 1;
    if (this.#loose === looseFrames) this.#compact();
  }

  /** The next piece, as soon as there is one, or `null` at the end. It is called again when its promise is settled. */
  async read(): Promise<Uint8Array | null> {
    while (this.#frames.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.length === 0 ? null : this.#take();
  }

  /** Calls back when nothing more is taken in. That may be now. */
  onEnd(call: () => void): void {
    if (this.#ended) call();
    else this.#ends.push(call);
  }

  /** Ends the stream after what is waiting. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake();
    for (const call of this.#ends) call();
  }

  /** Ends the stream, and tells the reader why in place of what is waiting. */
  drop(reason: string): void {
    if (this.#ended) return;
    this.#clear();
    this.#add(utf8.encode(`event: dropped\ndata: ${reason}\n\n`));
    this.end();
  }

  /** Ends the stream of a reader that has left. */
  cancel(): void {
    this.#clear();
    this.end();
  }

  #add(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#size += frame.length;
    this.#wake();
  }

  #clear(): void {
    this.#frames = [];
    this.#size = 0;
  }

  #compact(): void {
    this.#loose = 0;
    const tail = this.#frames.slice(-looseFrames);
    const size = sizeOf(tail);
    if (size <= pieceSize) this.#frames.splice(-tail.length, tail.length, join(tail, size));
  }

  #take(): Uint8Array {
    let count = 0;
    let size = 0;
    for (const frame of this.#frames) {
      if (count > 0 && size + frame.length > pieceSize) break;
      count += 1;
      size += frame.length;
    }
    this.#size -= size;
    this.#loose = 0;
    return join(this.#frames.splice(0, count), size);
  }
}

function sizeOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((size, { length }) => size + length, 0);
}

const utf8 = new TextEncoder();

/** The body of a `Response`. Nothing is read ahead, so that what waits is counted in one place. */
export function toReadableStream(outbox: Outbox): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const piece = await outbox.read();
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
      cancel: () => outbox.cancel(),
    },
    { highWaterMark: 0 },
  );
}
