import { days } from "redis-patterns";
import { defineScript, integer } from "redis-patterns/script";
import { redis } from "./redis.ts";

// A set, so that a command that a client repeats after a lost reply counts the order once.
const addSale = defineScript({
  keys: ["sales"],
  args: ["order", "ttl"],
  decode: integer,
  lua: `
    redis.call("SADD", sales, order)
    redis.call("PEXPIRE", sales, ttl)
    return redis.call("SCARD", sales)`,
});

/** Notes an order in the statistics of its day, and tells how many there are. */
export async function recordSale(order: string): Promise<number> {
  const day = new Date().toISOString().slice(0, 10);
  return addSale(redis, { sales: `shop:sales:{${day}}`, order, ttl: days(7) }, { idempotent: true });
}
