#!/usr/bin/env node
import { Command } from "commander";
import { addDevCommand } from "./dev/dev-command.ts";
import { addGatewayCommand } from "./gateway-command.ts";
import { addPingCommand } from "./ping/ping-command.ts";
import { version } from "./version.ts";

const program = new Command("redis-patterns")
  .description("Tools for what the package does with Redis")
  .version(version);

// A command that does not understand its options exits with 2, as is the custom. Commander itself would use 1.
program.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
addDevCommand(program);
addGatewayCommand(program);
addPingCommand(program);
await program.parseAsync().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
