import { type Bff, type BffOptions, createBff } from '@flotilla/bff';
import { createFiles } from '@flotilla/bff/files';
import { type HttpClient, handle, noContent, type RawRoutes, type RouteHandler } from '@flotilla/http';
import { getSitemap, getWebHome, reportVitals } from '@shop/contracts';
import { frontPage } from './front-page.ts';
import { createSitemap } from './sitemap.ts';
import { createVitals } from './vitals.ts';

export interface WebBffDeps extends Omit<BffOptions, 'product'> {
  readonly orders: HttpClient;
  readonly inventory: HttpClient;
  readonly recommendation: HttpClient;
  /** Where the built storefront is; `undefined` = no pages. */
  readonly frontendDirectory: string | undefined;
}

export interface WebBffApp {
  readonly bff: Bff;
  readonly handlers: readonly RouteHandler[];
  readonly rawRoutes: RawRoutes;
}

/** Paths that are pages of the storefront. The gateway has the same list. */
export const PAGES = [
  '/',
  '/search',
  '/p/:id',
  '/basket',
  '/checkout',
  '/purchases',
  '/purchases/:id',
  '/account',
] as const;
/** Where the gateway sends browsers whose address is nobody's. */
const NO_PAGE = '/not-found';
const FILES = ['/images/', '/robots.txt', '/favicon.svg', '/manifest.webmanifest'] as const;

/** Sessions, the first page, what browsers measure, and the storefront itself. */
export function createWebBffApp(deps: WebBffDeps): WebBffApp {
  const { frontendDirectory: directory, metrics, logger, origin, clock } = deps;
  const bff = createBff({ ...deps, product: 'fl' });
  const takeVitals = createVitals(metrics, logger);
  const sitemap = createSitemap(deps);
  const files = createFiles({
    ...{ directory, pages: PAGES, missing: NO_PAGE, files: FILES, origin, clock },
  });
  return {
    bff,
    handlers: [
      ...bff.handlers,
      handle(getWebHome, ({ headers, signal }) => frontPage({ ...deps, bff }, headers, signal)),
      handle(getSitemap, sitemap),
      handle(reportVitals, async ({ headers, body }) => {
        bff.guard.checkOrigin(headers, 'POST');
        takeVitals(body);
        return noContent();
      }),
    ],
    rawRoutes: async (app, tools) => {
      await bff.rawRoutes(app, tools);
      await files(app, tools);
    },
  };
}
