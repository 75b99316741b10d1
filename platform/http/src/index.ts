export {
  type CallOptions,
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
} from './client/client.ts';
export {
  createForwarder,
  type ForwardedRequest,
  type ForwardedResponse,
  type Forwarder,
  type ForwarderOptions,
} from './client/forwarder.ts';
export { describeRoutes, type OpenApiOptions } from './contract/openapi.ts';
export { refusal } from './contract/problem.ts';
export {
  accepted,
  created,
  noContent,
  ok,
  type ProblemReply,
  problem,
  type StreamReply,
} from './contract/reply.ts';
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
  type UnexpectedStatus,
  unexpectedStatus,
} from './errors.ts';
export { handle, type RouteHandler, type RouteReply, type RouteRequest } from './server/handler.ts';
export { databaseReadiness, failedChecks, type ReadinessCheck } from './server/health.ts';
export { createHttpHost, type HttpHost } from './server/host.ts';
export type { HttpHostOptions, RawRoutes, RawTools } from './server/host-options.ts';
