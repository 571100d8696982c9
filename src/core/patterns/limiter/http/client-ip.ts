import { checkCount } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";

/** Options of `clientIp`. */
export interface ClientIpOptions {
  /**
   * The writer of the address that is believed. `"cloudflare"` reads `CF-Connecting-IP`. A number is that of your proxies in front, each
   * of which adds one address to `X-Forwarded-For`; 0 believes the connection alone. Everything else in the request can be forged.
   */
  readonly trust: "cloudflare" | number;
  /** The address of the connection, where there is one. */
  readonly remoteAddress?: string | undefined;
  /**
   * The bits of an IPv6 address that name a client. A household has at least a /64, so that it can change single addresses at no cost.
   * @default 64
   */
  readonly ipv6Prefix?: number;
}

/**
 * The client's address as an id to limit by: IPv4 as it is, IPv6 as its network.
 * @returns `null` where no valid address stands at the trusted place.
 * @throws {OptionError} `trust` is a number that is not whole or below 0, or `ipv6Prefix` is not a whole number from 1 to 128.
 * @example
 * const ip = clientIp(request.headers, { trust: "cloudflare" });
 */
export function clientIp(headers: Pick<Headers, "get">, options: ClientIpOptions): string | null {
  const { trust, remoteAddress, ipv6Prefix = 64 } = options;
  if (checkCount("ipv6Prefix", ipv6Prefix) > 128) throw new OptionError("`ipv6Prefix` must be at most 128 bits");
  const text =
    trust === "cloudflare"
      ? headers.get("cf-connecting-ip")
      : forwardedFor(headers, checkCount("trust", trust, 0), remoteAddress);
  return text ? toNetwork(stripPort(text.trim()), ipv6Prefix) : null;
}

/** Every trusted proxy appends the address that it sees; what stands further left came with the request. */
function forwardedFor(
  headers: Pick<Headers, "get">,
  proxies: number,
  remoteAddress: string | undefined,
): string | undefined {
  if (proxies === 0) return remoteAddress;
  return headers.get("x-forwarded-for")?.split(",").at(-proxies);
}

/** Takes off a port, and the brackets and the zone of IPv6. */
function stripPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(text)?.[1] ?? text;
  return bracketed
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1")
    .replace(/%.*$/, "")
    .toLowerCase();
}

function toNetwork(address: string, prefix: number): string | null {
  const four = parseIpv4(address.replace(/^::ffff:(?=\d+\.)/, ""));
  if (four) return four.join(".");
  const groups = parseIpv6(address);
  if (!groups) return null;
  if (groups.slice(0, 6).join() === "0,0,0,0,0,65535") return toIpv4(groups);
  const kept = groups.map((group, i) => group & toMask(prefix - 16 * i));
  return `${kept.map((group) => group.toString(16)).join(":")}/${prefix}`;
}

function parseIpv4(address: string): readonly number[] | null {
  const parts = address.split(".");
  const valid = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return valid ? parts.map(Number) : null;
}

/** The eight groups of an address. */
function parseIpv6(address: string): readonly number[] | null {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const four = dotted && parseIpv4(dotted[2] ?? "");
  if (dotted && !four) return null;
  const [a = 0, b = 0, c = 0, d = 0] = four ?? [];
  const hex = dotted ? `${dotted[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}` : address;
  const halves = hex.split("::");
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return null;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  return groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : null;
}

/** An IPv4 address inside an IPv6 one, written in hexadecimal. */
function toIpv4(groups: readonly number[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join(".");
}

/** The mask of a group: its first `bits` belong to the network. */
function toMask(bits: number): number {
  if (bits >= 16) return 0xffff;
  return bits <= 0 ? 0 : (0xffff << (16 - bits)) & 0xffff;
}
