import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface CorsConfig {
  /** `*`, or origins as browsers send them; compared exactly. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number;
}

const CORS = {
  AllowedOrigins: { type: 'strings', own: true, doc: 'Origins as browsers send them, or `*`.' },
  AllowedMethods: { type: 'strings', own: true, doc: "Default: the route's methods; `*` = all." },
  AllowedHeaders: { type: 'strings', own: true, doc: 'Request headers that scripts may set; `*` = all.' },
  ExposedHeaders: { type: 'strings', own: true, doc: 'Answer headers that scripts may read.' },
  AllowCredentials: { type: 'boolean', default: false, own: true, doc: 'Not together with the origin `*`.' },
  MaxAge: { type: 'integer', minimum: 0, default: 0, own: true, doc: 'How long a preflight is good for, s.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const cors = definePolicy({
  keys: {
    CorsOptions: {
      type: 'object',
      shape: CORS,
      own: true,
      doc: 'Answers preflights and marks answers; absent = off.',
    },
  },
  read: ({ own, global, owner }) => ({
    cors: readCors(joinGroup(own?.values.CorsOptions, global?.values.CorsOptions, owner.key), owner.methods),
  }),
});

/** `undefined` = the gateway does nothing about CORS. */
function readCors(
  group: Group<typeof CORS> | undefined,
  routeMethods: readonly string[],
): CorsConfig | undefined {
  const allowedOrigins = group?.values.AllowedOrigins ?? [];
  if (group === undefined || allowedOrigins.length === 0) return undefined;
  const allowCredentials = group.values.AllowCredentials ?? false;
  for (const origin of allowedOrigins) checkOrigin(group, origin);
  // Any site could then act with the user's cookies.
  if (allowCredentials && allowedOrigins.includes('*'))
    group.error('AllowCredentials', 'is not possible with the origin *');
  return {
    allowedOrigins,
    allowedMethods: (group.values.AllowedMethods ?? routeMethods).map((method) => method.toUpperCase()),
    allowedHeaders: group.values.AllowedHeaders ?? [],
    exposedHeaders: group.values.ExposedHeaders ?? [],
    allowCredentials,
    maxAgeSeconds: group.values.MaxAge ?? 0,
  };
}

function checkOrigin(group: Group<typeof CORS>, origin: string): void {
  if (origin !== '*' && !isOrigin(origin))
    group.error('AllowedOrigins', `${origin} is no origin such as https://shop.example`);
}

/** As browsers write it: scheme, host and port. */
export function isOrigin(text: string): boolean {
  return URL.parse(text)?.origin === text;
}
