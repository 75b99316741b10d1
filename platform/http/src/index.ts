export {
  type CallOptions,
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
} from './client/client.ts';
export { describeRoutes, type OpenApiOptions } from './contract/openapi.ts';
export { accepted, created, noContent, ok, type ProblemReply, problem } from './contract/reply.ts';
export {
  type BodyFor,
  type CallInput,
  type CallReply,
  type DeclaredProblems,
  defineRoute,
  type Method,
  type Responses,
  type Route,
  type RouteAnswer,
  type RouteInput,
} from './contract/route.ts';
export {
  type HttpError,
  type HttpErrorCode,
  type TaskErrorCode,
  taskError,
  type UnexpectedStatus,
  unexpectedStatus,
} from './errors.ts';
export {
  ConfigurationError,
  choice,
  type Environment,
  flag,
  integer,
  json,
  optional,
  port,
  readEnvironment,
  type Setting,
  secret,
  text,
  url,
} from './process/environment.ts';
export { runService } from './process/run-service.ts';
export { runTask, type TaskContext, type TaskDefinition } from './process/run-task.ts';
export type { ServiceContext, ServiceDefinition, StartedService } from './process/service.ts';
export type { ServiceEnvironment } from './process/service-environment.ts';
export { handle, type RouteHandler, type RouteReply, type RouteRequest } from './server/handler.ts';
export { databaseReadiness, type ReadinessCheck } from './server/health.ts';
export { createHttpHost, type HttpHost } from './server/host.ts';
export type { HttpHostOptions, RawRoutes } from './server/host-options.ts';
