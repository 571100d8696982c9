import { createServer } from "node:tls";
import { startRelay, type Target } from "./relay.ts";

/** Speaks TLS in front of a server that does not. */
export interface TlsProxy {
  /** The only name that the certificate is made out to: an address does not pass. */
  readonly host: "localhost";
  readonly port: number;
  stop(): Promise<void>;
}

export async function startTlsProxy(target: Target): Promise<TlsProxy> {
  const { port, stop } = await startRelay(
    target,
    (client, upstream) => void client.pipe(upstream).pipe(client),
    (accept) =>
      createServer({ key, cert: certificate }, accept).on("tlsClientError", (_, socket) => void socket.destroy()),
  );
  return { host: "localhost", port, stop };
}

/** Self-signed, for localhost, until 2126; made for these tests and used nowhere else. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUQUP20MUfrreLSCTRVqk0nSIs8cYwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTAxNDExMFoYDzIxMjYxMDI4
MDE0MTEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR600Tp8twq6AzO7CcCqMEQa2NOEbdhxskkxGuJQAn39rrpn5M1xdN3
j9SiYvG2MORr050waNgbD4sTsidX+dOso2kwZzAdBgNVHQ4EFgQUOy8kRINbJl+K
jqvlyYc893cx/i4wHwYDVR0jBBgwFoAUOy8kRINbJl+KjqvlyYc893cx/i4wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIgDf1B7HXixN6AxZFsAe+R7R2gBJdHoFnj50ZkE2MFpp8CIQDjpAEi9r4o
2qd03J+nx0pHyCFbEY8kuVNRBM/OK8tAZw==
-----END CERTIFICATE-----`;

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNOHJ+zx39MYEUkPv
5kua/NvZUThtz7a6907fOxW1tdehRANCAAR600Tp8twq6AzO7CcCqMEQa2NOEbdh
xskkxGuJQAn39rrpn5M1xdN3j9SiYvG2MORr050waNgbD4sTsidX+dOs
-----END PRIVATE KEY-----`;
