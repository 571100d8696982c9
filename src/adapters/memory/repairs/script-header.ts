/** The flags that Redis 7.0 knows. */
const knownFlags = /^(no-writes|allow-oom|allow-stale|no-cluster|allow-cross-slot-keys|)$/;

/** What is wrong with the first line of a script, such as `#!lua flags=no-writes`, in the words of Redis. */
export function headerFault(script: string): string | undefined {
  if (!script.startsWith("#!")) return undefined;
  if (!script.includes("\n")) return "Invalid script shebang";
  const [language, ...options] = wordsOf(script);
  if (language !== "#!lua") return `Unexpected engine in script shebang: ${language}`;
  const stranger = options.find((option) => !option.startsWith("flags="));
  if (stranger !== undefined) return `Unknown lua shebang option: ${stranger}`;
  const flag = flagsOf(script).find((flag) => !knownFlags.test(flag));
  return flag === undefined ? undefined : `Unexpected flag in script shebang: ${flag}`;
}

/** Whether the first line of a script says that it writes nothing. */
export function writesNothing(script: Buffer): boolean {
  return script.subarray(0, 5).toString() === "#!lua" && flagsOf(script.toString()).includes("no-writes");
}

function flagsOf(script: string): string[] {
  return wordsOf(script).flatMap((option) => (option.startsWith("flags=") ? option.slice(6).split(",") : []));
}

function wordsOf(script: string): string[] {
  return script
    .slice(0, script.indexOf("\n"))
    .split(/\s+/)
    .filter((word) => word !== "");
}
