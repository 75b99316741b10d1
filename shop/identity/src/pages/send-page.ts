import type { ServerResponse } from 'node:http';
import type { Page } from './pages.ts';
import { PASSKEY_SCRIPT_HASH } from './passkey-script.ts';
import { STYLE_HASH } from './style.ts';

interface HeaderSink {
  status: number;
  set(name: string, value: string): void;
  body: unknown;
}

/** No script but the one of passkeys, no image, no frame, and forms that end at this issuer or at the client that asked. */
export function pageHeaders(
  { hasScript = false }: Pick<Page, 'hasScript'> = {},
  formTargets: readonly string[] = [],
): Readonly<Record<string, string>> {
  const script = hasScript ? ` script-src ${PASSKEY_SCRIPT_HASH};` : '';
  const targets = ["'self'", ...formTargets.map(sourceOf)].join(' ');
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src ${STYLE_HASH};${script} form-action ${targets}; frame-ancestors 'none'; base-uri 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    // With `no-referrer` browsers say that a form comes from `null`, and it would not be known for one of ours.
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
  };
}

/** A browser counts redirects after a form as part of sending it. */
function sourceOf(uri: string): string {
  const { protocol, origin } = new URL(uri);
  return protocol === 'http:' || protocol === 'https:' ? origin : protocol;
}

export function sendPage(ctx: HeaderSink, page: Page, formTargets: readonly string[] = []): void {
  if (page.status !== undefined) ctx.status = page.status;
  const headers = { ...pageHeaders(page, formTargets), ...page.headers };
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
  ctx.body = page.html;
}

export function writePage(res: ServerResponse, page: Page, formTargets: readonly string[] = []): void {
  const headers = { ...pageHeaders(page, formTargets), ...page.headers };
  res.writeHead(page.status ?? 200, { ...headers, 'content-length': String(Buffer.byteLength(page.html)) });
  res.end(page.html);
}
