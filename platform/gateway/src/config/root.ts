import type { SectionShape } from '../grammar/shape.ts';
import { GLOBAL } from './global.ts';
import { AGGREGATE, DYNAMIC_ROUTE, ROUTE } from './route.ts';

const SWAGGER_SERVICE = {
  Name: { type: 'string', required: true, own: true, doc: 'As `ServiceName`.' },
  Path: { type: 'string', default: '/openapi.json', own: true, doc: 'Of the document, at any instance.' },
} as const satisfies SectionShape;

export const SWAGGER_VERSION = {
  Name: { type: 'string', own: true, doc: 'Title in the merged document.' },
  Version: { type: 'string', own: true, doc: 'Version of the API.' },
  Url: { type: 'string', own: true, doc: 'Where the document is; or else `Service`.' },
  Service: {
    type: 'object',
    shape: SWAGGER_SERVICE,
    own: true,
    doc: 'The service that has the document, found by discovery.',
  },
} as const satisfies SectionShape;

const SWAGGER_ENDPOINT = {
  Key: { type: 'string', required: true, own: true, doc: 'What routes name as `SwaggerKey`.' },
  Config: { type: 'objects', shape: SWAGGER_VERSION, own: true, doc: 'Documents of the back end.' },
} as const satisfies SectionShape;

export const ROOT = {
  $schema: { type: 'string', own: true, doc: 'For editors: the schema of this file.' },
  Routes: { type: 'objects', shape: ROUTE, doc: 'What is forwarded where, in the order of trying.' },
  Aggregates: { type: 'objects', shape: AGGREGATE, doc: 'Answers made of those of several routes.' },
  DynamicRoutes: {
    type: 'objects',
    shape: DYNAMIC_ROUTE,
    doc: 'Options of services that are routed by the first segment of the path; only without `Routes`.',
  },
  GlobalConfiguration: {
    type: 'object',
    shape: GLOBAL,
    doc: 'Defaults of all routes, and the gateway itself.',
  },
  SwaggerEndPoints: {
    type: 'objects',
    shape: SWAGGER_ENDPOINT,
    own: true,
    doc: 'OpenAPI documents of the back ends (as in MMLib.SwaggerForOcelot).',
  },
} as const satisfies SectionShape;
