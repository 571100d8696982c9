/** A command that a Redis has run for a client. */
export interface CommandEvent {
  /** Its name in capitals. */
  readonly command: string;
  readonly keys: readonly string[];
  /** In milliseconds. */
  readonly duration: number;
  /** What Redis refused it with. */
  readonly error?: string | undefined;
}

/** What clients send by themselves when they connect. */
const ofConnections = /^(HELLO|CLIENT|AUTH|INFO|COMMAND|SELECT|PING)$/;

/** The words that keys of the patterns begin with. */
const patternWords =
  /^(bloom|cache|channel|counter|election|feed|guard|idempotency|leaderboard|limiter|lock|ping|presence|read-write|recent|record|semaphore|series|session|token|uniques)(?=:)/;

/** No eye follows more lines a second. */
const mostLines = 100;

/** Shows commands as they happen, a line each: when, which pattern, command, key, how long. Beyond 100 lines a second it counts. */
export function createView(print: (line: string) => void) {
  let lines = 0;
  let more = 0;
  const timer = setInterval(() => {
    if (more > 0) print(`             and ${more.toLocaleString("en")} more in this second`);
    lines = 0;
    more = 0;
  }, 1_000);
  timer.unref();
  return {
    begin: () => print("\ntime                time  pattern     command  key"),
    show(event: CommandEvent): void {
      if (ofConnections.test(event.command)) return;
      lines += 1;
      if (lines > mostLines) more += 1;
      else print(lineOf(event));
    },
    stop: () => clearInterval(timer),
  };
}

function lineOf({ command, keys, duration, error }: CommandEvent): string {
  const [first = "", ...others] = keys;
  const key = shorten(first) + (others.length > 0 ? ` and ${others.length} more` : "");
  const time = new Date().toISOString().slice(11, 23);
  const figure = `${duration.toFixed(2).padStart(8)} ms`;
  const columns = [
    time,
    figure,
    "",
    patternOf(first).padEnd(11),
    shorten(command).padEnd(8),
    key,
    error && ` ${shorten(explain(error))}`,
  ];
  return visible(columns.filter((column) => column !== undefined).join(" "));
}

/** No failure: Redis asks for the text of a script that it does not know yet. */
function explain(error: string): string {
  return error.startsWith("NOSCRIPT") ? "NOSCRIPT: its text follows" : error;
}

/** The pattern that a key belongs to: the first word of its name. */
function patternOf(key: string): string {
  return patternWords.exec(key)?.[0] ?? "";
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

/** What clients send may hold what a terminal takes for a command of its own. */
function visible(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, "?");
}
