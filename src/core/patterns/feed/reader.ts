import { checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { encodeId } from "../../keys.ts";

/** The field of a reader's marker. */
export function readerField(reader: string): string {
  if (checkText("reader", reader).length <= 256) return encodeId(reader);
  throw new OptionError("`reader` must have at most 256 characters; use a hash of it");
}
