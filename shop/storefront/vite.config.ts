import { defineConfig, type IndexHtmlTransformContext, type Plugin } from 'vite';

type Bundle = NonNullable<IndexHtmlTransformContext['bundle']>;

/** A chunk and what it imports. */
function withImports(file: string, bundle: Bundle, found = new Set<string>()): ReadonlySet<string> {
  const chunk = bundle[file];
  if (chunk?.type !== 'chunk' || found.has(file)) return found;
  found.add(file);
  for (const imported of chunk.imports) withImports(imported, bundle, found);
  return found;
}

/**
 * What every page needs is on its way as soon as the document is read, and not when the script that imports it has run. Text is drawn as
 * soon as the page is: its fonts are wanted before the style sheet that names them is read, and after the scripts, without which there is
 * no text.
 */
const preloadWhatAllNeed: Plugin = {
  name: 'preload-what-all-need',
  transformIndexHtml: (_html, { bundle = {} }) => {
    const app = Object.values(bundle).find(
      (part) => part.type === 'chunk' && part.facadeModuleId?.endsWith('/src/main.tsx'),
    );
    if (app === undefined) return []; // the development server has no bundle
    const entry = Object.values(bundle).find((part) => part.type === 'chunk' && part.isEntry);
    const known = entry === undefined ? new Set<string>() : withImports(entry.fileName, bundle);
    // The largest first: browsers ask a server for six things at a time, unless it speaks HTTP/2.
    const sizeOf = (file: string) => (bundle[file]?.type === 'chunk' ? bundle[file].code.length : 0);
    const scripts = [...withImports(app.fileName, bundle)]
      .filter((file) => !known.has(file))
      .sort((a, b) => sizeOf(b) - sizeOf(a));
    const fonts = Object.keys(bundle).filter((file) => file.endsWith('.woff2'));
    return [
      ...scripts.map((file) => ({
        tag: 'link',
        attrs: { rel: 'modulepreload', href: `/${file}`, crossorigin: true },
        injectTo: 'head' as const,
      })),
      ...fonts.map((file) => ({
        tag: 'link',
        attrs: {
          ...{ rel: 'preload', href: `/${file}`, as: 'font', type: 'font/woff2', crossorigin: true },
          fetchpriority: 'low',
        },
        injectTo: 'head' as const,
      })),
    ];
  },
};

export default defineConfig({
  appType: 'mpa', // the development server must not answer an unknown path with a page either
  plugins: [preloadWhatAllNeed],
  oxc: { jsx: { runtime: 'automatic' } },
  build: {
    manifest: 'assets/manifest.json', // what a page loads first; a test weighs it
    assetsInlineLimit: 0, // the policy of the pages allows no data: URLs
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onwarn: (warning, warn) => {
        // What libraries say to servers; there is none here.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
      output: {
        codeSplitting: {
          // Libraries change seldom: browsers keep them over many deployments.
          groups: [
            {
              name: 'libraries',
              test: /node_modules\/(react|react-dom|scheduler|wouter|@tanstack)\/|rolldown\/runtime/,
            },
            // What knows which page is wanted, and what that shows, runs before the rest has arrived.
            { name: 'pages', test: /\/src\/(pages\/pages|api\/early)|vite\/preload-helper/, priority: 2 },
            // One file of what all pages need: each more is a way to the server and back.
            {
              name: 'shop',
              test: /\/src\/(main|app|vitals|pages\/home|(api|cart|session|ui)\/|orders\/words)/,
            },
          ],
        },
      },
    },
  },
});
