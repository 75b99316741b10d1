export { type CallOptions, createHttpClient, type HttpClient, type HttpClientOptions } from './client.ts';
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
} from './environment.ts';
export { type HttpError, type HttpErrorCode, type UnexpectedStatus, unexpectedStatus } from './errors.ts';
export { handle, type RouteHandler, type RouteReply, type RouteRequest } from './handler.ts';
export { databaseReadiness, type ReadinessCheck } from './health.ts';
export { createHttpHost, type HttpHost } from './host.ts';
export type { HttpHostOptions, RawRoutes } from './host-options.ts';
export { describeRoutes, type OpenApiOptions } from './openapi.ts';
export { accepted, created, noContent, ok, type ProblemReply, problem } from './reply.ts';
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
} from './route.ts';
export { runService } from './run-service.ts';
export type { ServiceContext, ServiceDefinition, StartedService } from './service.ts';
export type { ServiceEnvironment } from './service-environment.ts';
