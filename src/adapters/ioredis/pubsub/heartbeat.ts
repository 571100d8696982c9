import { startDeadline } from "../../../core/time/deadline.ts";
import { startBackgroundTimer } from "../../../core/time/timer.ts";
import type { IoredisClient } from "../client.ts";
import { connectionOf, socketOf } from "./connection.ts";

/** How a connection is listened to. */
export interface Heartbeat {
  /** The time from one PING to the next, in milliseconds. */
  readonly every: number;
  /** How long nothing may come after one, in milliseconds. */
  readonly timeout: number;
}

/** Listens for signs of life on the connection of a client. */
export interface Pulse {
  start(heartbeat: Heartbeat): void;
  stop(): void;
}

/**
 * Ends a connection that died without a sign, as when a router forgets it: nobody would notice, since nothing is written to it. The client
 * then makes the next one.
 */
export function createPulse(client: IoredisClient): Pulse {
  let current: Heartbeat | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const beat = () => {
    if (!current) return;
    timer = startBackgroundTimer(beat, current.every);
    expectLife(connectionOf(client), current.timeout);
  };
  return {
    start(heartbeat) {
      if (current && current.every <= heartbeat.every) return;
      clearTimeout(timer);
      current = heartbeat;
      timer = startBackgroundTimer(beat, heartbeat.every);
    },
    stop() {
      clearTimeout(timer);
      current = undefined;
    },
  };
}

function expectLife(connection: IoredisClient | undefined, timeout: number): void {
  const socket = socketOf(connection);
  if (!connection || !socket || !/^(connect|ready)$/.test(connection.status)) return;
  const { bytesRead } = socket;
  // Whatever the answer is, it comes over the connection.
  connection.callBuffer("PING", []).catch(() => {});
  startDeadline(() => {
    if (socket.bytesRead === bytesRead && !socket.destroyed) socket.destroy(new Error("The connection was silent"));
  }, timeout);
}
