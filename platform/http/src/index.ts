export { type HttpError, type HttpErrorCode, type UnexpectedStatus, unexpectedStatus } from './errors.ts';
export { handle, type RouteHandler, type RouteReply, type RouteRequest } from './handler.ts';
export { databaseReadiness, type ReadinessCheck } from './health.ts';
export { createHttpHost, type HttpHost } from './host.ts';
export type { HttpHostOptions, RawRoutes } from './host-options.ts';
export { describeRoutes, type OpenApiOptions } from './openapi.ts';
export { accepted, created, noContent, ok, type ProblemReply, problem } from './reply.ts';
export {
  type BodyFor,
  defineRoute,
  type Method,
  type Responses,
  type Route,
  type RouteAnswer,
  type RouteInput,
} from './route.ts';
