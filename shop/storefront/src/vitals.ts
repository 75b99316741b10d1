import type { Static } from '@flotilla/kernel';
import type { reportVitals as route } from '@shop/contracts';
import type { Metric } from 'web-vitals';

type Report = Static<NonNullable<(typeof route)['body']>>;
type Kind = Report['page'];
type Vital = Report['vitals'][number];

const KINDS: readonly (readonly [path: RegExp, kind: Kind])[] = [
  [/^\/$/, 'home'],
  [/^\/search$/, 'search'],
  [/^\/p\//, 'product'],
  [/^\/basket$/, 'basket'],
  [/^\/checkout$/, 'checkout'],
  [/^\/purchases$/, 'purchases'],
  [/^\/purchases\//, 'purchase'],
  [/^\/account$/, 'account'],
];

/** Which product or order somebody looks at is nobody's business. */
function kindOf(path: string): Kind {
  return KINDS.find(([pattern]) => pattern.test(path))?.[1] ?? 'other';
}

const MAX_VITALS = 10;

/** Measured from when the page has nothing else to do, told in one message when it is left. Belongs to the page that was loaded first. */
export function reportVitals(): void {
  const page = kindOf(location.pathname);
  const found = new Map<string, Vital>();
  const note = ({ id, name, value }: Metric) => {
    found.set(id, { name, value });
  };
  const tell = () => {
    if (document.visibilityState !== 'hidden' || found.size === 0) return;
    const body = JSON.stringify({ page, vitals: [...found.values()].slice(0, MAX_VITALS) } satisfies Report);
    found.clear();
    const headers = { 'Content-Type': 'application/json', 'X-CSRF': '1' };
    fetch('/bff/vitals', { method: 'POST', body, headers, keepalive: true }).catch(() => undefined);
  };
  const begin = async () => {
    const { onCLS, onINP, onLCP, onFCP, onTTFB } = await import('web-vitals');
    for (const observe of [onCLS, onINP, onLCP, onFCP, onTTFB]) observe(note);
    document.addEventListener('visibilitychange', tell);
  };
  const soon = () => setTimeout(() => void begin().catch(() => undefined), 1_000);
  if (document.readyState === 'complete') soon();
  else window.addEventListener('load', soon, { once: true });
}
