/** The number of a TCP port, if the text is one. */
export function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  return port < 65_536 ? port : undefined;
}

/** Says what to do about a port that is in use. */
export function explainPort(cause: unknown, flag: string): unknown {
  if (!(cause instanceof Error) || !("code" in cause) || cause.code !== "EADDRINUSE") return cause;
  const port = "port" in cause ? String(cause.port) : "";
  return new Error(`port ${port} is in use: ${flag} takes another one, and ${flag} 0 picks a free one`, { cause });
}
