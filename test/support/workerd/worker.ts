import { type Places, settle } from "./rows.ts";
import { collected, runStep } from "./vitest.ts";

/** What the outside asks of the Worker. */
export interface Order {
  /** The test or hook to run; without it, the Worker tells what there is. */
  readonly step?: number;
  readonly places?: Places;
}

/** How a step ended. */
export interface Outcome {
  readonly failure?: Failure;
}

/** An error as JSON carries it. */
export interface Failure {
  readonly message: string;
  readonly stack?: string | undefined;
  /** What an assertion compared, printed. */
  readonly actual?: string | undefined;
  readonly expected?: string | undefined;
}

// oxlint-disable-next-line import/no-default-export -- the form of a Worker
export default {
  async fetch(request: Request): Promise<Response> {
    const order: Order = await request.json();
    if (order.step === undefined) {
      return Response.json({ suite: JSON.parse(collected()), process: typeof process, Buffer: typeof Buffer });
    }
    if (order.places) settle(order.places);
    return Response.json(await runStep(order.step).then(() => ({}), failed));
  },
};

function failed(error: unknown): Outcome {
  if (!(error instanceof Error)) return { failure: { message: String(error) } };
  const { actual, expected } = error as { readonly actual?: unknown; readonly expected?: unknown };
  const message = `${error.name}: ${error.message}`;
  return { failure: { message, stack: error.stack, actual: printed(actual), expected: printed(expected) } };
}

function printed(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return JSON.stringify(
    value,
    (_, part: unknown) => (part instanceof Error ? `${part.name}: ${part.message}` : part),
    2,
  );
}
