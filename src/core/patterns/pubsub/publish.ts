import { type ChangeOptions, checkChange } from "../../request.ts";
import { checkName, type ChannelContext } from "./context.ts";
import { MessageInvalidError } from "./errors.ts";
import { encodeMessage } from "./format.ts";
import type { Published } from "./options.ts";

export async function publishMessage(
  context: ChannelContext,
  name: string,
  message: unknown,
  options: ChangeOptions | undefined,
): Promise<Published> {
  const call = checkChange(options) ?? {};
  checkName(name);
  const { codec, schema, maxBytes, parts } = context;
  // It is sent as it is given, since a schema may make of it what it would not accept again.
  const result = await schema?.["~standard"].validate(message);
  if (result?.issues) throw new MessageInvalidError(result.issues);
  return parts.publish(context, name, encodeMessage(codec, message, maxBytes), call);
}
