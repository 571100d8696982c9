import { checkText } from "../../core/check.ts";
import { checkClient, type IoredisClient } from "./client.ts";
import { ioredis } from "./ioredis.ts";

/** The newest password of each Cluster, for its future connections. */
const newestPasswords = new WeakMap<IoredisClient, string>();

/**
 * Changes the password of a client in use, for passwords that expire, such as IAM tokens. Open connections authenticate again, which
 * ElastiCache requires every 12 hours. Later connections use the new password, too.
 * @throws {ReplyError} Redis refused the password. The client keeps the old one.
 * @example
 * const renew = async () => setPassword(client, await iamToken());
 * setInterval(() => renew().catch(report), minutes(10)).unref();
 */
export async function setPassword(client: IoredisClient, password: string): Promise<void> {
  checkText("password", password);
  const { nodes } = checkClient(client);
  const connections = client.isCluster && nodes ? nodes.call(client, "all") : [client];
  await Promise.all(connections.filter(({ status }) => status === "ready").map((one) => authenticate(one, password)));
  for (const one of connections) setPasswordOption(one, password);
  if (!client.isCluster) return;
  if (!newestPasswords.has(client))
    client.on("+node", (node) => setPasswordOption(node as IoredisClient, newestPasswords.get(client)));
  newestPasswords.set(client, password);
}

async function authenticate(connection: IoredisClient, password: string): Promise<void> {
  const username: unknown = Reflect.get(connection.options, "username");
  await ioredis(connection).send(typeof username === "string" ? ["AUTH", username, password] : ["AUTH", password]);
}

function setPasswordOption(connection: IoredisClient, password: string | undefined): void {
  Reflect.set(connection.options, "password", password);
}
