export {
  type BodyFor,
  defineRoute,
  type Method,
  type Responses,
  type Route,
  type RouteAnswer,
  type RouteInput,
} from './route.ts';
