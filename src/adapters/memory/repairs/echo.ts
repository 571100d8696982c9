import type { EngineModule } from "../engine-types.ts";

/** The engine has no ECHO, which clients send to see whether a connection works. */
export function createEcho({ defineCommand, t, RedisResult, RedisValue }: EngineModule) {
  return defineCommand({
    name: "echo",
    schema: t.object({ message: t.key() }),
    flags: ["fast"],
    keys: () => [],
    execute: ({ message }) => RedisResult.create(RedisValue.bulkString(message)),
  });
}
