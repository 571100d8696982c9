import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

/** What the routes need of an event. */
export interface Visit {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Where the request came from. */
  readonly address: string;
  /** The session's token, if the visitor sent one. */
  readonly token: string | undefined;
  /** Hands over work that the answer does not depend on. It is finished before the function is frozen. */
  afterwards(work: Promise<unknown>): void;
}

export function visitOf(event: APIGatewayProxyEventV2, afterwards: Visit["afterwards"]): Visit {
  const { http, stage } = event.requestContext;
  return {
    method: http.method,
    // A stage other than $default is part of the path.
    path: event.rawPath.replace(stage === "$default" ? "" : `/${stage}`, ""),
    body: Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8").toString("utf8"),
    address: http.sourceIp,
    token: event.cookies?.map((cookie) => /^__Host-session=(.*)$/.exec(cookie)?.[1]).find(Boolean),
    afterwards,
  };
}

export function json(
  statusCode: number,
  body: unknown,
  headers: Record<string, string> = {},
): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

/** Answers with nothing but a cookie; `null` takes it back. */
export function cookie(token: string | null): APIGatewayProxyStructuredResultV2 {
  const end = token === null ? "; Max-Age=0" : "";
  return {
    statusCode: 204,
    cookies: [`__Host-session=${token ?? ""}; Path=/; Secure; HttpOnly; SameSite=Lax${end}`],
  };
}
