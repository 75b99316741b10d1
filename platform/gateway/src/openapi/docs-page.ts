import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A page or document of the gateway itself. */
export interface OpenApiResponse {
  readonly contentType: string;
  readonly body: string;
  /** Beside the content type. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export const FAVICON_PATH = '/docs/favicon.svg';

const NOSNIFF = ['x-content-type-options', 'nosniff'] as const;
const read = (file: string) => readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');

/** One file, put together from three. It runs nothing but its own script, and talks to nobody but the gateway. */
export function createPage(): OpenApiResponse {
  const [style, script] = [read('docs-page.css'), read('docs-page-script.js')];
  const body = read('docs-page.html')
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('<script></script>', () => `<script>${script}</script>`);
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    contentType: 'text/html; charset=utf-8',
    body,
    headers: [['content-security-policy', policy.join('; ')], NOSNIFF, ['referrer-policy', 'no-referrer']],
  };
}

export function createFavicon(): OpenApiResponse {
  return {
    contentType: 'image/svg+xml',
    body: read('favicon.svg'),
    headers: [
      NOSNIFF,
      ['content-security-policy', "default-src 'none'"],
      ['cache-control', 'public, max-age=86400'],
    ],
  };
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
