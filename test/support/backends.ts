import { afterAll, beforeAll, describe, it } from "vitest";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { countCommands, expectNoImmortalKey, expectNoSlowCommand, scanKeys } from "./inspect.ts";
import { long, turnOf } from "./long.ts";
import type { Deadline, Row, StandaloneRow, Unreliable } from "./rows.ts";
import { areChosen, clusterRows, memoryRows, openServer, standaloneRows } from "./rows.ts";

/** One row of the list that every contract suite runs on: a client, a protocol, a server. */
export interface Backend {
  readonly name: string;
  /** What every key of this suite must begin with. */
  readonly prefix: string;
  /** A port on a connection of its own; closed with the suite. */
  connect(): Promise<Redis>;
  /** The second port, on a connection of its own; closed with the suite. Backends of `onEverySubscriber` have it. */
  listen(): Promise<Subscriber>;
  /** Ports straight to the server, or to each master of the Cluster: to look, and to break. */
  readonly servers: readonly Redis[];
  /** What the servers executed while `work` ran, by lower-case command name, commands inside scripts included. */
  count(work: () => Promise<unknown>): Promise<Record<string, number>>;
  /** The keys with the suite's prefix, of all patterns. */
  keys(): Promise<string[]>;
  /** Those of the rows whose turn it is on this backend: in `npm test`, one backend runs each; in `npm run test:long`, all do. */
  share<T>(rows: readonly T[]): readonly T[];
  /** A test that runs on one backend in `npm test`, in turn with the others of its suite, and on all in `npm run test:long`. */
  it(name: string, test: () => unknown, timeout?: number): void;
  /** A test that moves the clock of this process, on every backend whose server has one of its own. */
  itHasOwnClock(name: string, test: () => unknown): void;
}

/** A row whose one server belongs to this test file: it may be paused, killed and restarted. */
export interface StandaloneBackend extends Backend {
  readonly server: Awaited<ReturnType<typeof openServer>>;
  /** What the client runs again by itself when a reply was lost: everything, or what is marked `idempotent`. */
  readonly resends: StandaloneRow["resends"];
  /** A port on a connection through a proxy that can lose replies. */
  connectThroughProxy(): Promise<Unreliable>;
}

/** A suite about decisions must not fail because a busy machine is slow to carry them. */
export const patient = { timeout: 60_000 };

/** The keys of formats that other programs read, which begin with the prefix itself. */
export const bareKeys = ["~app*", "~{app*"];

/** What no pattern needs: for a suite about the port. */
export const everything = ["+@all", "~*", "&*"];

/**
 * Runs a suite on every backend, as the user of docs/acl.md who has the suite's prefix. `servers` may do everything.
 * @param also Further rules for this user, with `app` for the prefix, where the suite needs more than the patterns do.
 */
export function onEveryBackend(subject: string, suite: (backend: Backend) => void, also: readonly string[] = []): void {
  const server = fileServer();
  // A suite about the port needs every right, and reads replies of every shape.
  const clients = also === everything ? standaloneRows : inTurn(standaloneRows, subject);
  [...clients, ...memoryRows, ...clusterRows].forEach((row, index, rows) => {
    describe(`${subject} on ${row.name}`, () => {
      suite(lifecycle(row, server, turnOf(index, rows.length), patient, also));
    });
  });
}

/**
 * As `onEveryBackend`, on those that have the second port.
 * @param also Further rules for the user who publishes and for the one who listens.
 */
export function onEverySubscriber(
  subject: string,
  suite: (backend: Backend) => void,
  also: readonly string[] = [],
): void {
  const server = fileServer();
  const rows: readonly Row[] = [...standaloneRows, ...memoryRows, ...clusterRows].filter(isListening);
  rows.forEach((row, index) => {
    describe(`${subject} on ${row.name}`, () => {
      suite(lifecycle(row, server, turnOf(index, rows.length), patient, also));
    });
  });
}

const isListening = ({ listens = false }: Row) => listens;

/**
 * Runs a suite that breaks the server or the wire on every backend with a server of its own.
 * @param deadline The adapters' own deadline, where it is not the default: `patient` for a suite that breaks nothing.
 */
export function onStandaloneBackends(
  subject: string,
  suite: (backend: StandaloneBackend) => void,
  deadline: Deadline = {},
): void {
  const server = fileServer();
  inTurn(standaloneRows, subject).forEach((row, index, rows) => {
    describe(`${subject} on ${row.name}`, () => {
      suite(standalone(row, server, turnOf(index, rows.length), deadline));
    });
  });
}

/**
 * Of the rows that only read replies otherwise, each suite has one in `npm test`: which one, its name decides. In `npm run test:long` it has all.
 */
function inTurn(rows: readonly StandaloneRow[], subject: string): readonly StandaloneRow[] {
  if (long || areChosen) return rows;
  const others = rows.filter(({ readsOtherwise = false }) => readsOtherwise);
  const chosen = others[Array.from(subject).reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % others.length];
  return rows.filter((row) => row === chosen || !others.includes(row));
}

type Server = Awaited<ReturnType<typeof openServer>>;

function fileServer(): () => Server {
  let server: Server;
  beforeAll(async () => {
    server = await openServer();
  }, 30_000);
  afterAll(() => server.stop());
  return () => server;
}

/** Opens the row before its tests and, after them, checks what a pattern must never leave behind. */
function lifecycle(
  row: Row,
  server: () => Server,
  isItsTurn: () => boolean,
  deadline: Deadline,
  also?: readonly string[],
): Backend {
  const prefix = `t${Math.random().toString(36).slice(2, 10)}`;
  const closing: (() => unknown)[] = [];
  let opened: Awaited<ReturnType<Row["open"]>>;
  beforeAll(async () => {
    opened = await row.open(server(), closing, deadline, also && { prefix, also });
  }, 30_000);
  afterAll(async () => {
    await expectNoImmortalKey(opened.servers, prefix);
    await expectNoSlowCommand(opened.servers, server().late());
    for (const close of closing.toReversed()) await close();
  }, 30_000);
  return {
    name: row.name,
    prefix,
    connect: () => opened.connect(),
    async listen() {
      if (opened.listen) return opened.listen();
      throw new Error(`${row.name} has no subscriber`);
    },
    get servers() {
      return opened.servers;
    },
    count: (work) => countCommands(opened.servers, work),
    keys: () => scanKeys(opened.servers, prefix),
    share: (rows) => rows.filter(isItsTurn),
    it(name, test, timeout) {
      // oxlint-disable-next-line vitest/no-conditional-tests, vitest/valid-title, vitest/expect-expect -- it passes on a test of a suite
      if (isItsTurn()) it(name, test, timeout);
    },
    itHasOwnClock(name, test) {
      // oxlint-disable-next-line vitest/no-conditional-tests, vitest/valid-title, vitest/expect-expect -- it passes on a test of a suite
      if (!row.sharesClock) it(name, test);
    },
  };
}

function standalone(
  row: StandaloneRow,
  server: () => Server,
  isItsTurn: () => boolean,
  deadline: Deadline,
): StandaloneBackend {
  const closing: (() => unknown)[] = [];
  const backend = lifecycle(row, server, isItsTurn, deadline);
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
  }, 30_000);
  return Object.defineProperty(
    Object.assign(backend, {
      resends: row.resends,
      connectThroughProxy: () => row.connectThroughProxy(server(), closing),
    }),
    "server",
    { get: server },
  ) as StandaloneBackend;
}
