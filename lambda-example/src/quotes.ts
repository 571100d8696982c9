/** A price that holds for a minute. */
export interface Quote {
  readonly id: string;
  readonly product: string;
  /** In cents. */
  readonly price: number;
}

/** Stands for a slow and expensive source, such as a supplier's API; each call makes a new quote. */
export async function loadQuote(product: string, signal: AbortSignal): Promise<Quote> {
  signal.throwIfAborted();
  return { id: crypto.randomUUID(), product, price: 100 * product.length };
}
