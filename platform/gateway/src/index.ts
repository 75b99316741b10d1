export type { GatewayConfig } from './config/gateway-config.ts';
export { parseGatewayConfig } from './config/parse-gateway-config.ts';
export { createGateway, type Gateway, type GatewayOptions } from './create-gateway.ts';
export type { GatewayErrorCode } from './errors.ts';
