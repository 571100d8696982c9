export { createGateway } from "./gateway.ts";
export type { Gateway, GatewayOptions } from "./gateway.ts";
export type { GatewayToken } from "./tokens.ts";
