export { createGrpcClient, type GrpcCallOptions, type GrpcClient, type GrpcClientOptions } from './client.ts';
export type { CallFacts, GrpcErrorCode } from './errors.ts';
export {
  type GrpcCall,
  type Handlers,
  type ImplementOptions,
  implement,
  type Refusal,
  refuse,
  type ServedService,
} from './implement.ts';
export { createGrpcServer, type GrpcServer, type GrpcServerOptions } from './server.ts';
export type { StatusName } from './status.ts';
