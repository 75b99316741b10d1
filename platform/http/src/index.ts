export { type HttpError, type HttpErrorCode, type UnexpectedStatus, unexpectedStatus } from './errors.ts';
export { handle, type RouteHandler, type RouteReply, type RouteRequest } from './handler.ts';
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
