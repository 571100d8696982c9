import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { HeaderJar } from "redis-patterns/session";

/** What the routes need of an event. */
export interface Visit {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Where the request came from. */
  readonly address: string;
  /** The headers of the request, and those that the answer gets. */
  readonly jar: HeaderJar;
  /** Hands over work that the answer does not depend on. It is finished before the function is frozen. */
  afterwards(work: Promise<unknown>): void;
}

export function visitOf(event: APIGatewayProxyEventV2, jar: HeaderJar, afterwards: Visit["afterwards"]): Visit {
  const { http, stage } = event.requestContext;
  return {
    method: http.method,
    // A stage other than $default is part of the path.
    path: event.rawPath.replace(stage === "$default" ? "" : `/${stage}`, ""),
    body: Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8").toString("utf8"),
    address: http.sourceIp,
    jar,
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

/** Answers with nothing but the headers in the jar. */
export function done(): APIGatewayProxyStructuredResultV2 {
  return { statusCode: 204 };
}

/** A jar for one event, and what it adds to the answer: the payload format 2.0 keeps cookies apart from the headers, both ways. */
export function openJar({ cookies = [], headers }: APIGatewayProxyEventV2) {
  const written: { readonly cookies: string[]; readonly headers: Record<string, string> } = {
    cookies: [],
    headers: {},
  };
  const jar: HeaderJar = {
    read: (name) => (name === "cookie" ? cookies.join("; ") : headers[name]),
    write(name, value) {
      if (name === "Set-Cookie") written.cookies.push(value);
      else written.headers[name.toLowerCase()] = value;
    },
  };
  const addTo = (result: APIGatewayProxyStructuredResultV2): APIGatewayProxyStructuredResultV2 => ({
    ...result,
    headers: { ...result.headers, ...written.headers },
    cookies: written.cookies,
  });
  return { jar, addTo };
}
