import { askEarly } from '../api/early.ts';

/** Pages besides the first one, each loaded when it is wanted. */
export const PAGES = {
  search: () => import('./search.tsx'),
  product: () => import('./product.tsx'),
  basket: () => import('./basket.tsx'),
  checkout: () => import('./checkout.tsx'),
  purchases: () => import('./purchases.tsx'),
  purchase: () => import('./purchase.tsx'),
  account: () => import('./account.tsx'),
  notFound: () => import('./not-found.tsx'),
} as const;

const PATHS: readonly (readonly [pattern: RegExp, page: keyof typeof PAGES])[] = [
  [/^\/search$/, 'search'],
  [/^\/p\/[^/]+$/, 'product'],
  [/^\/basket$/, 'basket'],
  [/^\/checkout$/, 'checkout'],
  [/^\/purchases$/, 'purchases'],
  [/^\/purchases\/[^/]+$/, 'purchase'],
  [/^\/account$/, 'account'],
];

/** What an address needs beside what all need. A failure is seen by whoever shows the page. */
export function preload(path: string): void {
  const page = PATHS.find(([pattern]) => pattern.test(path))?.[1];
  if (page !== undefined) PAGES[page]().catch(() => undefined);
  const product = /^\/p\/([\w-]+)$/.exec(path)?.[1];
  if (path === '/') askEarly('/web/home');
  else if (product !== undefined) askEarly(`/products/${product}`);
}
