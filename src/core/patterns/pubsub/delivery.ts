import { OptionError } from "../../errors.ts";
import { bindInside, createInternals, findInside } from "../../internals.ts";
import type { DeliveryParts } from "./context.ts";

/** What becomes of a message that a subscriber misses, as a value: a bundle has only the one that it names. */
export interface Delivery {
  readonly name: "fire-and-forget" | "resumable";
}

const parts = /* @__PURE__ */ createInternals<DeliveryParts>("delivery");

export function createDelivery(name: Delivery["name"], inside: DeliveryParts): Delivery {
  return bindInside(parts, { name }, inside);
}

/** @throws {OptionError} It is none. */
export function partsOf(delivery: Delivery): DeliveryParts {
  const found = findInside(parts, delivery);
  if (found) return found;
  throw new OptionError("`delivery` must be fireAndForget() or resumable({ keep: { age, length } })");
}
