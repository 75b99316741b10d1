import type { SectionShape } from '../grammar/shape.ts';
import { AGGREGATE } from './aggregate.ts';
import { DYNAMIC_ROUTE } from './dynamic-route.ts';
import { GLOBAL } from './global.ts';
import { ROUTE } from './route.ts';
import { SWAGGER_ENDPOINT } from './swagger.ts';

export const ROOT = {
  $schema: { type: 'string', own: true, doc: 'For editors: the schema of this file.' },
  Routes: {
    type: 'objects',
    shape: ROUTE,
    also: ['ReRoutes'],
    doc: 'What is forwarded where, in the order of trying.',
  },
  Aggregates: { type: 'objects', shape: AGGREGATE, doc: 'Answers made of those of several routes.' },
  DynamicRoutes: {
    type: 'objects',
    shape: DYNAMIC_ROUTE,
    also: ['DynamicReRoutes'],
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
