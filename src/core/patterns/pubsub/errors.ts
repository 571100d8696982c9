import { RedisPatternsError } from "../../errors.ts";

/** A message does not fit the schema. Nothing was published. */
export class MessageInvalidError extends RedisPatternsError {
  override readonly name = "MessageInvalidError";
  /** What the schema says, as the library that made it writes it. It may show parts of the message. */
  readonly issues: readonly unknown[];

  constructor(issues: readonly unknown[]) {
    super("MESSAGE_INVALID", "The message does not fit `schema`; `issues` says where");
    this.issues = issues;
  }
}

/** A loop over the messages of a channel without a log was slower than they came. It is thrown after those that waited. */
export class SlowConsumerError extends RedisPatternsError {
  override readonly name = "SlowConsumerError";
  /** How many messages may wait. */
  readonly buffer: number;

  constructor(buffer: number) {
    super(
      "SLOW_CONSUMER",
      `More than ${buffer} messages waited for the loop; make it faster, raise \`buffer\`, or use \`delivery: resumable()\`, which keeps them`,
    );
    this.buffer = buffer;
  }
}
